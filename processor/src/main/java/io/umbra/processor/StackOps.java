package io.umbra.processor;

import io.umbra.processor.Instruction.Operand;
import io.umbra.x86.VcpuState;

/** PUSH, POP, PUSHA, POPA, ENTER, LEAVE. */
final class StackOps {
    private StackOps() {}

    static Op push(Instruction i, int offsetInPage) {
        Operand operand = i.operands[0];
        if (i.mode == 64 && i.operandSize == 8) {
            if (operand.isGeneral()) {
                return new PushRegister64(operand.register());
            }
            if (!operand.isMemory()) {
                return new PushConstant64(operand.value());
            }
        }
        return new Push(Place.of(i, 0, i.operandSize, offsetInPage));
    }

    static Op pop(Instruction i, int offsetInPage) {
        Operand operand = i.operands[0];
        if (operand.isMemory()) {
            return new PopMemory(i.address(offsetInPage), i.operandSize, i.mode == 64);
        }
        return i.mode == 64 && i.operandSize == 8
                ? new PopRegister64(operand.register())
                : new PopRegister(operand.register(), i.operandSize);
    }

    static Op pushAll(Instruction i) {
        return new PushAll(i.operandSize);
    }

    static Op popAll(Instruction i) {
        return new PopAll(i.operandSize);
    }

    static Op enter(Instruction i) {
        return new Enter(i.operandSize, (int) i.operands[0].value() & 0xFFFF, (int) i.operands[1].value() & 31);
    }

    static Op leave(Instruction i) {
        return new Leave(i.operandSize);
    }

    /** An instruction all of whose memory is the stack. */
    abstract static class StackOp extends Op {
        @Override
        final boolean isStackOperand() {
            return true;
        }
    }

    private static final class PushRegister64 extends StackOp {
        private final int source;

        PushRegister64(int source) {
            this.source = source;
        }

        @Override
        void translate(RegionCode code) {
            code.observe();
            code.cpu();
            code.register(source);
            code.call(RegionMemory.class, "push64", void.class, Cpu.class, long.class);
        }

        @Override
        void execute(Cpu cpu) {
            long pointer = cpu.gpr[VcpuState.RSP] - 8;
            cpu.store64(pointer, cpu.gpr[source]);
            cpu.gpr[VcpuState.RSP] = pointer;
        }
    }

    private static final class PushConstant64 extends StackOp {
        private final long value;

        PushConstant64(long value) {
            this.value = value;
        }

        @Override
        void translate(RegionCode code) {
            code.observe();
            code.cpu();
            code.push(value);
            code.call(RegionMemory.class, "push64", void.class, Cpu.class, long.class);
        }

        @Override
        void execute(Cpu cpu) {
            long pointer = cpu.gpr[VcpuState.RSP] - 8;
            cpu.store64(pointer, value);
            cpu.gpr[VcpuState.RSP] = pointer;
        }
    }

    private static final class Push extends OneOperandOp {
        Push(Place operand) {
            super(operand);
        }

        @Override
        boolean isStackOperand() {
            return !operand.isMemory() || operand.isOnStack();
        }

        @Override
        void execute(Cpu cpu) {
            long value = operand.read(cpu);
            long pointer = cpu.gpr[VcpuState.RSP] - operand.size;
            cpu.store(Stack.checkedLinear(cpu, pointer, operand.size, true), operand.size, value);
            Stack.setPointer(cpu, pointer);
        }
    }

    private static final class PopRegister64 extends StackOp {
        private final int target;

        PopRegister64(int target) {
            this.target = target;
        }

        @Override
        void translate(RegionCode code) {
            code.observe();
            code.setRegister(target, 8, () -> {
                code.cpu();
                code.call(RegionMemory.class, "pop64", long.class, Cpu.class);
            });
        }

        @Override
        void execute(Cpu cpu) {
            long pointer = cpu.gpr[VcpuState.RSP];
            long value = cpu.load64(pointer);
            cpu.gpr[VcpuState.RSP] = pointer + 8;
            cpu.gpr[target] = value;
        }
    }

    private static final class PopRegister extends StackOp {
        private final int target;
        private final int size;

        PopRegister(int target, int size) {
            this.target = target;
            this.size = size;
        }

        @Override
        void execute(Cpu cpu) {
            long value = Stack.top(cpu, size);
            Stack.drop(cpu, size);
            cpu.setRegister(target, size, value);
        }
    }

    /** A destination that is addressed through RSP is addressed with the value after the POP. */
    private static final class PopMemory extends MemoryOp {
        private final int size;
        private final SegmentOffset target;

        PopMemory(Address address, int size, boolean mode64) {
            super(address);
            this.size = size;
            this.target = SegmentOffset.of(address, mode64);
        }

        @Override
        void execute(Cpu cpu) {
            long before = cpu.gpr[VcpuState.RSP];
            long value = cpu.load(Stack.checkedLinear(cpu, before, size, false), size);
            long after = Stack.merged(cpu, VcpuState.RSP, before + size);
            long moved = address.base == VcpuState.RSP ? after - before : 0;
            cpu.store(target.linear(cpu, address.offset(cpu) + moved, size, true), size, value);
            cpu.gpr[VcpuState.RSP] = after;
        }
    }

    /** Pushes eight registers, RSP with the value it had before. */
    private static final class PushAll extends StackOp {
        private final int size;

        PushAll(int size) {
            this.size = size;
        }

        @Override
        void execute(Cpu cpu) {
            long pointer = cpu.gpr[VcpuState.RSP];
            for (int n = 1; n <= 8; n++) {
                cpu.probeWrite(Stack.linear(cpu, pointer - (long) n * size, size, true), size);
            }
            for (int n = 1; n <= 8; n++) {
                cpu.store(Stack.linear(cpu, pointer - (long) n * size, size, true), size, cpu.gpr[n - 1]);
            }
            Stack.setPointer(cpu, pointer - 8L * size);
        }
    }

    /** Pops seven registers; the place of RSP is skipped. */
    private static final class PopAll extends StackOp {
        private final int size;

        PopAll(int size) {
            this.size = size;
        }

        @Override
        void execute(Cpu cpu) {
            long pointer = cpu.gpr[VcpuState.RSP];
            for (int n = 0; n < 8; n++) {
                cpu.probeRead(Stack.linear(cpu, pointer + (long) n * size, size, false), size);
            }
            for (int n = 0; n < 8; n++) {
                int register = 7 - n;
                if (register != VcpuState.RSP) {
                    long linear = Stack.linear(cpu, pointer + (long) n * size, size, false);
                    cpu.setRegister(register, size, cpu.load(linear, size));
                }
            }
            Stack.setPointer(cpu, pointer + 8L * size);
        }
    }

    /**
     * Pushes RBP, then the frame pointers of {@code level - 1} enclosing frames and its own, and makes room for locals. The final top of the
     * stack must be writable, too.
     */
    private static final class Enter extends StackOp {
        private final int size;
        private final int locals;
        private final int level;

        Enter(int size, int locals, int level) {
            this.size = size;
            this.locals = locals;
            this.level = level;
        }

        @Override
        void execute(Cpu cpu) {
            long base = cpu.gpr[VcpuState.RBP];
            long top = cpu.gpr[VcpuState.RSP];
            long frame = top - size;
            check(cpu, top, base);
            store(cpu, frame, base);
            for (int n = 1; n < level; n++) {
                store(cpu, frame - (long) n * size, load(cpu, base - (long) n * size));
            }
            if (level > 0) {
                store(cpu, frame - (long) level * size, Stack.merged(cpu, VcpuState.RSP, frame));
            }
            cpu.setRegister(VcpuState.RBP, size, Stack.merged(cpu, VcpuState.RSP, frame));
            Stack.setPointer(cpu, frame - (long) level * size - locals);
        }

        private void check(Cpu cpu, long top, long base) {
            for (int n = 1; n <= level + 1; n++) {
                cpu.probeWrite(Stack.linear(cpu, top - (long) n * size, size, true), size);
            }
            for (int n = 1; n < level; n++) {
                cpu.probeRead(Stack.linear(cpu, base - (long) n * size, size, false), size);
            }
            long end = top - (level + 1L) * size - locals;
            cpu.probeWrite(Stack.linear(cpu, end, size, true), size);
        }

        private void store(Cpu cpu, long pointer, long value) {
            cpu.store(Stack.linear(cpu, pointer, size, true), size, value);
        }

        private long load(Cpu cpu, long pointer) {
            return cpu.load(Stack.linear(cpu, pointer, size, false), size);
        }
    }

    private static final class Leave extends StackOp {
        private final int size;

        Leave(int size) {
            this.size = size;
        }

        @Override
        void execute(Cpu cpu) {
            long frame = cpu.gpr[VcpuState.RBP];
            long value = cpu.load(Stack.linear(cpu, frame, size, false), size);
            Stack.setPointer(cpu, frame + size);
            cpu.setRegister(VcpuState.RBP, size, value);
        }
    }
}
