package io.umbra.processor;

import io.umbra.x86.RFlags;
import io.umbra.x86.VcpuState;

/** PCMPESTRI, PCMPESTRM, PCMPISTRI and PCMPISTRM. Intel SDM vol. 2A, 4.1 "Imm8 Control Byte Operation"; the names of the comparisons are from there. */
final class StringCompareOps {
    private static final int EQUAL_ANY = 0, RANGES = 1, EQUAL_EACH = 2;

    private StringCompareOps() {}

    /**
     * @param explicit lengths are in rAX and rDX; else a string ends before its first zero
     * @param index the result is a position, to ECX; else a mask, to XMM0
     */
    static Op make(boolean explicit, boolean index, Instruction i, int offsetInPage) {
        return new Compare(explicit, index, i, offsetInPage);
    }

    private static final class Compare extends VectorOp {
        private final boolean explicit;
        private final boolean index;
        private final int lengthBytes;
        /** Of one character. */
        private final int bits;
        /** Characters in an operand. */
        private final int count;

        private final boolean signed;
        private final int aggregation;
        private final boolean negates;
        private final boolean negatesValidOnly;
        /** The most significant position, or a mask of whole characters. */
        private final boolean outputBit;

        Compare(boolean explicit, boolean index, Instruction i, int offsetInPage) {
            super(i, offsetInPage);
            this.explicit = explicit;
            this.index = index;
            lengthBytes = i.operandSize == 8 ? 8 : 4;
            int control = immediate(i);
            bits = (control & 1) == 0 ? 8 : 16;
            count = 128 / bits;
            signed = (control & 2) != 0;
            aggregation = control >> 2 & 3;
            negates = (control & 0x10) != 0;
            negatesValidOnly = (control & 0x20) != 0;
            outputBit = (control & 0x40) != 0;
        }

        @Override
        void execute(Cpu cpu) {
            check(cpu);
            long low = from.low(cpu);
            long high = from.high(cpu);
            int firstLength = length(cpu, VcpuState.RAX, to.low(cpu), to.high(cpu));
            int secondLength = length(cpu, VcpuState.RDX, low, high);
            int matches = 0;
            for (int position = 0; position < count; position++) {
                if (matches(to.low(cpu), to.high(cpu), firstLength, low, high, secondLength, position)) {
                    matches |= 1 << position;
                }
            }
            if (negates) {
                matches ^= (1 << (negatesValidOnly ? secondLength : count)) - 1;
            }
            if (index) {
                cpu.setRegister(VcpuState.RCX, 4, position(matches));
            } else {
                writeMask(cpu, matches);
            }
            cpu.flags.fromRFlags((matches != 0 ? RFlags.CARRY : 0)
                    | (secondLength < count ? RFlags.ZERO : 0)
                    | (firstLength < count ? RFlags.SIGN : 0)
                    | ((matches & 1) != 0 ? RFlags.OVERFLOW : 0));
        }

        private int length(Cpu cpu, int register, long low, long high) {
            if (explicit) {
                long value = lengthBytes == 8 ? cpu.gpr[register] : (int) cpu.gpr[register];
                return value == Long.MIN_VALUE ? count : (int) Math.min(Math.abs(value), count);
            }
            int length = 0;
            while (length < count && character(low, high, length) != 0) {
                length++;
            }
            return length;
        }

        private int character(long low, long high, int number) {
            int at = number * bits;
            long top = (at < 64 ? low : high) >>> at << 64 - bits;
            return (int) (signed ? top >> 64 - bits : top >>> 64 - bits);
        }

        private boolean matches(long low1, long high1, int length1, long low2, long high2, int length2, int position) {
            if (aggregation == EQUAL_EACH) {
                return position < length1 && position < length2
                        ? character(low1, high1, position) == character(low2, high2, position)
                        : position >= length1 && position >= length2;
            }
            if (aggregation == EQUAL_ANY || aggregation == RANGES) {
                return position < length2 && isMember(low1, high1, length1, character(low2, high2, position));
            }
            for (int i = 0; i < length1 && position + i < count; i++) {
                if (position + i >= length2 || character(low1, high1, i) != character(low2, high2, position + i)) {
                    return false;
                }
            }
            return true;
        }

        /** Whether the first operand, as a set of characters or of ranges, has it. */
        private boolean isMember(long low, long high, int length, int character) {
            if (aggregation == EQUAL_ANY) {
                for (int i = 0; i < length; i++) {
                    if (character(low, high, i) == character) {
                        return true;
                    }
                }
                return false;
            }
            for (int i = 0; i + 1 < length; i += 2) {
                if (character(low, high, i) <= character && character <= character(low, high, i + 1)) {
                    return true;
                }
            }
            return false;
        }

        private int position(int matches) {
            if (matches == 0) {
                return count;
            }
            return outputBit ? 31 - Integer.numberOfLeadingZeros(matches) : Integer.numberOfTrailingZeros(matches);
        }

        private void writeMask(Cpu cpu, int matches) {
            cpu.state.xmm[0] = outputBit ? characters(matches) : matches;
            cpu.state.xmm[1] = outputBit ? characters(matches >>> count / 2) : 0;
            if (isVex()) {
                cpu.state.ymmHigh[0] = 0;
                cpu.state.ymmHigh[1] = 0;
            }
        }

        private long characters(int matches) {
            long result = 0;
            for (int at = 0; at < 64; at += bits) {
                result |= (matches >>> at / bits & 1) != 0 ? -1L >>> 64 - bits << at : 0;
            }
            return result;
        }
    }
}
