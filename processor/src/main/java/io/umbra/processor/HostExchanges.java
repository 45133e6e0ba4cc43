package io.umbra.processor;

import static io.umbra.processor.HostAssembler.EQUAL;
import static io.umbra.processor.HostAssembler.NOT_EQUAL;
import static io.umbra.processor.HostAssembler.RAX;
import static io.umbra.processor.HostAssembler.RBP;
import static io.umbra.processor.HostAssembler.RCX;
import static io.umbra.processor.HostAssembler.RDX;
import static io.umbra.processor.HostEmitter.sized;

import io.umbra.processor.Instruction.Operand;
import io.umbra.x86.VcpuState;

/** XCHG, XADD, CMPXCHG, CMPXCHG8B and CMPXCHG16B as host code. */
final class HostExchanges extends HostInstructions {
    private static final int COMPARE = 0x3B;
    private static final int MISALIGNED = 15;
    /** ZF in the upper byte of {@link HostState#FLAGS}. */
    private static final int ZERO = 0x40;

    HostExchanges(HostEmitter emit) {
        super(emit);
    }

    @Override
    boolean write() {
        return switch (i.mnemonic) {
            case XCHG -> exchange();
            case XADD -> exchangeAndAdd();
            case CMPXCHG -> compareAndExchange();
            case CMPXCHG8B -> compareAndExchange8();
            case CMPXCHG16B -> compareAndExchange16();
            default -> false;
        };
    }

    private boolean exchange() {
        boolean isSwapped = second().isMemory();
        Operand to = isSwapped ? second() : first();
        Operand from = isSwapped ? first() : second();
        int size = to.size();
        if (!isPlain(to) || !from.isGeneral()) {
            return false;
        }
        if (to.isMemory()) {
            locate(size, true);
            loadOperand(RDX, size);
            out.memory(sized(0x89, size), size, emit.value(from.register(), RCX), RAX, 0);
            emit.made(from.register(), size, RDX);
            return true;
        }
        emit.onGuest(0x8B, Math.max(size, 4), RCX, to.register());
        emit.onGuest(0x8B, Math.max(size, 4), RDX, from.register());
        emit.made(from.register(), size, RCX);
        emit.made(to.register(), size, RDX);
        return true;
    }

    private boolean exchangeAndAdd() {
        Operand to = first();
        Operand from = second();
        int size = to.size();
        if (!isPlain(to) || !from.isGeneral()) {
            return false;
        }
        if (to.isMemory()) {
            locate(size, true);
            emit.onGuest(sized(0x8B, size), size, RCX, from.register());
            out.memory(sized(0xFC1, size), size, RCX, RAX, 0);
            emit.flagsChanged();
            emit.made(from.register(), size, RCX);
            return true;
        }
        emit.onGuest(0x8B, Math.max(size, 4), RCX, to.register());
        emit.onGuest(0x8B, Math.max(size, 4), RDX, from.register());
        out.registers(sized(0xFC1, size), size, RDX, RCX);
        emit.flagsChanged();
        emit.made(from.register(), size, RDX);
        emit.made(to.register(), size, RCX);
        return true;
    }

    private boolean compareAndExchange() {
        Operand to = first();
        Operand from = second();
        int size = to.size();
        if (!to.isMemory() || !from.isGeneral()) {
            return false;
        }
        int accumulator = HostState.host(VcpuState.RAX);
        locate(size, true);
        out.move(RDX, RAX);
        out.move(RAX, accumulator);
        out.memory(sized(0xFB1, size), size, emit.value(from.register(), RCX), RDX, 0);
        emit.flagsChanged();
        int equal = out.newLabel();
        out.jumpIf(EQUAL, equal);
        out.registers(sized(0x8B, size), size, accumulator, RAX);
        out.bind(equal);
        return true;
    }

    // ---- of two registers -------------------------------------------------------------------------------------------

    /** RDX:RAX and RCX:RBX as one number of 64 bits each. */
    private boolean compareAndExchange8() {
        int low = HostState.host(VcpuState.RAX);
        int high = HostState.host(VcpuState.RDX);
        int differs = out.newLabel();
        int end = out.newLabel();
        locate(8, true);
        pair(VcpuState.RDX, VcpuState.RAX);
        out.memory(COMPARE, 8, RCX, RAX, 0);
        out.jumpIf(NOT_EQUAL, differs);
        pair(VcpuState.RCX, VcpuState.RBX);
        out.store(RCX, RAX, 0);
        setZero();
        out.jump(end);
        out.bind(differs);
        out.memory(0x8B, 4, low, RAX, 0);
        out.memory(0x8B, 4, high, RAX, 4);
        clearZero();
        out.bind(end);
        emit.resume();
        return true;
    }

    /** RCX = the low halves of two guest registers. Uses RDX. */
    private void pair(int high, int low) {
        out.move(RCX, HostState.host(high));
        out.shiftLeft(RCX, 32);
        out.registers(0x8B, 4, RDX, HostState.host(low));
        out.registers(0x0B, 8, RCX, RDX);
    }

    /** Leaves for #GP where the operand is not aligned. It is written only where it equals. */
    private boolean compareAndExchange16() {
        int low = HostState.host(VcpuState.RAX);
        int high = HostState.host(VcpuState.RDX);
        int differs = out.newLabel();
        int end = out.newLabel();
        emit.linear(i, offset);
        out.extended(0xF6, 1, 0, RAX);
        out.int8(MISALIGNED);
        out.jumpIf(NOT_EQUAL, emit.exit());
        emit.locate(16, true);
        out.load(RCX, RAX, 0);
        out.load(RDX, RAX, 8);
        out.registers(COMPARE, 8, RCX, low);
        out.jumpIf(NOT_EQUAL, differs);
        out.registers(COMPARE, 8, RDX, high);
        out.jumpIf(NOT_EQUAL, differs);
        out.store(HostState.host(VcpuState.RBX), RAX, 0);
        out.store(HostState.host(VcpuState.RCX), RAX, 8);
        setZero();
        out.jump(end);
        out.bind(differs);
        out.move(low, RCX);
        out.move(high, RDX);
        clearZero();
        out.bind(end);
        emit.resume();
        return true;
    }

    private void setZero() {
        out.arithmetic(Alu.OR, 1, RBP, HostState.at(HostState.FLAGS) + 1, ZERO);
    }

    private void clearZero() {
        out.arithmetic(Alu.AND, 1, RBP, HostState.at(HostState.FLAGS) + 1, ~ZERO);
    }
}
