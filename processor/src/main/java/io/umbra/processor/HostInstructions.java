package io.umbra.processor;

import static io.umbra.processor.HostAssembler.RAX;
import static io.umbra.processor.HostEmitter.sized;

import io.umbra.processor.Instruction.Kind;
import io.umbra.processor.Instruction.Operand;
import io.umbra.x86.VcpuState;
import java.util.List;

/** Some of the guest's instructions as host code: what their translations have in common. */
abstract class HostInstructions {
    final HostEmitter emit;
    final HostAssembler out;
    /** 4 or 8 bytes: how wide RSP and linear addresses are. */
    final int width;

    /** The instruction that is translated, and where it is in its page. */
    Instruction i = new Instruction();

    int offset;

    HostInstructions(HostEmitter emit) {
        this.emit = emit;
        this.out = emit.out;
        this.width = emit.width;
    }

    /** All that there are; each knows others of the guest's instructions. */
    static List<HostInstructions> all(HostEmitter emit) {
        return List.of(
                new HostMoves(emit),
                new HostArithmetic(emit),
                new HostShifts(emit),
                new HostHighBytes(emit),
                new HostBits(emit),
                new HostExchanges(emit),
                new HostSystem(emit),
                new HostControl(emit),
                new HostStrings(emit),
                new HostVectorMoves(emit),
                new HostVectors(emit));
    }

    /** An operation by whichever of {@code all} knows it. @return whether one does */
    static boolean write(List<HostInstructions> all, Op op, Instruction instruction) {
        if (op instanceof MiscOps.Nothing) {
            return true;
        }
        for (HostInstructions some : all) {
            if (some.write(instruction, op.offset)) {
                return true;
            }
        }
        return false;
    }

    /** @return whether it was written; otherwise nothing was, and it is executed as the interpreter does */
    final boolean write(Instruction instruction, int offsetInPage) {
        i = instruction;
        offset = offsetInPage;
        return !i.vex
                && (i.repeat == 0 || takesRepeat())
                && (!i.hasMemory() || HostEmitter.isAddressable(i))
                && write();
    }

    /** REP and REPNE mean something to these. */
    boolean takesRepeat() {
        return false;
    }

    /** The same for {@link #i}, whose memory operand can be addressed. */
    abstract boolean write();

    /** Whether the flags of an instruction that leaves some of them undefined may be the host's. */
    final boolean mayShowFlags() {
        return HostFlags.allAgree() || !emit.flagsAreLive();
    }

    final Operand first() {
        return i.operands[0];
    }

    final Operand second() {
        return i.operands[1];
    }

    static boolean isPlain(Operand operand) {
        return operand.isGeneral() || operand.isMemory();
    }

    /** A constant as an immediate of an instruction of {@code size}, or some other number if there is none such. */
    static int immediate(long value, int size) {
        return switch (size) {
            case 1 -> (byte) value;
            case 2 -> (short) value;
            default -> (int) value;
        };
    }

    static boolean isImmediate(Operand operand, int size) {
        return operand.kind() == Kind.IMMEDIATE && (size < 8 || operand.value() == (int) operand.value());
    }

    /** RAX = where the memory operand is. */
    final void locate(int size, boolean write) {
        emit.operand(i, offset, size, write);
    }

    /** All bytes of {@code register} that a load of {@code size} bytes from RAX's memory gives: 4 and 8 set the whole register. */
    final void loadOperand(int register, int size) {
        out.memory(sized(0x8B, size), size, register, RAX, 0);
    }

    /** RAX = where {@code distance} from the stack's top is. */
    final void locateStack(int distance, boolean write) {
        emit.spoilFlags();
        out.memory(0x8D, width, RAX, HostState.host(VcpuState.RSP), distance);
        emit.locate(width, write);
    }

    final void moveStack(int distance) {
        int pointer = HostState.host(VcpuState.RSP);
        out.memory(0x8D, width, pointer, pointer, distance);
    }
}
