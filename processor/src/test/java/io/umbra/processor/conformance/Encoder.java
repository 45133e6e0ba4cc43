package io.umbra.processor.conformance;

import java.io.ByteArrayOutputStream;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;

/**
 * Encodes a row at random: prefixes in any order, useless ones too, REX where it is needed and where it is not, every addressing form, all registers, corner cases among the
 * immediates. No encoding it makes need fault.
 */
final class Encoder {
    private static final int RSP = 4;
    private static final int[] IGNORED_SEGMENTS = {0x26, 0x2E, 0x36, 0x3E};

    private final Random random;
    private final CodeMode mode;
    /** Linear address of the data's middle. */
    private final long middle;

    private OpcodeRow row;
    private Encoding e;
    private final ByteArrayOutputStream tail = new ByteArrayOutputStream();
    private int rex;
    private int modRm;
    private int sib;
    private int displacementBytes;
    private boolean ripRelative;
    private boolean operandSizePrefix;

    Encoder(Random random, long middle, CodeMode mode) {
        this.mode = mode;
        this.random = random;
        this.middle = middle;
        this.row = Encoding.NOTHING.row;
        this.e = Encoding.NOTHING;
    }

    Encoding encode(OpcodeRow wanted, int opcode, Slot slot) {
        while (true) {
            Encoding made = attempt(wanted, opcode, slot, slot.instruction());
            if (made.bytes.length <= 15 && isPossible(made)) {
                return made;
            }
        }
    }

    /** What always faults or leads nowhere is not wanted. */
    private static boolean isPossible(Encoding e) {
        if (e.row.isBranch() && e.row.operands().contains("Ev") && !e.hasMemory) {
            return e.rm != RSP;
        }
        if (e.row.isBitString() && e.hasMemory) {
            return !e.addresses(e.reg);
        }
        // DIV by the upper half of the dividend itself overflows, whatever is in it.
        boolean divides = e.mnemonic().endsWith("DIV") && !e.row.escape().equals("0F");
        boolean byUpperHalf = e.operandSize == 1 ? !e.hasRex && e.rm == 4 : e.rm == 2;
        return !(divides && !e.hasMemory && byUpperHalf);
    }

    private Encoding attempt(OpcodeRow wanted, int opcode, Slot slot, long at) {
        row = wanted;
        e = new Encoding(wanted, opcode, slot, mode);
        tail.reset();
        rex = 0;
        displacementBytes = 0;
        ripRelative = false;
        List<Integer> prefixes = prefixes();
        modRm();
        rex |= e.rexW ? 8 : 0;
        if (rex != 0 || mode.is64() && random.nextInt(6) == 0) {
            rex |= 0x40;
            e.hasRex = true;
        }
        int length = prefixes.size() + (e.hasRex ? 1 : 0) + row.escape().length() / 2 + 1;
        modRmBytes();
        int immediateAt = length + tail.size();
        for (String operand : row.operands()) {
            immediate(operand, slot, at + immediateAt);
        }
        length += tail.size();
        e.bytes = join(prefixes);
        if (ripRelative) {
            relocate(at + length, immediateAt);
        }
        return e;
    }

    private byte[] join(List<Integer> prefixes) {
        ByteArrayOutputStream all = new ByteArrayOutputStream();
        prefixes.forEach(all::write);
        if (e.hasRex) {
            all.write(rex);
        }
        for (int i = 0; i < row.escape().length(); i += 2) {
            all.write(Integer.parseInt(row.escape().substring(i, i + 2), 16));
        }
        all.write(e.opcode);
        all.writeBytes(tail.toByteArray());
        return all.toByteArray();
    }

    // ---- prefixes
    // ----------------------------------------------------------------------------------------------------------

    private List<Integer> prefixes() {
        List<Integer> prefixes = new ArrayList<>();
        List<String> choices = new ArrayList<>(row.prefixes());
        Collections.sort(choices);
        String choice = choices.get(random.nextInt(choices.size()));
        operandSizePrefix = false;
        if (choice.equals("*")) {
            // With a branch, 66 cuts RIP to 16 bits, where no code can be.
            operandSizePrefix = !row.isBranch() && random.nextInt(3) == 0;
            if (row.isString() ? random.nextBoolean() : mayRepeatInVain() && random.nextInt(24) == 0) {
                prefixes.add(random.nextBoolean() ? 0xF3 : 0xF2);
                e.repeats = row.isString();
            }
        } else if (choice.equals("66")) {
            operandSizePrefix = true;
        } else if (!choice.equals("-")) {
            prefixes.add(Integer.parseInt(choice, 16));
            operandSizePrefix = row.mnemonic().matches("POPCNT|CRC32") && random.nextInt(3) == 0;
        }
        if (operandSizePrefix) {
            prefixes.add(0x66);
        }
        e.addressSize = mode.is64() ? 8 : 4;
        // 16-bit addresses reach nothing that can be mapped.
        if ((mode.is64() || row.onlyAddresses()) && random.nextInt(8) == 0) {
            e.addressSize /= 2;
            prefixes.add(0x67);
        }
        if (mode.is64() && random.nextInt(12) == 0) {
            prefixes.add(IGNORED_SEGMENTS[random.nextInt(IGNORED_SEGMENTS.length)]);
        }
        if (row.has("lock") && row.allowsMemory() && random.nextInt(5) == 0) {
            e.lock = true;
            prefixes.add(0xF0);
        }
        e.rexW = row.has("W1") || mode.is64() && !row.has("W0") && random.nextInt(3) == 0;
        e.operandSize = operandSize();
        Collections.shuffle(prefixes, random);
        return prefixes;
    }

    /** F2 and F3 mean nothing to most one-byte opcodes. With 90 they make others, and under F2 AMD's processors take LOOPE for LOOPNE, and the other way round. */
    private boolean mayRepeatInVain() {
        return row.escape().isEmpty() && !row.mnemonic().matches("NOP|XCHG|LOOPN?E");
    }

    private int operandSize() {
        if (row.has("byte") || row.operands().contains("Eb") && !row.operands().contains("Gv")) {
            return 1;
        }
        if (!mode.is64()) {
            return operandSizePrefix ? 2 : 4;
        }
        if (row.has("d64")) {
            return operandSizePrefix && !e.rexW ? 2 : 8;
        }
        if (row.has("n64") || row.has("native")) {
            return 8;
        }
        return e.rexW ? 8 : operandSizePrefix ? 2 : 4;
    }

    // ---- ModRM
    // -------------------------------------------------------------------------------------------------------------

    private void modRm() {
        boolean hasRegisterInOpcode = row.operands().stream().anyMatch(operand -> operand.startsWith("Z"));
        if (hasRegisterInOpcode) {
            rex |= random.nextInt(registers() / 8);
            e.rm = e.opcode & 7 | (rex & 1) << 3;
        }
        if (row.operands().stream().anyMatch(operand -> operand.startsWith("O"))) {
            e.hasMemory = true;
            e.fixedAddress = target();
        }
        if (!row.hasModRm()) {
            return;
        }
        e.reg = row.digit() >= 0 ? row.digit() : random.nextInt(regs());
        rex |= (e.reg & 8) >> 1;
        if (mode.is64() && row.digit() >= 0 && random.nextInt(4) == 0) {
            rex |= 4;
        }
        e.hasMemory = row.allowsMemory() && (!row.allowsRegister() || e.lock || random.nextBoolean());
        if (e.hasMemory) {
            memory();
        } else {
            int registers = row.operands().stream().anyMatch(operand -> operand.matches("[QN]q")) ? 8 : registers();
            e.rm = row.rm() >= 0 ? row.rm() : random.nextInt(registers);
            if (row.operands().contains("STi")) {
                e.rm &= 7;
            }
            rex |= e.rm >> 3;
            modRm = 0xC0 | (e.reg & 7) << 3 | e.rm & 7;
        }
    }

    /** There are six segment registers, and eight MMX registers. */
    private int regs() {
        if (row.operands().contains("Sw")) {
            return 6;
        }
        return row.operands().stream().anyMatch(operand -> operand.startsWith("P")) ? 8 : registers();
    }

    private int registers() {
        return mode.is64() ? 16 : 8;
    }

    /** Of instructions that do not use the memory they name. */
    private void memory16() {
        int mod = random.nextInt(3);
        int rm = random.nextInt(8);
        displacementBytes = mod == 0 ? rm == 6 ? 2 : 0 : mod;
        e.displacement = random.nextInt();
        modRm = mod << 6 | (e.reg & 7) << 3 | rm;
    }

    private void memory() {
        if (e.addressSize == 2) {
            memory16();
            return;
        }
        int form = random.nextInt(20);
        int reg = (e.reg & 7) << 3;
        if (form < 2) {
            ripRelative = mode.is64();
            e.fixedAddress = target();
            e.displacement = e.fixedAddress;
            displacementBytes = 4;
            modRm = reg | 5;
            return;
        }
        if (form < 5) {
            if (form > 2) {
                e.index = index();
                e.scale = random.nextInt(4);
            }
            displacementBytes = 4;
            e.fixedAddress = target();
            e.displacement = e.index < 0 ? e.fixedAddress : random.nextInt();
            modRm = reg | 4;
            sib = e.scale << 6 | (e.index < 0 ? 4 : e.index & 7) << 3 | 5;
            rex |= e.index < 0 ? 0 : (e.index & 8) >> 2;
            return;
        }
        e.base = random.nextInt(registers());
        // Where RSP is the stack's it is not free to make an address of.
        boolean stackBase = row.usesStack() && e.base == RSP;
        if (!stackBase && random.nextInt(3) == 0) {
            e.index = index();
            e.scale = random.nextInt(4);
        }
        int mod = (e.base & 7) == 5 ? 1 + random.nextInt(2) : random.nextInt(3);
        mod = stackBase && mod == 2 ? 1 : mod;
        displacementBytes = mod == 2 ? 4 : mod;
        e.displacement = mod == 0
                ? 0
                : mod == 1 ? stackBase ? random.nextInt(64) - 32 : (byte) random.nextInt() : random.nextInt();
        boolean needsSib = e.index >= 0 || (e.base & 7) == RSP || random.nextInt(6) == 0;
        modRm = mod << 6 | reg | (needsSib ? 4 : e.base & 7);
        sib = needsSib ? e.scale << 6 | (e.index < 0 ? 4 : e.index & 7) << 3 | e.base & 7 : -1;
        rex |= (e.base & 8) >> 3 | (e.index < 0 ? 0 : (e.index & 8) >> 2);
    }

    private int index() {
        int register = random.nextInt(registers() - 1);
        return register >= RSP ? register + 1 : register;
    }

    private void modRmBytes() {
        if (!row.hasModRm()) {
            return;
        }
        tail.write(modRm);
        if (e.hasMemory) {
            if (e.addressSize > 2 && (modRm & 7) == 4) {
                tail.write(sib);
            }
            little(e.displacement, displacementBytes);
        }
    }

    /** Puts the displacement of a RIP-relative operand, which counts from the next instruction, before the immediate. */
    private void relocate(long next, int immediateAt) {
        long relative = e.fixedAddress - next;
        for (int i = 0; i < 4; i++) {
            e.bytes[immediateAt - 4 + i] = (byte) (relative >>> 8 * i);
        }
    }

    private long target() {
        return e.align(middle - 96 + random.nextInt(192));
    }

    // ---- immediates
    // --------------------------------------------------------------------------------------------------------

    private void immediate(String operand, Slot slot, long at) {
        switch (operand) {
            case "Ib", "sIb" -> number(1);
            case "Iw" -> number(2);
            case "sIz" -> number(Math.min(e.operandSize, 4));
            case "Iv" -> number(e.operandSize);
            case "Ob", "Ov" -> little(e.fixedAddress, e.addressSize);
            case "Jb" -> relative(1, slot, at + 1);
            case "Jz" -> relative(4, slot, at + 4);
            default -> {}
        }
    }

    private void number(int bytes) {
        e.immediate = OperandValues.next(random);
        if (row.mnemonic().equals("ENTER") || row.mnemonic().equals("RET_NEAR")) {
            e.immediate = random.nextInt(bytes == 2 ? 128 : 256);
        }
        if (row.mnemonic().equals("AAM") && (e.immediate & 0xFF) == 0) {
            e.immediate = 10;
        }
        little(e.immediate, bytes);
    }

    private void relative(int bytes, Slot slot, long next) {
        e.branchTarget = random.nextBoolean() ? slot.backward() : slot.forward();
        little(e.branchTarget - next, bytes);
    }

    private void little(long value, int bytes) {
        for (int i = 0; i < bytes; i++) {
            tail.write((int) (value >>> 8 * i));
        }
    }
}
