package io.umbra.processor;

import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.regex.Pattern;

/** One row of an opcode map: a meaning, its operands, and under which prefixes and ModRM bytes an opcode has it. {@link OpcodeMap} explains the columns. */
final class Form {
    /** The last column. */
    enum Attribute {
        /** LOCK is allowed when the first operand is memory. */
        LOCK,
        /** Not in 64-bit mode. */
        I64,
        /** Only in 64-bit mode. */
        O64,
        /** In 64-bit mode the operand size is 8, or 2 with the prefix 66: stack operations and near branches (AMD APM vol. 3, table B-5). */
        D64,
        /** In 64-bit mode the operand size is 8. */
        N64,
        /** The operand size is 8 in 64-bit mode, else 4. */
        NATIVE,
        /** The operand size is 1. */
        BYTE,
        /** The operand size is at most 4. */
        MAX4,
        /** Only without REX.W, or VEX.W. */
        W0,
        /** Only with it. */
        W1,
        /** Only without VEX.L. */
        L0,
        /** Only with VEX.L. */
        L1;

        private final String text = name().toLowerCase(Locale.ROOT);
    }

    private static final Pattern BLANKS = Pattern.compile(" +");

    /** What stands for an opcode that has no meaning. */
    static final Form UNDEFINED = new Form("00 * INVALID");

    private static final int ANY_RM = -1;

    final Mnemonic mnemonic;
    private final List<OperandSpec> operands = new ArrayList<>();
    private final Set<Attribute> attributes = EnumSet.noneOf(Attribute.class);
    private final Set<OpcodeMap.MandatoryPrefix> prefixes;
    private int firstOpcode;
    private int lastOpcode;

    private boolean hasSelector;
    private int reg = ANY_RM;
    private int rm = ANY_RM;
    private boolean allowsMemory = true;
    private boolean allowsRegister = true;

    /** The row's only prefix is 66, which then does not change the operand size. */
    final boolean usesOperandSizePrefix;
    /** The row's only prefix is F2 or F3, which then does not repeat. */
    final boolean usesRepeatPrefix;

    final boolean allowsLock;
    /** An operand is a register that VEX.vvvv names. */
    final boolean usesVexRegister;
    /** The memory operand's index is a vector register. */
    final boolean isVectorIndexed;

    /** @throws IllegalArgumentException when the row is not written as {@link OpcodeMap} describes */
    Form(String row) {
        String[] columns = BLANKS.split(row.trim(), -1);
        parseOpcode(columns[0]);
        prefixes = OpcodeMap.MandatoryPrefix.parse(columns[1]);
        mnemonic = Mnemonic.valueOf(columns[2]);
        for (int column = 3; column < columns.length; column++) {
            parseOperandsOrAttribute(columns[column]);
        }
        usesOperandSizePrefix = prefixes.equals(EnumSet.of(OpcodeMap.MandatoryPrefix.OPERAND_SIZE));
        usesRepeatPrefix = prefixes.equals(EnumSet.of(OpcodeMap.MandatoryPrefix.REP))
                || prefixes.equals(EnumSet.of(OpcodeMap.MandatoryPrefix.REPNE));
        allowsLock = has(Attribute.LOCK);
        usesVexRegister = operands.stream().anyMatch(OperandSpec::isVex);
        isVectorIndexed = operands.stream().anyMatch(spec -> spec.encoding() == OperandSpec.Encoding.RM_VECTOR_INDEXED);
    }

    private void parseOpcode(String text) {
        int slash = text.indexOf('/');
        String opcodes = slash < 0 ? text : text.substring(0, slash);
        firstOpcode = Integer.parseInt(opcodes.substring(0, 2), 16);
        lastOpcode = opcodes.length() == 5 ? Integer.parseInt(opcodes.substring(3), 16) : firstOpcode;
        if (slash >= 0) {
            hasSelector = true;
            parseSelector(text.substring(slash + 1));
        }
    }

    private void parseSelector(String text) {
        int at = 0;
        if (Character.isDigit(text.charAt(0))) {
            reg = text.charAt(0) - '0';
            at = 1;
        }
        switch (text.substring(at)) {
            case "" -> {}
            case "m" -> allowsRegister = false;
            case "r" -> allowsMemory = false;
            default -> {
                if (text.charAt(at) != ':') {
                    throw new IllegalArgumentException("selector " + text);
                }
                rm = Integer.parseInt(text.substring(at + 1));
                allowsMemory = false;
            }
        }
    }

    private void parseOperandsOrAttribute(String text) {
        for (Attribute attribute : Attribute.values()) {
            if (attribute.text.equalsIgnoreCase(text)) {
                attributes.add(attribute);
                return;
            }
        }
        for (String operand : text.split(",", -1)) {
            OperandSpec spec = OperandSpec.parse(operand);
            operands.add(spec);
            allowsRegister &= !spec.isMemoryOnly();
            allowsMemory &= !spec.isRegisterOnly();
        }
    }

    boolean has(Attribute attribute) {
        return attributes.contains(attribute);
    }

    int firstOpcode() {
        return firstOpcode;
    }

    int lastOpcode() {
        return lastOpcode;
    }

    boolean allows(OpcodeMap.MandatoryPrefix prefix, boolean rexW) {
        return prefixes.contains(prefix) && !has(rexW ? Attribute.W0 : Attribute.W1);
    }

    /** Of a VEX-coded row, which has one. */
    OpcodeMap.MandatoryPrefix onlyPrefix() {
        return prefixes.iterator().next();
    }

    boolean allows(boolean mode64) {
        return !has(mode64 ? Attribute.I64 : Attribute.O64);
    }

    boolean allowsLength(boolean vexL) {
        return !has(vexL ? Attribute.L0 : Attribute.L1);
    }

    /** @param modRm 0 … 255 */
    boolean allows(int modRm) {
        boolean isRegister = modRm >= 0xC0;
        return (isRegister ? allowsRegister : allowsMemory)
                && (reg == ANY_RM || reg == (modRm >> 3 & 7))
                && (rm == ANY_RM || rm == (modRm & 7));
    }

    /** What ModRM.reg must be, or -1. */
    int reg() {
        return reg;
    }

    boolean needsModRm() {
        return hasSelector || operands.stream().anyMatch(OperandSpec::needsModRm);
    }

    /** ModRM.mod has no meaning: the operand is a register whatever it says. */
    boolean ignoresMod() {
        return operands.stream().anyMatch(spec -> spec.encoding() == OperandSpec.Encoding.RM_GENERAL_ANY_MOD);
    }

    List<OperandSpec> operands() {
        return operands;
    }

    /**
     * @param plain in bytes, as prefixes and the code's default give it
     * @param prefixed the prefix 66 is present
     */
    int operandSize(int plain, boolean prefixed, boolean rexW, boolean mode64) {
        if (usesOperandSizePrefix) {
            return Math.max(plain, 4);
        }
        if (attributes.isEmpty()) {
            return plain;
        }
        if (has(Attribute.D64) && mode64) {
            return prefixed && !rexW ? 2 : 8;
        }
        if (has(Attribute.N64) && mode64) {
            return 8;
        }
        if (has(Attribute.NATIVE)) {
            return mode64 ? 8 : 4;
        }
        if (has(Attribute.BYTE)) {
            return 1;
        }
        return has(Attribute.MAX4) ? Math.min(plain, 4) : plain;
    }

    @Override
    public String toString() {
        return mnemonic + " " + operands + " " + attributes;
    }
}
