package io.umbra.processor;

import static io.umbra.processor.X87Unit.C0;
import static io.umbra.processor.X87Unit.C1;
import static io.umbra.processor.X87Unit.C2;
import static io.umbra.processor.X87Unit.C3;

import io.umbra.processor.fp.Float80;
import io.umbra.processor.fp.Float80Class;
import io.umbra.x86.RFlags;

/** FCOM, FUCOM, FICOM, FCOMI and FUCOMI with their pop forms, FTST and FXAM. Intel SDM vol. 1, 8.3.6. */
final class X87CompareOps {
    private static final int STATUS_UNORDERED = C0 | C2 | C3;
    private static final long FLAGS_UNORDERED = RFlags.CARRY | RFlags.PARITY | RFlags.ZERO;

    private X87CompareOps() {}

    static Op real(Instruction i, int offsetInPage, int pops) {
        return i.hasMemory()
                ? new WithMemory(i, offsetInPage, X87Format.real(i.operands[0].size()), pops)
                : new WithRegister(i, i.operands[0].register(), false, pops);
    }

    static Op quiet(Instruction i, int pops) {
        return new WithRegister(i, i.operands[0].register(), true, pops);
    }

    /** FCOMPP and FUCOMPP. */
    static Op topTwo(Instruction i, boolean quiet) {
        return new WithRegister(i, 1, quiet, 2);
    }

    static Op integer(Instruction i, int offsetInPage, int pops) {
        return new WithMemory(i, offsetInPage, X87Format.integer(i.operands[0].size()), pops);
    }

    static Op intoFlags(Instruction i, boolean quiet, boolean pops) {
        return new IntoFlags(i, quiet, pops);
    }

    private static int compare(X87Unit x87, boolean quiet) {
        return quiet
                ? Float80.compareQuiet(x87.a, x87.b, x87.environment)
                : Float80.compare(x87.a, x87.b, x87.environment);
    }

    private static int ofRegisters(X87Unit x87, int other, boolean quiet) {
        if (x87.isEmpty(0) || x87.isEmpty(other)) {
            x87.underflow(x87.result);
            return Float80.UNORDERED;
        }
        x87.read(x87.a, 0);
        x87.read(x87.b, other);
        return compare(x87, quiet);
    }

    private static int inStatus(int order) {
        return switch (order) {
            case Float80.GREATER -> 0;
            case Float80.LESS -> C0;
            case Float80.EQUAL -> C3;
            default -> STATUS_UNORDERED;
        };
    }

    private static long inFlags(int order) {
        return switch (order) {
            case Float80.GREATER -> 0;
            case Float80.LESS -> RFlags.CARRY;
            case Float80.EQUAL -> RFlags.ZERO;
            default -> FLAGS_UNORDERED;
        };
    }

    private static void finish(X87Unit x87, int order, int pops) {
        boolean completes = x87.finish();
        x87.conditions(inStatus(order));
        for (int n = 0; completes && n < pops; n++) {
            x87.pop();
        }
    }

    private static final class WithRegister extends X87Op {
        private final int other;
        private final boolean quiet;
        private final int pops;

        WithRegister(Instruction i, int other, boolean quiet, int pops) {
            super(i);
            this.other = other;
            this.quiet = quiet;
            this.pops = pops;
        }

        @Override
        void perform(Cpu cpu, X87Unit x87) {
            finish(x87, ofRegisters(x87, other, quiet), pops);
        }
    }

    private static final class WithMemory extends X87Op.OnMemory {
        private final X87Format format;
        private final int pops;

        WithMemory(Instruction i, int offsetInPage, X87Format format, int pops) {
            super(i, offsetInPage);
            this.format = format;
            this.pops = pops;
        }

        @Override
        void perform(Cpu cpu, X87Unit x87) {
            format.fetch(cpu, address, x87.second);
            int order = Float80.UNORDERED;
            if (x87.isEmpty(0)) {
                x87.underflow(x87.result);
            } else {
                x87.read(x87.a, 0);
                format.widen(x87.b, x87.second);
                order = compare(x87, false);
            }
            finish(x87, order, pops);
        }
    }

    private static final class IntoFlags extends X87Op {
        private final int other;
        private final boolean quiet;
        private final boolean pops;

        IntoFlags(Instruction i, boolean quiet, boolean pops) {
            super(i);
            this.other = i.operands[1].register();
            this.quiet = quiet;
            this.pops = pops;
        }

        @Override
        void perform(Cpu cpu, X87Unit x87) {
            int order = ofRegisters(x87, other, quiet);
            x87.keepC1();
            boolean completes = x87.finish();
            cpu.flags.fromRFlags(inFlags(order));
            if (completes && pops) {
                x87.pop();
            }
        }
    }

    /** FTST: with +0. */
    static final class Test extends X87Op {
        Test(Instruction i) {
            super(i);
        }

        @Override
        void perform(Cpu cpu, X87Unit x87) {
            int order = Float80.UNORDERED;
            if (x87.isEmpty(0)) {
                x87.underflow(x87.result);
            } else {
                x87.read(x87.a, 0);
                x87.b.set(0, 0);
                order = compare(x87, false);
            }
            finish(x87, order, 0);
        }
    }

    /** FXAM: C1 is the sign, of an empty register too. */
    static final class Examine extends X87Op {
        private static final int SIGN = 1 << 15;

        Examine(Instruction i) {
            super(i);
        }

        @Override
        void perform(Cpu cpu, X87Unit x87) {
            x87.read(x87.a, 0);
            Float80Class found = x87.isEmpty(0) ? Float80Class.EMPTY : Float80.classify(x87.a);
            x87.conditions(found.conditions());
            x87.condition(C1, (x87.a.signExponent & SIGN) != 0);
        }
    }
}
