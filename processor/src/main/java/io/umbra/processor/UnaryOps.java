package io.umbra.processor;

import io.umbra.processor.Instruction.Operand;

/** INC, DEC, NEG, NOT. */
final class UnaryOps {
    private UnaryOps() {}

    static Op increment(Instruction i, int offsetInPage) {
        Operand operand = i.operands[0];
        return operand.isGeneral() && operand.size() >= 4
                ? new IncrementRegister(operand.register(), operand.size())
                : new Increment(Place.of(i, 0, offsetInPage));
    }

    static Op decrement(Instruction i, int offsetInPage) {
        Operand operand = i.operands[0];
        return operand.isGeneral() && operand.size() >= 4
                ? new DecrementRegister(operand.register(), operand.size())
                : new Decrement(Place.of(i, 0, offsetInPage));
    }

    static Op negate(Instruction i, int offsetInPage) {
        return new Negate(Place.of(i, 0, offsetInPage));
    }

    static Op not(Instruction i, int offsetInPage) {
        return new Not(Place.of(i, 0, offsetInPage));
    }

    private static final class IncrementRegister extends Op {
        private final int register;
        private final int bits;
        private final long mask;

        IncrementRegister(int register, int size) {
            this.register = register;
            this.bits = size * 8;
            this.mask = Place.mask(size);
        }

        /** CF stays. */
        @Override
        FlagUse flagUse() {
            return FlagUse.PASSES;
        }

        @Override
        void translate(RegionCode code) {
            code.setRegister(register, bits / 8, () -> {
                if (code.flagsAreLive()) {
                    code.cpu();
                    code.register(register);
                    code.push(bits);
                    code.call(Alu.class, "increment", long.class, Cpu.class, long.class, int.class);
                } else {
                    code.register(register);
                    code.push(1L);
                    code.out.ladd();
                }
            });
        }

        @Override
        void execute(Cpu cpu) {
            cpu.gpr[register] = Alu.increment(cpu, cpu.gpr[register], bits) & mask;
        }
    }

    private static final class DecrementRegister extends Op {
        private final int register;
        private final int bits;
        private final long mask;

        DecrementRegister(int register, int size) {
            this.register = register;
            this.bits = size * 8;
            this.mask = Place.mask(size);
        }

        /** CF stays. */
        @Override
        FlagUse flagUse() {
            return FlagUse.PASSES;
        }

        @Override
        void translate(RegionCode code) {
            code.setRegister(register, bits / 8, () -> {
                if (code.flagsAreLive()) {
                    code.cpu();
                    code.register(register);
                    code.push(bits);
                    code.call(Alu.class, "decrement", long.class, Cpu.class, long.class, int.class);
                } else {
                    code.register(register);
                    code.push(1L);
                    code.out.lsub();
                }
            });
        }

        @Override
        void execute(Cpu cpu) {
            cpu.gpr[register] = Alu.decrement(cpu, cpu.gpr[register], bits) & mask;
        }
    }

    private static final class Increment extends OneOperandOp {
        Increment(Place operand) {
            super(operand);
        }

        @Override
        void execute(Cpu cpu) {
            operand.update(cpu, Alu.increment(cpu, operand.readForUpdate(cpu), operand.bits));
        }
    }

    private static final class Decrement extends OneOperandOp {
        Decrement(Place operand) {
            super(operand);
        }

        @Override
        void execute(Cpu cpu) {
            operand.update(cpu, Alu.decrement(cpu, operand.readForUpdate(cpu), operand.bits));
        }
    }

    private static final class Negate extends OneOperandOp {
        Negate(Place operand) {
            super(operand);
        }

        @Override
        void execute(Cpu cpu) {
            operand.update(cpu, Alu.negate(cpu, operand.readForUpdate(cpu), operand.bits));
        }
    }

    /** Changes no flag. */
    private static final class Not extends OneOperandOp {
        Not(Place operand) {
            super(operand);
        }

        @Override
        void execute(Cpu cpu) {
            operand.update(cpu, ~operand.readForUpdate(cpu));
        }
    }
}
