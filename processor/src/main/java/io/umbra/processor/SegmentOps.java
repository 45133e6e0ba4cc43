package io.umbra.processor;

import io.umbra.processor.Instruction.Kind;
import io.umbra.processor.Instruction.Operand;
import io.umbra.x86.VcpuState;

/** MOV, PUSH and POP of segment registers. What a load checks and does is {@link SegmentUnit}'s. */
final class SegmentOps {
    private SegmentOps() {}

    static Op move(Instruction i, int offsetInPage) {
        Operand to = i.operands[0];
        if (to.kind() == Kind.SEGMENT) {
            return new MoveTo(to.register(), Place.of(i, 1, 2, offsetInPage));
        }
        int size = to.isMemory() ? 2 : i.operandSize;
        return new MoveFrom(Place.of(i, 0, size, offsetInPage), i.operands[1].register());
    }

    static Op push(Instruction i) {
        return new Push(i.operands[0].register(), i.operandSize);
    }

    static Op pop(Instruction i) {
        return new Pop(i.operands[0].register(), i.operandSize);
    }

    private static final class MoveTo extends OneOperandOp {
        private final int segment;

        MoveTo(int segment, Place operand) {
            super(operand);
            this.segment = segment;
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
        void execute(Cpu cpu) {
            SegmentUnit.load(cpu, segment, (int) operand.read(cpu));
            loaded(cpu, segment);
            cpu.rip = nextRip(cpu);
        }
    }

    private static final class MoveFrom extends OneOperandOp {
        private final int segment;

        MoveFrom(Place operand, int segment) {
            super(operand);
            this.segment = segment;
        }

        @Override
        void execute(Cpu cpu) {
            operand.write(cpu, cpu.state.segments[segment].selector);
        }
    }

    private static final class Push extends StackOps.StackOp {
        private final int segment;
        private final int size;

        Push(int segment, int size) {
            this.segment = segment;
            this.size = size;
        }

        @Override
        void execute(Cpu cpu) {
            Stack.push(cpu, size, cpu.state.segments[segment].selector);
        }
    }

    private static final class Pop extends StackOps.StackOp {
        private final int segment;
        private final int size;

        Pop(int segment, int size) {
            this.segment = segment;
            this.size = size;
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
        void execute(Cpu cpu) {
            int selector = (int) Stack.top(cpu, size) & 0xFFFF;
            long pointer = Stack.merged(cpu, VcpuState.RSP, cpu.gpr[VcpuState.RSP] + size);
            SegmentUnit.load(cpu, segment, selector);
            cpu.gpr[VcpuState.RSP] = pointer;
            loaded(cpu, segment);
            cpu.rip = nextRip(cpu);
        }
    }

    /** A new SS is followed by an instruction that is not interrupted: the one that loads the stack pointer. */
    private static void loaded(Cpu cpu, int segment) {
        if (segment == VcpuState.SS) {
            cpu.state.interruptShadow = true;
        }
    }
}
