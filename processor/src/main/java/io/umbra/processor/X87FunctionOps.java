package io.umbra.processor;

import static io.umbra.processor.X87Unit.C0;
import static io.umbra.processor.X87Unit.C1;
import static io.umbra.processor.X87Unit.C2;
import static io.umbra.processor.X87Unit.C3;

import io.umbra.processor.fp.Float80;
import io.umbra.processor.fp.Float80Class;

/** Functions of ST0, or of ST0 and ST1: FABS to FXTRACT, remainders, and the elementary functions. Intel SDM vol. 1, 8.3.5 and 8.3.7 to 8.3.10. */
final class X87FunctionOps {
    private static final int SIGN = 1 << 15;

    private X87FunctionOps() {}

    /** Of ST0, which is replaced. */
    enum Unary {
        ABSOLUTE,
        CHANGE_SIGN,
        ROUND,
        SQUARE_ROOT,
        EXPONENTIAL;

        private void apply(X87Unit x87) {
            Float80 a = x87.a;
            switch (this) {
                case ABSOLUTE -> x87.result.set(a.significand, a.signExponent & ~SIGN);
                case CHANGE_SIGN -> x87.result.set(a.significand, a.signExponent ^ SIGN);
                case ROUND -> Float80.roundToInteger(x87.result, a, x87.environment);
                case SQUARE_ROOT -> Float80.sqrt(x87.result, a, x87.environment);
                case EXPONENTIAL -> Float80.f2xm1(x87.result, a, x87.environment);
            }
        }
    }

    /** Of ST0 and ST1: the first replaces ST0, the others replace ST1 and pop. */
    enum Binary {
        SCALE,
        LOGARITHM,
        LOGARITHM_OF_ONE_AND,
        ARCTANGENT;

        private void apply(X87Unit x87) {
            switch (this) {
                case SCALE -> Float80.scale(x87.result, x87.a, x87.b, x87.environment);
                case LOGARITHM -> Float80.fyl2x(x87.result, x87.a, x87.b, x87.environment);
                case LOGARITHM_OF_ONE_AND -> Float80.fyl2xp1(x87.result, x87.a, x87.b, x87.environment);
                case ARCTANGENT -> Float80.fpatan(x87.result, x87.a, x87.b, x87.environment);
            }
        }
    }

    /** Of ST0, defined below 2⁶³: C2 says that it was not, and nothing is done. The last two replace ST0 and push. */
    enum Trigonometric {
        SINE,
        COSINE,
        SINE_AND_COSINE,
        TANGENT;

        private boolean apply(X87Unit x87) {
            return switch (this) {
                case SINE -> Float80.fsin(x87.result, x87.a, x87.environment);
                case COSINE -> Float80.fcos(x87.result, x87.a, x87.environment);
                case SINE_AND_COSINE -> Float80.fsincos(x87.result, x87.second, x87.a, x87.environment);
                case TANGENT -> Float80.fptan(x87.result, x87.second, x87.a, x87.environment);
            };
        }

        private boolean pushes() {
            return this == SINE_AND_COSINE || this == TANGENT;
        }
    }

    static final class OfOne extends X87Op {
        private final Unary function;

        OfOne(Instruction i, Unary function) {
            super(i);
            this.function = function;
        }

        @Override
        void perform(Cpu cpu, X87Unit x87) {
            if (x87.isEmpty(0)) {
                x87.underflow(x87.result);
            } else {
                x87.read(x87.a, 0);
                function.apply(x87);
            }
            if (x87.finish()) {
                x87.write(0, x87.result);
            }
        }
    }

    static final class OfTwo extends X87Op {
        private final Binary function;

        OfTwo(Instruction i, Binary function) {
            super(i);
            this.function = function;
        }

        @Override
        void perform(Cpu cpu, X87Unit x87) {
            if (x87.isEmpty(0) || x87.isEmpty(1)) {
                x87.underflow(x87.result);
            } else {
                x87.read(x87.a, 0);
                x87.read(x87.b, 1);
                function.apply(x87);
            }
            if (!x87.finish()) {
                return;
            }
            if (function == Binary.SCALE) {
                x87.write(0, x87.result);
            } else {
                x87.write(1, x87.result);
                x87.pop();
            }
        }
    }

    /** FPREM and FPREM1: C0, C3 and C1 are the quotient's bits 2 to 0. One without a quotient clears C2 only. */
    static final class Remainder extends X87Op {
        private final boolean nearest;

        Remainder(Instruction i, boolean nearest) {
            super(i);
            this.nearest = nearest;
        }

        @Override
        void perform(Cpu cpu, X87Unit x87) {
            int quotient = 0;
            if (x87.isEmpty(0) || x87.isEmpty(1)) {
                x87.underflow(x87.result);
            } else {
                x87.read(x87.a, 0);
                x87.read(x87.b, 1);
                quotient = nearest
                        ? Float80.remNearest(x87.result, x87.a, x87.b, x87.environment)
                        : Float80.rem(x87.result, x87.a, x87.b, x87.environment);
            }
            boolean completes = x87.finish();
            if (completes) {
                x87.write(0, x87.result);
            }
            if (!completes || Float80.classify(x87.result) == Float80Class.NAN) {
                x87.condition(C2, false);
            } else {
                x87.conditions(inStatus(quotient));
                x87.condition(C1, quotient != Float80.PARTIAL && (quotient & 1) != 0);
            }
        }

        private static int inStatus(int quotient) {
            return quotient == Float80.PARTIAL ? C2 : ((quotient & 4) != 0 ? C0 : 0) | ((quotient & 2) != 0 ? C3 : 0);
        }
    }

    static final class OfAngle extends X87Op {
        private final Trigonometric function;

        OfAngle(Instruction i, Trigonometric function) {
            super(i);
            this.function = function;
        }

        @Override
        void perform(Cpu cpu, X87Unit x87) {
            boolean inRange = true;
            if (x87.isEmpty(0)) {
                x87.underflow(x87.result);
                x87.underflow(x87.second);
            } else if (function.pushes() && !x87.isEmpty(-1)) {
                x87.overflow(x87.result);
                x87.overflow(x87.second);
            } else {
                x87.read(x87.a, 0);
                inRange = function.apply(x87);
            }
            boolean completes = x87.finish();
            x87.condition(C2, !inRange);
            if (completes && inRange) {
                x87.write(0, x87.result);
                if (function.pushes()) {
                    x87.push(x87.second);
                }
            }
        }
    }

    /** FXTRACT: the exponent replaces ST0, then the significand is pushed. */
    static final class Extract extends X87Op {
        Extract(Instruction i) {
            super(i);
        }

        @Override
        void perform(Cpu cpu, X87Unit x87) {
            if (x87.isEmpty(0)) {
                x87.underflow(x87.result);
                x87.underflow(x87.second);
            } else if (!x87.isEmpty(-1)) {
                x87.overflow(x87.result);
                x87.overflow(x87.second);
            } else {
                x87.read(x87.a, 0);
                Float80.extract(x87.result, x87.second, x87.a, x87.environment);
            }
            if (x87.finish()) {
                x87.write(0, x87.result);
                x87.push(x87.second);
            }
        }
    }
}
