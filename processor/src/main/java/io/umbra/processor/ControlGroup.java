package io.umbra.processor;

import org.jspecify.annotations.Nullable;

/** Makes the operations of near branches, software interrupts and undefined instructions. Far transfers are not among them. */
final class ControlGroup {
    private ControlGroup() {}

    /** @return null when {@code i} is none of these */
    static @Nullable Op make(Instruction i, int offsetInPage) {
        return switch (i.mnemonic) {
            case JCC -> BranchOps.jumpIf(i, offsetInPage);
            case JMP_NEAR -> BranchOps.jump(i, offsetInPage);
            case CALL_NEAR -> BranchOps.call(i, offsetInPage);
            case RET_NEAR -> BranchOps.ret(i);
            case LOOP, LOOPE, LOOPNE -> BranchOps.loop(i, offsetInPage);
            case JCXZ -> BranchOps.jumpIfCounterIsZero(i, offsetInPage);
            case INT -> InterruptOps.interrupt(i);
            case INT1 -> InterruptOps.debugTrap(i);
            case INT3 -> InterruptOps.breakpoint(i);
            case INTO -> InterruptOps.interruptOnOverflow(i);
            case BOUND -> InterruptOps.bound(i, offsetInPage);
            case UD0, UD1, UD2 -> new InterruptOps.Undefined();
            default -> null;
        };
    }
}
