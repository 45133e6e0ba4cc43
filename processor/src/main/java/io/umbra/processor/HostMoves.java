package io.umbra.processor;

import static io.umbra.processor.HostAssembler.RAX;
import static io.umbra.processor.HostAssembler.RBP;
import static io.umbra.processor.HostAssembler.RCX;
import static io.umbra.processor.HostAssembler.RDX;
import static io.umbra.processor.HostEmitter.sized;

import io.umbra.processor.Instruction.Kind;
import io.umbra.processor.Instruction.Operand;
import io.umbra.x86.VcpuState;

/** Moves and the stack as host code. They leave the flags alone. */
final class HostMoves extends HostInstructions {
    HostMoves(HostEmitter emit) {
        super(emit);
    }

    @Override
    boolean write() {
        return switch (i.mnemonic) {
            case MOV -> move();
            case MOVZX -> extend(0xFB6);
            case MOVSX, MOVSXD -> extend(0xFBE);
            case LEA -> loadAddress();
            case PUSH -> push();
            case POP -> pop();
            case LEAVE -> leave();
            case BSWAP -> swapBytes();
            case SETCC -> set();
            case CMOVCC -> moveIf();
            default -> false;
        };
    }

    private boolean move() {
        Operand to = first();
        Operand from = second();
        int size = to.size();
        if (!isPlain(to) || !isPlain(from) && from.kind() != Kind.IMMEDIATE) {
            return false;
        }
        if (to.isMemory()) {
            if (!from.isGeneral() && !isImmediate(from, size)) {
                return false;
            }
            locate(size, true);
            if (from.isGeneral()) {
                out.memory(sized(0x89, size), size, emit.value(from.register(), RCX), RAX, 0);
            } else {
                out.memory(sized(0xC7, size), size, 0, RAX, 0);
                out.immediate(size, immediate(from.value(), size));
            }
            return true;
        }
        int register = to.register();
        if (from.kind() == Kind.IMMEDIATE) {
            int target = emit.target(register, RAX);
            if (size >= 4) {
                out.constant(target, size == 4 ? from.value() & 0xFFFF_FFFFL : from.value());
                emit.made(register, 8, target);
            } else {
                emit.extendedOnGuest(sized(0xC7, size), size, 0, register);
                out.immediate(size, immediate(from.value(), size));
            }
            return true;
        }
        int target = emit.target(register, RCX);
        if (from.isMemory()) {
            locate(size, false);
            loadOperand(target, size);
        } else if (size < 4) {
            emit.made(register, size, emit.value(from.register(), RCX));
            return true;
        } else {
            emit.onGuest(0x8B, size, target, from.register());
        }
        emit.made(register, size, target);
        return true;
    }

    /** MOVZX, MOVSX, MOVSXD. */
    private boolean extend(int byteOpcode) {
        Operand to = first();
        Operand from = second();
        int size = to.size();
        if (!to.isGeneral() || size < 4 && from.size() != 1) {
            return false;
        }
        int opcode = from.size() == 1 ? byteOpcode : from.size() == 2 ? byteOpcode + 1 : 0x63;
        if (from.size() == 4 && (byteOpcode == 0xFB6 || size == 4)) {
            return false;
        }
        int target = emit.target(to.register(), RCX);
        if (from.isMemory()) {
            locate(from.size(), false);
            out.memory(opcode, size, target, RAX, 0);
        } else if (from.kind() == Kind.HIGH_BYTE) {
            emit.spoilFlags();
            out.move(RCX, emit.value(from.register(), RCX));
            out.shiftRight(RCX, 8);
            out.registers(opcode, size, target, RCX);
        } else if (from.isGeneral()) {
            // Through RCX where the host would take the register for AH … BH.
            int source = emit.value(from.register(), RCX);
            if (from.size() == 1 && source > 3 && source < 8) {
                out.move(RCX, source);
                source = RCX;
            }
            out.registers(opcode, size, target, source);
        } else {
            return false;
        }
        emit.made(to.register(), size, target);
        return true;
    }

    private boolean loadAddress() {
        Operand to = first();
        if (to.size() < 4) {
            return false;
        }
        int target = emit.target(to.register(), RAX);
        emit.offset(i, offset, target, Math.min(to.size(), i.addressSize));
        emit.made(to.register(), 8, target);
        return true;
    }

    private boolean set() {
        Operand to = first();
        if (!isPlain(to)) {
            return false;
        }
        if (to.isMemory()) {
            locate(1, true);
            out.move(RCX, RAX);
            emit.needFlags();
            out.memory(0xF90 + i.condition, 1, 0, RCX, 0);
        } else {
            emit.needFlags();
            emit.extendedOnGuest(0xF90 + i.condition, 1, 0, to.register());
        }
        return true;
    }

    private boolean moveIf() {
        Operand to = first();
        Operand from = second();
        int size = to.size();
        if (size < 4 || !isPlain(from)) {
            return false;
        }
        if (from.isMemory()) {
            locate(size, false);
            loadOperand(RCX, size);
        }
        emit.needFlags();
        int source = from.isMemory() ? RCX : emit.value(from.register(), RCX);
        int target = emit.value(to.register(), RDX);
        out.registers(0xF40 + i.condition, size, target, source);
        emit.made(to.register(), 8, target);
        return true;
    }

    private boolean swapBytes() {
        int size = first().size();
        if (size < 4) {
            return false;
        }
        int target = emit.target(first().register(), RCX);
        emit.onGuest(0x8B, size, target, first().register());
        out.int8(0x40 | (size == 8 ? 8 : 0) | target >> 3);
        out.int8(0x0F);
        out.int8(0xC8 | target & 7);
        emit.made(first().register(), 8, target);
        return true;
    }

    // ---- the stack --------------------------------------------------------------------------------------------------

    private boolean push() {
        Operand from = first();
        if (i.operandSize != width || !isPlain(from) && !isImmediate(from, width)) {
            return false;
        }
        if (from.isMemory()) {
            locate(width, false);
            loadOperand(RCX, width);
            out.store(RCX, RBP, HostState.at(HostState.SCRATCH));
        }
        locateStack(-width, true);
        if (from.isMemory()) {
            out.load(RCX, RBP, HostState.at(HostState.SCRATCH));
            out.memory(0x89, width, RCX, RAX, 0);
        } else if (from.isGeneral()) {
            out.memory(0x89, width, emit.value(from.register(), RCX), RAX, 0);
        } else {
            out.memory(0xC7, width, 0, RAX, 0);
            out.int32((int) from.value());
        }
        moveStack(-width);
        return true;
    }

    private boolean pop() {
        Operand to = first();
        if (i.operandSize != width || !to.isGeneral()) {
            return false;
        }
        locateStack(0, false);
        moveStack(width);
        int target = emit.target(to.register(), RCX);
        loadOperand(target, width);
        emit.made(to.register(), 8, target);
        return true;
    }

    private boolean leave() {
        if (i.operandSize != width) {
            return false;
        }
        int frame = HostState.host(VcpuState.RBP);
        emit.spoilFlags();
        if (width == 8) {
            out.move(RAX, frame);
        } else {
            out.registers(0x8B, 4, RAX, frame);
        }
        emit.locate(width, false);
        out.memory(0x8D, width, HostState.host(VcpuState.RSP), frame, width);
        loadOperand(frame, width);
        return true;
    }
}
