package io.umbra.processor;

import io.umbra.x86.RFlags;
import io.umbra.x86.VcpuState;

/**
 * BMI1, BMI2 and LZCNT. All but TZCNT and LZCNT are VEX-coded, and so #UD in real-address and virtual-8086 mode. Operands are 32 or 64 bits wide, those two may also have 16. Flags that the manuals leave
 * undefined are as {@link Flags#logic} gives them.
 */
final class BmiOps {
    private BmiOps() {}

    /** TZCNT, LZCNT: of zero, all bits of the operand. */
    static Op count(boolean leading, Instruction i, int offsetInPage) {
        return new Count(leading, Place.of(i, 0, offsetInPage), Place.of(i, 1, offsetInPage));
    }

    /** What has a destination and one or two sources, in the order of the operands. */
    static Op make(Instruction i, int offsetInPage) {
        return switch (i.mnemonic) {
            case ANDN -> new AndNot(i, offsetInPage);
            case BLSR, BLSMSK, BLSI -> new LowestBit(i, offsetInPage);
            case BZHI -> new ZeroHigh(i, offsetInPage);
            case BEXTR -> new Extract(i, offsetInPage);
            case PDEP -> new Deposit(i, offsetInPage);
            case PEXT -> new Gather(i, offsetInPage);
            case MULX -> new Multiply(i, offsetInPage);
            default -> new Shift(i, offsetInPage);
        };
    }

    /** CF: the source is zero; ZF: the result is. */
    private static final class Count extends TwoOperandOp {
        private final boolean leading;

        Count(boolean leading, Place first, Place second) {
            super(first, second);
            this.leading = leading;
        }

        @Override
        void execute(Cpu cpu) {
            long source = second.read(cpu);
            int unused = 64 - second.bits;
            int count = leading
                    ? Long.numberOfLeadingZeros(source) - unused
                    : Math.min(Long.numberOfTrailingZeros(source), second.bits);
            first.write(cpu, count);
            cpu.flags.logic(count, second.bits);
            cpu.flags.carry(source == 0);
        }
    }

    private abstract static class VexOp extends Op {
        final Place to;
        final Place first;
        /** The same as {@link #first} where there is only one. */
        final Place second;

        final int bits;

        VexOp(Instruction i, int offsetInPage) {
            to = Place.of(i, 0, offsetInPage);
            first = Place.of(i, 1, offsetInPage);
            second = Place.of(i, i.operands.length - 1, to.size, offsetInPage);
            bits = to.bits;
        }

        @Override
        boolean isStackOperand() {
            return first.isOnStack() || second.isOnStack();
        }
    }

    private static final class AndNot extends VexOp {
        AndNot(Instruction i, int offsetInPage) {
            super(i, offsetInPage);
        }

        @Override
        void execute(Cpu cpu) {
            cpu.checkVex();
            long result = ~first.read(cpu) & second.read(cpu);
            to.write(cpu, result);
            cpu.flags.logic(result, bits);
        }
    }

    /** BLSR clears it, BLSI isolates it, BLSMSK makes a mask up to it. CF of BLSI: there is one; of the others: there is none. */
    private static final class LowestBit extends VexOp {
        private final Mnemonic operation;

        LowestBit(Instruction i, int offsetInPage) {
            super(i, offsetInPage);
            operation = i.mnemonic;
        }

        @Override
        void execute(Cpu cpu) {
            cpu.checkVex();
            long source = first.read(cpu);
            long result = switch (operation) {
                case BLSR -> source & source - 1;
                case BLSI -> source & -source;
                default -> source ^ source - 1;
            };
            to.write(cpu, result);
            cpu.flags.logic(result, bits);
            cpu.flags.carry(operation == Mnemonic.BLSI == (source != 0));
        }
    }

    /** Keeps as many low bits as bits 7..0 of the second source say; CF: that is all of them or more. */
    private static final class ZeroHigh extends VexOp {
        ZeroHigh(Instruction i, int offsetInPage) {
            super(i, offsetInPage);
        }

        @Override
        void execute(Cpu cpu) {
            cpu.checkVex();
            long source = first.read(cpu);
            int kept = (int) second.read(cpu) & 0xFF;
            long result = kept < bits ? source & (1L << kept) - 1 : source;
            to.write(cpu, result);
            cpu.flags.logic(result, bits);
            cpu.flags.carry(kept >= bits);
        }
    }

    /** Bits 7..0 of the second source say where, 15..8 how many. */
    private static final class Extract extends VexOp {
        Extract(Instruction i, int offsetInPage) {
            super(i, offsetInPage);
        }

        @Override
        void execute(Cpu cpu) {
            cpu.checkVex();
            long source = first.read(cpu);
            int start = (int) second.read(cpu) & 0xFF;
            int length = (int) (second.read(cpu) >>> 8) & 0xFF;
            long shifted = start < 64 ? source >>> start : 0;
            long result = length < 64 ? shifted & (1L << length) - 1 : shifted;
            to.write(cpu, result);
            cpu.flags.fromRFlags(result == 0 ? RFlags.ZERO : 0);
        }
    }

    /** Low bits of the first source, spread to the places that the second has set. */
    private static final class Deposit extends VexOp {
        Deposit(Instruction i, int offsetInPage) {
            super(i, offsetInPage);
        }

        @Override
        void execute(Cpu cpu) {
            cpu.checkVex();
            to.write(cpu, Long.expand(first.read(cpu), second.read(cpu)));
        }
    }

    /** The bits of the first source at the places that the second has set, side by side. */
    private static final class Gather extends VexOp {
        Gather(Instruction i, int offsetInPage) {
            super(i, offsetInPage);
        }

        @Override
        void execute(Cpu cpu) {
            cpu.checkVex();
            to.write(cpu, Long.compress(first.read(cpu), second.read(cpu)));
        }
    }

    /** (R)DX times the last operand: the high half to the first, the low half to the second; the high half stays when they are one register. */
    private static final class Multiply extends VexOp {
        Multiply(Instruction i, int offsetInPage) {
            super(i, offsetInPage);
        }

        @Override
        void execute(Cpu cpu) {
            cpu.checkVex();
            long a = cpu.register(VcpuState.RDX, to.size);
            long b = second.read(cpu);
            first.write(cpu, a * b);
            to.write(cpu, bits == 64 ? Math.unsignedMultiplyHigh(a, b) : a * b >>> 32);
        }
    }

    /** SHLX, SHRX, SARX by the second source, RORX by an immediate: cut to the width, no flag changes. */
    private static final class Shift extends VexOp {
        private final Mnemonic operation;

        Shift(Instruction i, int offsetInPage) {
            super(i, offsetInPage);
            operation = i.mnemonic;
        }

        @Override
        void execute(Cpu cpu) {
            cpu.checkVex();
            long source = first.read(cpu);
            int count = (int) second.read(cpu) & bits - 1;
            to.write(
                    cpu,
                    switch (operation) {
                        case SHLX -> source << count;
                        case SHRX -> source >>> count;
                        case SARX -> source << 64 - bits >> 64 - bits >> count;
                        default ->
                            bits == 64 ? Long.rotateRight(source, count) : Integer.rotateRight((int) source, count);
                    });
        }
    }
}
