package io.umbra.processor.conformance;

import io.umbra.processor.OpcodeTables;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * One row of the decoder's tables, read apart from the decoder.
 *
 * @param escape bytes before the opcode, in hexadecimal
 * @param digit what ModRM.reg must be, or -1
 * @param rm what ModRM.rm must be, or -1
 * @param prefixes {@code *}, {@code -}, {@code 66}, {@code F3}, {@code F2}
 * @param operands in the notation of the tables
 */
record OpcodeRow(
        String escape,
        int firstOpcode,
        int lastOpcode,
        int digit,
        int rm,
        boolean allowsMemory,
        boolean allowsRegister,
        Set<String> prefixes,
        String mnemonic,
        List<String> operands,
        Set<String> attributes,
        String text) {
    private static final Set<String> ATTRIBUTES =
            Set.of("lock", "i64", "o64", "d64", "n64", "native", "byte", "max4", "W0", "W1");
    private static final String WITH_MODRM = "EGRMWVUQPNSCD";

    /** All rows that exist in 64-bit mode. */
    static Stream<OpcodeRow> longMode() {
        return all().filter(row -> !row.has("i64"));
    }

    /** All rows that exist outside it. */
    static Stream<OpcodeRow> legacyMode() {
        return all().filter(row -> !row.has("o64") && !row.has("W1"));
    }

    private static Stream<OpcodeRow> all() {
        return OpcodeTables.all().stream()
                .flatMap(table -> table.rows().lines().map(line -> parse(table.escape(), line.trim())));
    }

    private static OpcodeRow parse(String escape, String text) {
        String[] columns = text.split(" +", -1);
        String[] opcode = columns[0].split("/", -1);
        String[] range = opcode[0].split("-", -1);
        String selector = opcode.length > 1 ? opcode[1] : "";
        boolean hasDigit = !selector.isEmpty() && Character.isDigit(selector.charAt(0));
        int colon = selector.indexOf(':');
        List<String> operands = new ArrayList<>();
        List<String> attributes = new ArrayList<>();
        for (String column : List.of(columns).subList(3, columns.length)) {
            (ATTRIBUTES.contains(column) ? attributes : operands).addAll(List.of(column.split(",", -1)));
        }
        boolean memoryOnly = operands.stream().anyMatch(operand -> operand.startsWith("M"));
        boolean registerOnly = operands.stream().anyMatch(operand -> operand.matches("[UN].|STi"));
        boolean hasEither = operands.stream().anyMatch(operand -> operand.matches("[EWQ].*"));
        return new OpcodeRow(
                escape,
                Integer.parseInt(range[0], 16),
                Integer.parseInt(range[range.length - 1], 16),
                hasDigit ? selector.charAt(0) - '0' : -1,
                colon < 0 ? -1 : selector.charAt(colon + 1) - '0',
                (memoryOnly || hasEither) && !selector.endsWith("r") && colon < 0,
                (hasEither || registerOnly || !selector.isEmpty() && !memoryOnly) && !selector.endsWith("m"),
                Arrays.stream(columns[1].split(",", -1)).collect(Collectors.toUnmodifiableSet()),
                columns[2],
                List.copyOf(operands),
                Set.copyOf(attributes),
                (escape + " " + String.join(" ", columns)).trim());
    }

    boolean hasModRm() {
        return digit >= 0
                || operands.stream()
                        .anyMatch(operand -> WITH_MODRM.indexOf(operand.charAt(0)) >= 0 && !isFixed(operand));
    }

    /** DX, CL, ES …: upper case to the end. */
    private static boolean isFixed(String operand) {
        return operand.matches("[A-Z]{2}");
    }

    boolean has(String attribute) {
        return attributes.contains(attribute);
    }

    boolean isString() {
        return switch (mnemonic) {
            case "MOVS", "CMPS", "SCAS", "LODS", "STOS" -> true;
            default -> false;
        };
    }

    /** RSP is an address of the stack, not just a register. */
    boolean usesStack() {
        return switch (mnemonic) {
            case "PUSH",
                    "POP",
                    "PUSHF",
                    "POPF",
                    "PUSH_SEG",
                    "PUSHA",
                    "POPA",
                    "ENTER",
                    "LEAVE",
                    "CALL_NEAR",
                    "RET_NEAR" -> true;
            default -> false;
        };
    }

    boolean isBranch() {
        return switch (mnemonic) {
            case "JCC", "LOOP", "LOOPE", "LOOPNE", "JCXZ", "CALL_NEAR", "JMP_NEAR", "RET_NEAR" -> true;
            default -> false;
        };
    }

    /** Names memory without touching it, or without ever faulting. */
    boolean onlyAddresses() {
        return operands.stream().anyMatch(operand -> operand.equals("M0") || operand.endsWith(":0"));
    }

    boolean isBitString() {
        return mnemonic.matches("BT[SRC]?") && operands.contains("Gv");
    }

    @Override
    public String toString() {
        return text;
    }
}
