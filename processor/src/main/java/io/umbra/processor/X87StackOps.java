package io.umbra.processor;

import io.umbra.processor.fp.Float80;

/** What moves or marks registers of the x87's stack: FXCH, FCMOVcc, FFREE, FFREEP, FINCSTP and FDECSTP. */
final class X87StackOps {
    private X87StackOps() {}

    /** @param condition as of Jcc */
    static Op conditionalMove(Instruction i, int condition) {
        return new ConditionalMove(i, condition);
    }

    static final class Exchange extends X87Op {
        private final int other;

        Exchange(Instruction i) {
            super(i);
            other = i.operands[0].register();
        }

        @Override
        void perform(Cpu cpu, X87Unit x87) {
            take(x87, x87.a, 0);
            take(x87, x87.b, other);
            if (x87.finish()) {
                x87.write(0, x87.b);
                x87.write(other, x87.a);
            }
        }

        private static void take(X87Unit x87, Float80 target, int i) {
            if (x87.isEmpty(i)) {
                x87.underflow(target);
            } else {
                x87.read(target, i);
            }
        }
    }

    private static final class ConditionalMove extends X87Op {
        private final int source;
        private final int condition;

        ConditionalMove(Instruction i, int condition) {
            super(i);
            this.source = i.operands[1].register();
            this.condition = condition;
        }

        @Override
        void perform(Cpu cpu, X87Unit x87) {
            if (x87.isEmpty(0) || x87.isEmpty(source)) {
                x87.underflow(x87.result);
            } else {
                x87.read(x87.result, cpu.flags.condition(condition) ? source : 0);
                x87.keepC1();
            }
            if (x87.finish()) {
                x87.write(0, x87.result);
            }
        }
    }

    static final class Free extends X87Op {
        private final int register;
        private final boolean pops;

        Free(Instruction i, boolean pops) {
            super(i);
            this.register = i.operands[0].register();
            this.pops = pops;
        }

        @Override
        void perform(Cpu cpu, X87Unit x87) {
            x87.finish();
            x87.free(register);
            if (pops) {
                x87.pop();
            }
        }
    }

    static final class Rotate extends X87Op {
        private final int by;

        Rotate(Instruction i, int by) {
            super(i);
            this.by = by;
        }

        @Override
        void perform(Cpu cpu, X87Unit x87) {
            x87.finish();
            x87.rotate(by);
        }
    }
}
