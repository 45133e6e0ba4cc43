package io.umbra.processor.conformance;

import static io.umbra.x86.RFlags.AUXILIARY;
import static io.umbra.x86.RFlags.CARRY;
import static io.umbra.x86.RFlags.OVERFLOW;
import static io.umbra.x86.RFlags.PARITY;
import static io.umbra.x86.RFlags.SIGN;
import static io.umbra.x86.RFlags.STATUS;
import static io.umbra.x86.RFlags.ZERO;

/** Which status flags the manuals leave undefined (SDM vol. 1, appendix A, and the pages of the instructions). */
final class UndefinedFlags {
    private static final int RCX = 1;

    /** @param gpr the registers before the instruction */
    static long of(Encoding e, long[] gpr) {
        return switch (e.mnemonic()) {
            case "AND", "OR", "XOR", "TEST" -> AUXILIARY;
            case "MUL", "IMUL" -> SIGN | ZERO | AUXILIARY | PARITY;
            case "DIV", "IDIV" -> STATUS;
            case "BT", "BTS", "BTR", "BTC" -> OVERFLOW | SIGN | AUXILIARY | PARITY;
            case "BSF", "BSR" -> STATUS & ~ZERO;
            case "TZCNT", "LZCNT" -> STATUS & ~ZERO & ~CARRY;
            case "ROL", "ROR", "RCL", "RCR" -> count(e, gpr) > 1 ? OVERFLOW : 0;
            case "SHL", "SHR", "SAR" -> shift(e, count(e, gpr));
            case "SHLD", "SHRD" -> doubleShift(e, count(e, gpr));
            case "DAA", "DAS" -> OVERFLOW;
            case "AAA", "AAS" -> OVERFLOW | SIGN | ZERO | PARITY;
            case "AAM", "AAD" -> OVERFLOW | AUXILIARY | CARRY;
            default -> 0;
        };
    }

    private static long shift(Encoding e, int count) {
        boolean carryIsLost = count >= 8 * e.operandSize && !e.mnemonic().equals("SAR");
        return (count > 0 ? AUXILIARY : 0) | (count > 1 ? OVERFLOW : 0) | (carryIsLost ? CARRY : 0);
    }

    /** A 16-bit operand can be shifted by more than it has. */
    private static long doubleShift(Encoding e, int count) {
        return count > 8 * e.operandSize ? STATUS : (count > 0 ? AUXILIARY : 0) | (count > 1 ? OVERFLOW : 0);
    }

    private static int count(Encoding e, long[] gpr) {
        String last = e.row.operands().getLast();
        long count = last.equals("1") ? 1 : last.equals("CL") ? gpr[RCX] : e.immediate;
        return (int) count & (e.operandSize == 8 ? 63 : 31);
    }

    private UndefinedFlags() {}
}
