package io.umbra.processor;

import io.umbra.x86.VcpuState;

/** MUL, IMUL, DIV, IDIV, and the sign extensions of RAX that go before them: CBW … CDQE, CWD … CQO. */
final class MultiplyDivideOps {
    private MultiplyDivideOps() {}

    static Op multiply(Instruction i, int offsetInPage) {
        return new Multiply(Place.of(i, 0, offsetInPage));
    }

    static Op multiplySigned(Instruction i, int offsetInPage) {
        Place first = Place.of(i, 0, offsetInPage);
        return switch (i.operands.length) {
            case 1 -> new MultiplySigned(first);
            case 2 -> new MultiplyRegister(first, first, Place.of(i, 1, offsetInPage));
            default ->
                new MultiplyRegister(first, Place.of(i, 1, offsetInPage), Place.of(i, 2, first.size, offsetInPage));
        };
    }

    static Op divide(Instruction i, int offsetInPage) {
        return new Divide(Place.of(i, 0, offsetInPage));
    }

    static Op divideSigned(Instruction i, int offsetInPage) {
        return new DivideSigned(Place.of(i, 0, offsetInPage));
    }

    static Op extendAccumulator(Instruction i) {
        return new ExtendAccumulator(i.operandSize);
    }

    static Op extendIntoHighHalf(Instruction i) {
        return new ExtendIntoHighHalf(i.operandSize);
    }

    private static final class Multiply extends OneOperandOp {
        Multiply(Place operand) {
            super(operand);
        }

        @Override
        void execute(Cpu cpu) {
            Multiplier.multiply(cpu, operand.read(cpu), operand.size);
        }
    }

    private static final class MultiplySigned extends OneOperandOp {
        MultiplySigned(Place operand) {
            super(operand);
        }

        @Override
        void execute(Cpu cpu) {
            Multiplier.multiplySigned(cpu, operand.readSigned(cpu), operand.size);
        }
    }

    private static final class MultiplyRegister extends TwoOperandOp {
        private final Place target;

        MultiplyRegister(Place target, Place first, Place second) {
            super(first, second);
            this.target = target;
        }

        /** CF and OF change, the others stay. */
        @Override
        FlagUse flagUse() {
            return first.isMemory() || second.isMemory() ? FlagUse.OBSERVES : FlagUse.PASSES;
        }

        @Override
        void translate(RegionCode code) {
            target.translateWrite(code, () -> {
                boolean live = code.flagsAreLive();
                if (live) {
                    code.cpu();
                }
                first.translateReadSigned(code);
                second.translateReadSigned(code);
                if (live) {
                    code.push(target.size);
                    code.call(
                            Multiplier.class,
                            "multiplySigned",
                            long.class,
                            Cpu.class,
                            long.class,
                            long.class,
                            int.class);
                } else {
                    code.out.lmul();
                }
            });
        }

        @Override
        void execute(Cpu cpu) {
            target.write(
                    cpu, Multiplier.multiplySigned(cpu, first.readSigned(cpu), second.readSigned(cpu), target.size));
        }
    }

    private static final class Divide extends OneOperandOp {
        Divide(Place operand) {
            super(operand);
        }

        @Override
        void execute(Cpu cpu) {
            Multiplier.divide(cpu, operand.read(cpu), operand.size);
        }
    }

    private static final class DivideSigned extends OneOperandOp {
        DivideSigned(Place operand) {
            super(operand);
        }

        @Override
        void execute(Cpu cpu) {
            Multiplier.divideSigned(cpu, operand.readSigned(cpu), operand.size);
        }
    }

    /** CBW, CWDE, CDQE: the low half of the accumulator is extended over all of it. */
    private static final class ExtendAccumulator extends Op {
        private final int size;
        private final int shift;

        ExtendAccumulator(int size) {
            this.size = size;
            this.shift = 64 - 4 * size;
        }

        @Override
        void execute(Cpu cpu) {
            cpu.setRegister(VcpuState.RAX, size, cpu.gpr[VcpuState.RAX] << shift >> shift);
        }
    }

    /** CWD, CDQ, CQO: RDX becomes the sign of RAX. */
    private static final class ExtendIntoHighHalf extends Op {
        private final int size;

        ExtendIntoHighHalf(int size) {
            this.size = size;
        }

        @Override
        void execute(Cpu cpu) {
            cpu.setRegister(VcpuState.RDX, size, cpu.gpr[VcpuState.RAX] << 64 - 8 * size >> 63);
        }
    }
}
