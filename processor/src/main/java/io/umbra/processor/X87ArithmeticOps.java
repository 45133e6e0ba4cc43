package io.umbra.processor;

import io.umbra.processor.fp.Float80;
import io.umbra.processor.fp.FloatEnvironment;

/** FADD, FSUB, FSUBR, FMUL, FDIV and FDIVR with their pop and integer forms. Intel SDM vol. 1, 8.3.5. */
final class X87ArithmeticOps {
    /** With the destination on the left; a reversed one has it on the right. */
    enum Operation {
        ADD,
        SUBTRACT,
        SUBTRACT_REVERSED,
        MULTIPLY,
        DIVIDE,
        DIVIDE_REVERSED;

        private void apply(Float80 result, Float80 target, Float80 source, FloatEnvironment env) {
            switch (this) {
                case ADD -> Float80.add(result, target, source, env);
                case SUBTRACT -> Float80.sub(result, target, source, env);
                case SUBTRACT_REVERSED -> Float80.sub(result, source, target, env);
                case MULTIPLY -> Float80.mul(result, target, source, env);
                case DIVIDE -> Float80.div(result, target, source, env);
                case DIVIDE_REVERSED -> Float80.div(result, source, target, env);
            }
        }
    }

    private X87ArithmeticOps() {}

    static Op real(Operation operation, Instruction i, int offsetInPage) {
        return i.hasMemory()
                ? new OnMemory(operation, i, offsetInPage, X87Format.real(i.operands[0].size()))
                : new OnRegisters(operation, i, false);
    }

    static Op realAndPop(Operation operation, Instruction i) {
        return new OnRegisters(operation, i, true);
    }

    static Op integer(Operation operation, Instruction i, int offsetInPage) {
        return new OnMemory(operation, i, offsetInPage, X87Format.integer(i.operands[0].size()));
    }

    private static final class OnRegisters extends X87Op {
        private final Operation operation;
        private final int target;
        private final int source;
        private final boolean pops;

        OnRegisters(Operation operation, Instruction i, boolean pops) {
            super(i);
            this.operation = operation;
            this.target = i.operands[0].register();
            this.source = i.operands[1].register();
            this.pops = pops;
        }

        @Override
        void perform(Cpu cpu, X87Unit x87) {
            if (x87.isEmpty(target) || x87.isEmpty(source)) {
                x87.underflow(x87.result);
            } else {
                x87.read(x87.a, target);
                x87.read(x87.b, source);
                operation.apply(x87.result, x87.a, x87.b, x87.environment);
            }
            if (x87.finish()) {
                x87.write(target, x87.result);
                if (pops) {
                    x87.pop();
                }
            }
        }
    }

    private static final class OnMemory extends X87Op.OnMemory {
        private final Operation operation;
        private final X87Format format;

        OnMemory(Operation operation, Instruction i, int offsetInPage, X87Format format) {
            super(i, offsetInPage);
            this.operation = operation;
            this.format = format;
        }

        @Override
        void perform(Cpu cpu, X87Unit x87) {
            format.fetch(cpu, address, x87.second);
            if (x87.isEmpty(0)) {
                x87.underflow(x87.result);
            } else {
                x87.read(x87.a, 0);
                format.widen(x87.b, x87.second);
                operation.apply(x87.result, x87.a, x87.b, x87.environment);
            }
            if (x87.finish()) {
                x87.write(0, x87.result);
            }
        }
    }
}
