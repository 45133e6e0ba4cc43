package io.umbra.processor;

import static io.umbra.processor.HostAssembler.EQUAL;
import static io.umbra.processor.HostAssembler.NOT_EQUAL;
import static io.umbra.processor.HostAssembler.RAX;
import static io.umbra.processor.HostAssembler.RBP;
import static io.umbra.processor.HostAssembler.RCX;
import static io.umbra.processor.HostAssembler.RDX;
import static io.umbra.processor.HostEmitter.sized;

import io.umbra.processor.Instruction.Kind;
import io.umbra.processor.Instruction.Operand;
import io.umbra.x86.RFlags;
import io.umbra.x86.VcpuState;

/**
 * Instructions on RFLAGS as a whole, fences, and moves of selectors, as host code. What is not a status flag is in {@link HostState#RFLAGS}.
 *
 * <p>Host code runs with TF and RF clear. What would set TF, or change AC and with it the TLB's bank, leaves; so does what would set IF while an interrupt window is wanted. The shadow of STI is told to whoever executes
 * the next instruction, if that leaves.
 */
final class HostSystem extends HostInstructions {
    private static final int RFLAGS = HostState.at(HostState.RFLAGS);
    private static final int FLAGS = HostState.at(HostState.FLAGS);
    private static final int CHANGEABLE = HostState.at(HostState.CHANGEABLE);
    private static final int DELICATE = HostState.at(HostState.DELICATE);
    private static final int STORE_FLAGS = 0x9E, LOAD_FLAGS = 0x9F;
    /** What AH holds of the flags behind LAHF, without bit 1. */
    private static final int IN_AH = 0xD5;

    private static final int FENCE_GROUP = 0xAE, LOAD_FENCE = 0xE8, MEMORY_FENCE = 0xF0;

    HostSystem(HostEmitter emit) {
        super(emit);
    }

    @Override
    boolean write() {
        return switch (i.mnemonic) {
            case CLC -> onCarry(0xF8);
            case STC -> onCarry(0xF9);
            case CMC -> onCarry(0xF5);
            case LAHF -> loadIntoAh();
            case SAHF -> storeFromAh();
            case CLD -> change(Alu.AND, ~RFlags.DIRECTION);
            case STD -> change(Alu.OR, RFlags.DIRECTION);
            case CLI -> clearInterrupt();
            case STI -> setInterrupt();
            case PUSHF -> pushFlags();
            case POPF -> popFlags();
            case MOV_SEG -> moveSelector();
            case LFENCE -> fence(LOAD_FENCE);
            case MFENCE, SFENCE -> fence(MEMORY_FENCE);
            default -> false;
        };
    }

    // ---- status flags -----------------------------------------------------------------------------------------------

    private boolean onCarry(int opcode) {
        emit.needFlags();
        out.int8(opcode);
        emit.flagsChanged();
        return true;
    }

    /** The guest's AH is the host's BH. */
    private boolean loadIntoAh() {
        emit.needFlags();
        out.int8(LOAD_FLAGS);
        out.int8(0x88);
        out.int8(0xE7);
        return true;
    }

    private boolean storeFromAh() {
        emit.needFlags();
        out.move(RAX, HostState.host(VcpuState.RAX));
        out.int8(STORE_FLAGS);
        emit.flagsChanged();
        return true;
    }

    // ---- the others -------------------------------------------------------------------------------------------------

    private boolean change(int operation, long bits) {
        emit.spoilFlags();
        out.arithmetic(operation, 8, RBP, RFLAGS, (int) bits);
        return true;
    }

    /** Leaves for #GP where the privilege does not suffice. */
    private boolean clearInterrupt() {
        emit.spoilFlags();
        requireInterruptPrivilege();
        return change(Alu.AND, ~RFlags.INTERRUPT);
    }

    /** To be followed by an instruction behind which {@link #endShadow} is. Leaves as {@link #clearInterrupt} does. */
    private boolean setInterrupt() {
        int isSet = out.newLabel();
        emit.spoilFlags();
        requireInterruptPrivilege();
        out.memory(0xF7, 4, 0, RBP, RFLAGS);
        out.int32((int) RFlags.INTERRUPT);
        out.jumpIf(NOT_EQUAL, isSet);
        out.memory(0xF7, 4, 0, RBP, DELICATE);
        out.int32((int) RFlags.INTERRUPT);
        out.jumpIf(NOT_EQUAL, emit.exit());
        change(Alu.OR, RFlags.INTERRUPT);
        setShadow(emit.out, 1);
        out.bind(isSet);
        return true;
    }

    /** The instruction that an STI holds interrupts back for is done. Flags stay. */
    static void endShadow(HostAssembler out) {
        setShadow(out, 0);
    }

    private static void setShadow(HostAssembler out, int value) {
        out.memory(0xC7, 8, 0, RBP, HostState.at(HostState.SHADOW));
        out.int32(value);
    }

    private void requireInterruptPrivilege() {
        out.memory(0xF7, 4, 0, RBP, CHANGEABLE);
        out.int32((int) RFlags.INTERRUPT);
        out.jumpIf(EQUAL, emit.exit());
    }

    private boolean pushFlags() {
        if (i.operandSize != width) {
            return false;
        }
        locateStack(-width, true);
        out.memory(0xFB6, 4, RCX, RBP, FLAGS + 1);
        out.arithmetic(Alu.AND, 4, RCX, IN_AH);
        out.memory(0xFB6, 4, RDX, RBP, FLAGS);
        out.shiftLeft(RDX, 11);
        out.registers(0x0B, 4, RCX, RDX);
        out.memory(0x8B, 4, RDX, RBP, RFLAGS);
        out.arithmetic(Alu.AND, 4, RDX, (int) ~(RFlags.STATUS | RFlags.RESUME | RFlags.VIRTUAL_8086));
        out.registers(0x0B, 4, RCX, RDX);
        out.memory(0x89, width, RCX, RAX, 0);
        moveStack(-width);
        return true;
    }

    private boolean popFlags() {
        if (i.operandSize != width) {
            return false;
        }
        locateStack(0, false);
        out.memory(0x8B, 4, RCX, RAX, 0);
        out.registers(0x8B, 4, RDX, RCX);
        out.memory(0x33, 4, RDX, RBP, RFLAGS);
        out.memory(0x85, 4, RDX, RBP, DELICATE);
        out.jumpIf(NOT_EQUAL, emit.exit());
        // Of what may change, take what differs.
        out.memory(0x23, 4, RDX, RBP, CHANGEABLE);
        out.memory(0x33, 4, RDX, RBP, RFLAGS);
        out.memory(0x89, 4, RDX, RBP, RFLAGS);
        out.registers(0xFB6, 4, RDX, RCX);
        out.shiftLeft(RDX, 8);
        out.shiftRight(RCX, 11);
        out.arithmetic(Alu.AND, 4, RCX, 1);
        out.registers(0x0B, 4, RDX, RCX);
        out.store(RDX, RBP, FLAGS);
        emit.resume();
        moveStack(width);
        return true;
    }

    /**
     * What POPF may not change in host code.
     *
     * @param isWatched whether the run loop looks at IF at each boundary
     */
    static long delicate(boolean isWatched) {
        return RFlags.TRAP | RFlags.ALIGNMENT_CHECK | (isWatched ? RFlags.INTERRUPT : 0);
    }

    // ---- the rest ---------------------------------------------------------------------------------------------------

    /** From a segment register: zero-extended to a register, 2 bytes to memory. */
    private boolean moveSelector() {
        Operand to = first();
        Operand from = second();
        if (from.kind() != Kind.SEGMENT || !isPlain(to)) {
            return false;
        }
        int size = to.isMemory() ? 2 : i.operandSize;
        if (to.isMemory()) {
            locate(size, true);
        }
        out.memory(0x8B, 4, RCX, RBP, HostState.at(HostState.SELECTORS + from.register()));
        if (to.isMemory()) {
            out.memory(sized(0x89, size), size, RCX, RAX, 0);
        } else {
            emit.made(to.register(), size, RCX);
        }
        return true;
    }

    private boolean fence(int kind) {
        out.int8(0x0F);
        out.int8(FENCE_GROUP);
        out.int8(kind);
        return true;
    }
}
