package io.umbra.processor;

/**
 * An instruction of the operating system's. All of them end their block, none is emulated, and control runs on behind one that does not say
 * otherwise: {@link Cpu#rip} is the next instruction's when the action begins.
 */
final class SystemOp extends Op {
    /** What an instruction does. */
    @FunctionalInterface
    interface Action {
        /** @param op the instruction, for its place and length */
        void perform(Cpu cpu, Op op);
    }

    private final Action action;
    private final boolean onStack;
    private final boolean keepsTrap;

    /**
     * @param onStack see {@link Op#isStackOperand}
     * @param keepsTrap see {@link Op#keepsTrap}
     */
    SystemOp(Action action, boolean onStack, boolean keepsTrap) {
        this.action = action;
        this.onStack = onStack;
        this.keepsTrap = keepsTrap;
    }

    @Override
    void execute(Cpu cpu) {
        cpu.rip = nextRip(cpu);
        action.perform(cpu, this);
    }

    @Override
    boolean endsBlock() {
        return true;
    }

    @Override
    boolean isEmulatable() {
        return false;
    }

    @Override
    boolean isStackOperand() {
        return onStack;
    }

    @Override
    boolean keepsTrap() {
        return keepsTrap;
    }
}
