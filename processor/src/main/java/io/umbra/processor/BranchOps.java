package io.umbra.processor;

import io.umbra.x86.VcpuState;

/** Near JMP, CALL, RET, Jcc, LOOPcc and JrCXZ. A branch to where CS does not reach faults on the branch, before anything is committed. */
final class BranchOps {
    private BranchOps() {}

    static Op jump(Instruction i, int offsetInPage) {
        return i.operands[0].kind() == Instruction.Kind.RELATIVE
                ? new Jump(i, offsetInPage)
                : new JumpIndirect(Place.of(i, 0, i.operandSize, offsetInPage));
    }

    static Op call(Instruction i, int offsetInPage) {
        if (i.operands[0].kind() == Instruction.Kind.RELATIVE) {
            return i.mode == 64 && i.operandSize == 8 ? new Call64(i, offsetInPage) : new Call(i, offsetInPage);
        }
        return new CallIndirect(Place.of(i, 0, i.operandSize, offsetInPage));
    }

    static Op ret(Instruction i) {
        int released = i.operands.length == 0 ? 0 : (int) i.operands[0].value() & 0xFFFF;
        return i.mode == 64 && i.operandSize == 8 ? new Return64(released) : new Return(i.operandSize, released);
    }

    static Op jumpIf(Instruction i, int offsetInPage) {
        return switch (i.condition) {
            case 2 -> new JumpIfBelow(i, offsetInPage);
            case 3 -> new JumpIfNotBelow(i, offsetInPage);
            case 4 -> new JumpIfEqual(i, offsetInPage);
            case 5 -> new JumpIfNotEqual(i, offsetInPage);
            case 6 -> new JumpIfNotAbove(i, offsetInPage);
            case 7 -> new JumpIfAbove(i, offsetInPage);
            case 8 -> new JumpIfSign(i, offsetInPage);
            case 9 -> new JumpIfNotSign(i, offsetInPage);
            case 12 -> new JumpIfLess(i, offsetInPage);
            case 13 -> new JumpIfNotLess(i, offsetInPage);
            case 14 -> new JumpIfNotGreater(i, offsetInPage);
            case 15 -> new JumpIfGreater(i, offsetInPage);
            default -> new JumpIf(i, offsetInPage);
        };
    }

    static Op loop(Instruction i, int offsetInPage) {
        return new Loop(i, offsetInPage);
    }

    static Op jumpIfCounterIsZero(Instruction i, int offsetInPage) {
        return new JumpIfCounterIsZero(i, offsetInPage);
    }

    private static final class Jump extends Branch.Relative {
        Jump(Instruction i, int offsetInPage) {
            super(i, offsetInPage);
        }

        @Override
        Kind kind() {
            return Kind.JUMP;
        }

        @Override
        void execute(Cpu cpu) {
            cpu.jump(target(cpu));
        }
    }

    private static final class JumpIndirect extends Branch {
        private final Place target;

        JumpIndirect(Place target) {
            this.target = target;
        }

        @Override
        boolean isStackOperand() {
            return target.isOnStack();
        }

        @Override
        void execute(Cpu cpu) {
            cpu.jump(target.read(cpu));
        }
    }

    private static final class Call64 extends Branch.Relative {
        Call64(Instruction i, int offsetInPage) {
            super(i, offsetInPage);
        }

        @Override
        boolean isStackOperand() {
            return true;
        }

        @Override
        Kind kind() {
            return Kind.CALL;
        }

        @Override
        void execute(Cpu cpu) {
            long target = cpu.branchTarget(target(cpu));
            long pointer = cpu.gpr[VcpuState.RSP] - 8;
            cpu.store64(pointer, nextRip(cpu));
            cpu.gpr[VcpuState.RSP] = pointer;
            cpu.rip = target;
        }
    }

    private static final class Call extends Branch.Relative {
        private final int size;

        Call(Instruction i, int offsetInPage) {
            super(i, offsetInPage);
            this.size = i.operandSize;
        }

        @Override
        boolean isStackOperand() {
            return true;
        }

        @Override
        Kind kind() {
            return Kind.CALL;
        }

        @Override
        void execute(Cpu cpu) {
            long target = cpu.branchTarget(target(cpu));
            Stack.push(cpu, size, nextRip(cpu));
            cpu.rip = target;
        }
    }

    private static final class CallIndirect extends Branch {
        private final Place target;

        CallIndirect(Place target) {
            this.target = target;
        }

        @Override
        boolean isStackOperand() {
            return !target.isMemory() || target.isOnStack();
        }

        @Override
        Kind kind() {
            return Kind.CALL;
        }

        @Override
        void execute(Cpu cpu) {
            long to = cpu.branchTarget(target.read(cpu));
            long pointer = cpu.gpr[VcpuState.RSP] - target.size;
            cpu.store(Stack.checkedLinear(cpu, pointer, target.size, true), target.size, nextRip(cpu));
            Stack.setPointer(cpu, pointer);
            cpu.rip = to;
        }
    }

    private static final class Return64 extends Branch {
        private final int dropped;

        Return64(int released) {
            this.dropped = 8 + released;
        }

        @Override
        boolean isStackOperand() {
            return true;
        }

        @Override
        void execute(Cpu cpu) {
            long pointer = cpu.gpr[VcpuState.RSP];
            cpu.jump(cpu.load64(pointer));
            cpu.gpr[VcpuState.RSP] = pointer + dropped;
        }
    }

    private static final class Return extends Branch {
        private final int size;
        private final int released;

        Return(int size, int released) {
            this.size = size;
            this.released = released;
        }

        @Override
        boolean isStackOperand() {
            return true;
        }

        @Override
        void execute(Cpu cpu) {
            cpu.jump(Stack.top(cpu, size));
            Stack.drop(cpu, size + released);
        }
    }

    /** LOOP, LOOPE and LOOPNE: counts in CX, ECX or RCX by the address size, and leaves the flags alone. */
    private static final class Loop extends Branch.Relative {
        private final int counterSize;
        private final boolean testsZero;
        private final boolean wantedZero;

        Loop(Instruction i, int offsetInPage) {
            super(i, offsetInPage);
            this.counterSize = i.addressSize;
            this.testsZero = i.mnemonic != Mnemonic.LOOP;
            this.wantedZero = i.mnemonic == Mnemonic.LOOPE;
        }

        @Override
        boolean continuesBehind() {
            return true;
        }

        @Override
        void execute(Cpu cpu) {
            long counter = cpu.register(VcpuState.RCX, counterSize) - 1 & Place.mask(counterSize);
            jumpIf(cpu, counter != 0 && (!testsZero || cpu.flags.zero() == wantedZero));
            cpu.setRegister(VcpuState.RCX, counterSize, counter);
        }
    }

    private static final class JumpIfCounterIsZero extends Branch.Relative {
        private final int counterSize;

        JumpIfCounterIsZero(Instruction i, int offsetInPage) {
            super(i, offsetInPage);
            this.counterSize = i.addressSize;
        }

        @Override
        boolean continuesBehind() {
            return true;
        }

        @Override
        void execute(Cpu cpu) {
            jumpIf(cpu, cpu.register(VcpuState.RCX, counterSize) == 0);
        }
    }

    /** Jcc. */
    private abstract static class ConditionalJump extends Branch.Relative {
        final int condition;

        ConditionalJump(Instruction i, int offsetInPage) {
            super(i, offsetInPage);
            this.condition = i.condition;
        }

        @Override
        final Kind kind() {
            return Kind.CONDITIONAL;
        }

        @Override
        final int condition() {
            return condition;
        }
    }

    /** Jcc on O, NO, P or NP. */
    private static final class JumpIf extends ConditionalJump {
        JumpIf(Instruction i, int offsetInPage) {
            super(i, offsetInPage);
        }

        @Override
        void execute(Cpu cpu) {
            jumpIf(cpu, cpu.flags.condition(condition));
        }
    }

    private static final class JumpIfBelow extends ConditionalJump {
        JumpIfBelow(Instruction i, int offsetInPage) {
            super(i, offsetInPage);
        }

        @Override
        void execute(Cpu cpu) {
            jumpIf(cpu, cpu.flags.condition(2));
        }
    }

    private static final class JumpIfNotBelow extends ConditionalJump {
        JumpIfNotBelow(Instruction i, int offsetInPage) {
            super(i, offsetInPage);
        }

        @Override
        void execute(Cpu cpu) {
            jumpIf(cpu, cpu.flags.condition(3));
        }
    }

    private static final class JumpIfEqual extends ConditionalJump {
        JumpIfEqual(Instruction i, int offsetInPage) {
            super(i, offsetInPage);
        }

        @Override
        void execute(Cpu cpu) {
            jumpIf(cpu, cpu.flags.condition(4));
        }
    }

    private static final class JumpIfNotEqual extends ConditionalJump {
        JumpIfNotEqual(Instruction i, int offsetInPage) {
            super(i, offsetInPage);
        }

        @Override
        void execute(Cpu cpu) {
            jumpIf(cpu, cpu.flags.condition(5));
        }
    }

    private static final class JumpIfNotAbove extends ConditionalJump {
        JumpIfNotAbove(Instruction i, int offsetInPage) {
            super(i, offsetInPage);
        }

        @Override
        void execute(Cpu cpu) {
            jumpIf(cpu, cpu.flags.condition(6));
        }
    }

    private static final class JumpIfAbove extends ConditionalJump {
        JumpIfAbove(Instruction i, int offsetInPage) {
            super(i, offsetInPage);
        }

        @Override
        void execute(Cpu cpu) {
            jumpIf(cpu, cpu.flags.condition(7));
        }
    }

    private static final class JumpIfSign extends ConditionalJump {
        JumpIfSign(Instruction i, int offsetInPage) {
            super(i, offsetInPage);
        }

        @Override
        void execute(Cpu cpu) {
            jumpIf(cpu, cpu.flags.condition(8));
        }
    }

    private static final class JumpIfNotSign extends ConditionalJump {
        JumpIfNotSign(Instruction i, int offsetInPage) {
            super(i, offsetInPage);
        }

        @Override
        void execute(Cpu cpu) {
            jumpIf(cpu, cpu.flags.condition(9));
        }
    }

    private static final class JumpIfLess extends ConditionalJump {
        JumpIfLess(Instruction i, int offsetInPage) {
            super(i, offsetInPage);
        }

        @Override
        void execute(Cpu cpu) {
            jumpIf(cpu, cpu.flags.condition(12));
        }
    }

    private static final class JumpIfNotLess extends ConditionalJump {
        JumpIfNotLess(Instruction i, int offsetInPage) {
            super(i, offsetInPage);
        }

        @Override
        void execute(Cpu cpu) {
            jumpIf(cpu, cpu.flags.condition(13));
        }
    }

    private static final class JumpIfNotGreater extends ConditionalJump {
        JumpIfNotGreater(Instruction i, int offsetInPage) {
            super(i, offsetInPage);
        }

        @Override
        void execute(Cpu cpu) {
            jumpIf(cpu, cpu.flags.condition(14));
        }
    }

    private static final class JumpIfGreater extends ConditionalJump {
        JumpIfGreater(Instruction i, int offsetInPage) {
            super(i, offsetInPage);
        }

        @Override
        void execute(Cpu cpu) {
            jumpIf(cpu, cpu.flags.condition(15));
        }
    }
}
