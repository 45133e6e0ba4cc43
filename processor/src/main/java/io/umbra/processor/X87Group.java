package io.umbra.processor;

import static io.umbra.processor.X87ArithmeticOps.Operation.ADD;
import static io.umbra.processor.X87ArithmeticOps.Operation.DIVIDE;
import static io.umbra.processor.X87ArithmeticOps.Operation.DIVIDE_REVERSED;
import static io.umbra.processor.X87ArithmeticOps.Operation.MULTIPLY;
import static io.umbra.processor.X87ArithmeticOps.Operation.SUBTRACT;
import static io.umbra.processor.X87ArithmeticOps.Operation.SUBTRACT_REVERSED;

import io.umbra.processor.X87FunctionOps.Binary;
import io.umbra.processor.X87FunctionOps.Trigonometric;
import io.umbra.processor.X87FunctionOps.Unary;
import io.umbra.processor.fp.Constant80;
import org.jspecify.annotations.Nullable;

/** Makes the operations of the x87 instructions. */
final class X87Group {
    private static final int BELOW = 2, EQUAL = 4, BELOW_OR_EQUAL = 6, UNORDERED = 10, NOT = 1;

    private X87Group() {}

    /** @return null when {@code i} is none of these */
    static @Nullable Op make(Instruction i, int offsetInPage) {
        Op op = transfer(i, offsetInPage);
        if (op == null) {
            op = arithmetic(i, offsetInPage);
        }
        if (op == null) {
            op = comparison(i, offsetInPage);
        }
        if (op == null) {
            op = function(i);
        }
        return op == null ? control(i, offsetInPage) : op;
    }

    private static @Nullable Op transfer(Instruction i, int at) {
        return switch (i.mnemonic) {
            case FLD -> X87TransferOps.load(i, at);
            case FST -> X87TransferOps.store(i, at, false);
            case FSTP -> X87TransferOps.store(i, at, true);
            case FILD -> X87TransferOps.loadInteger(i, at);
            case FIST -> X87TransferOps.storeInteger(i, at, false, false);
            case FISTP -> X87TransferOps.storeInteger(i, at, false, true);
            case FISTTP -> X87TransferOps.storeInteger(i, at, true, true);
            case FBLD -> X87TransferOps.loadDecimal(i, at);
            case FBSTP -> X87TransferOps.storeDecimal(i, at);
            case FLD1 -> X87TransferOps.loadConstant(i, Constant80.ONE);
            case FLDL2T -> X87TransferOps.loadConstant(i, Constant80.LOG2_OF_10);
            case FLDL2E -> X87TransferOps.loadConstant(i, Constant80.LOG2_OF_E);
            case FLDPI -> X87TransferOps.loadConstant(i, Constant80.PI);
            case FLDLG2 -> X87TransferOps.loadConstant(i, Constant80.LOG10_OF_2);
            case FLDLN2 -> X87TransferOps.loadConstant(i, Constant80.LN_OF_2);
            case FLDZ -> X87TransferOps.loadConstant(i, Constant80.ZERO);
            case FXCH -> new X87StackOps.Exchange(i);
            case FCMOVB -> X87StackOps.conditionalMove(i, BELOW);
            case FCMOVE -> X87StackOps.conditionalMove(i, EQUAL);
            case FCMOVBE -> X87StackOps.conditionalMove(i, BELOW_OR_EQUAL);
            case FCMOVU -> X87StackOps.conditionalMove(i, UNORDERED);
            case FCMOVNB -> X87StackOps.conditionalMove(i, BELOW | NOT);
            case FCMOVNE -> X87StackOps.conditionalMove(i, EQUAL | NOT);
            case FCMOVNBE -> X87StackOps.conditionalMove(i, BELOW_OR_EQUAL | NOT);
            case FCMOVNU -> X87StackOps.conditionalMove(i, UNORDERED | NOT);
            default -> null;
        };
    }

    private static @Nullable Op arithmetic(Instruction i, int at) {
        return switch (i.mnemonic) {
            case FADD -> X87ArithmeticOps.real(ADD, i, at);
            case FSUB -> X87ArithmeticOps.real(SUBTRACT, i, at);
            case FSUBR -> X87ArithmeticOps.real(SUBTRACT_REVERSED, i, at);
            case FMUL -> X87ArithmeticOps.real(MULTIPLY, i, at);
            case FDIV -> X87ArithmeticOps.real(DIVIDE, i, at);
            case FDIVR -> X87ArithmeticOps.real(DIVIDE_REVERSED, i, at);
            case FADDP -> X87ArithmeticOps.realAndPop(ADD, i);
            case FSUBP -> X87ArithmeticOps.realAndPop(SUBTRACT, i);
            case FSUBRP -> X87ArithmeticOps.realAndPop(SUBTRACT_REVERSED, i);
            case FMULP -> X87ArithmeticOps.realAndPop(MULTIPLY, i);
            case FDIVP -> X87ArithmeticOps.realAndPop(DIVIDE, i);
            case FDIVRP -> X87ArithmeticOps.realAndPop(DIVIDE_REVERSED, i);
            case FIADD -> X87ArithmeticOps.integer(ADD, i, at);
            case FISUB -> X87ArithmeticOps.integer(SUBTRACT, i, at);
            case FISUBR -> X87ArithmeticOps.integer(SUBTRACT_REVERSED, i, at);
            case FIMUL -> X87ArithmeticOps.integer(MULTIPLY, i, at);
            case FIDIV -> X87ArithmeticOps.integer(DIVIDE, i, at);
            case FIDIVR -> X87ArithmeticOps.integer(DIVIDE_REVERSED, i, at);
            default -> null;
        };
    }

    private static @Nullable Op comparison(Instruction i, int at) {
        return switch (i.mnemonic) {
            case FCOM -> X87CompareOps.real(i, at, 0);
            case FCOMP -> X87CompareOps.real(i, at, 1);
            case FCOMPP -> X87CompareOps.topTwo(i, false);
            case FUCOM -> X87CompareOps.quiet(i, 0);
            case FUCOMP -> X87CompareOps.quiet(i, 1);
            case FUCOMPP -> X87CompareOps.topTwo(i, true);
            case FICOM -> X87CompareOps.integer(i, at, 0);
            case FICOMP -> X87CompareOps.integer(i, at, 1);
            case FCOMI -> X87CompareOps.intoFlags(i, false, false);
            case FCOMIP -> X87CompareOps.intoFlags(i, false, true);
            case FUCOMI -> X87CompareOps.intoFlags(i, true, false);
            case FUCOMIP -> X87CompareOps.intoFlags(i, true, true);
            case FTST -> new X87CompareOps.Test(i);
            case FXAM -> new X87CompareOps.Examine(i);
            default -> null;
        };
    }

    private static @Nullable Op function(Instruction i) {
        return switch (i.mnemonic) {
            case FABS -> new X87FunctionOps.OfOne(i, Unary.ABSOLUTE);
            case FCHS -> new X87FunctionOps.OfOne(i, Unary.CHANGE_SIGN);
            case FRNDINT -> new X87FunctionOps.OfOne(i, Unary.ROUND);
            case FSQRT -> new X87FunctionOps.OfOne(i, Unary.SQUARE_ROOT);
            case F2XM1 -> new X87FunctionOps.OfOne(i, Unary.EXPONENTIAL);
            case FSCALE -> new X87FunctionOps.OfTwo(i, Binary.SCALE);
            case FYL2X -> new X87FunctionOps.OfTwo(i, Binary.LOGARITHM);
            case FYL2XP1 -> new X87FunctionOps.OfTwo(i, Binary.LOGARITHM_OF_ONE_AND);
            case FPATAN -> new X87FunctionOps.OfTwo(i, Binary.ARCTANGENT);
            case FPREM -> new X87FunctionOps.Remainder(i, false);
            case FPREM1 -> new X87FunctionOps.Remainder(i, true);
            case FSIN -> new X87FunctionOps.OfAngle(i, Trigonometric.SINE);
            case FCOS -> new X87FunctionOps.OfAngle(i, Trigonometric.COSINE);
            case FSINCOS -> new X87FunctionOps.OfAngle(i, Trigonometric.SINE_AND_COSINE);
            case FPTAN -> new X87FunctionOps.OfAngle(i, Trigonometric.TANGENT);
            case FXTRACT -> new X87FunctionOps.Extract(i);
            default -> null;
        };
    }

    private static @Nullable Op control(Instruction i, int at) {
        return switch (i.mnemonic) {
            case FINCSTP -> new X87StackOps.Rotate(i, 1);
            case FDECSTP -> new X87StackOps.Rotate(i, -1);
            case FFREE -> new X87StackOps.Free(i, false);
            case FFREEP -> new X87StackOps.Free(i, true);
            case FNOP -> X87ControlOps.nothing(i);
            case FWAIT -> new X87ControlOps.Wait();
            case FNINIT -> new X87ControlOps.Initialise();
            case FNCLEX -> new X87ControlOps.ClearExceptions();
            case FNSTCW -> X87ControlOps.storeControl(i, at);
            case FLDCW -> X87ControlOps.loadControl(i, at);
            case FLDENV -> X87EnvironmentOps.load(i, at, false);
            case FRSTOR -> X87EnvironmentOps.load(i, at, true);
            case FNSTENV -> X87EnvironmentOps.store(i, at, false);
            case FNSAVE -> X87EnvironmentOps.store(i, at, true);
            case FNSTSW -> X87ControlOps.storeStatus(i, at);
            default -> null;
        };
    }
}
