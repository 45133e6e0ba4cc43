package io.umbra.processor;

import static io.umbra.processor.HostAssembler.NOT_EQUAL;
import static io.umbra.processor.HostAssembler.RAX;
import static io.umbra.processor.HostAssembler.RBP;
import static io.umbra.processor.HostAssembler.RDX;

import io.umbra.processor.Instruction.Kind;
import io.umbra.processor.Instruction.Operand;

/**
 * SSE instructions as host code: what their translations have in common. The guest's XMM registers are in memory; operands are brought into the host's XMM0 and XMM1, and the instruction itself does the rest.
 */
abstract class HostVectorInstructions extends HostInstructions {
    static final int DATA_16 = 0x66;

    private static final int SCALAR_SINGLE = 0xF3;
    private static final int MOVE_UNALIGNED = 0xF6F;
    private static final int STORE_UNALIGNED = 0xF7F;
    private static final int MISALIGNED = 15;

    HostVectorInstructions(HostEmitter emit) {
        super(emit);
    }

    @Override
    final boolean write() {
        return i.operands.length >= 2 && hasVector() && writeVector();
    }

    /** The same for an instruction on XMM registers, memory, general registers and constants, but no MMX registers. */
    abstract boolean writeVector();

    private boolean hasVector() {
        boolean found = false;
        for (Operand operand : i.operands) {
            if (operand.kind() == Kind.MMX) {
                return false;
            }
            found |= operand.kind() == Kind.XMM;
        }
        return found;
    }

    /** Leaves if SSE instructions may not be executed as things are, and spoils the flags. */
    final void begin() {
        emit.spoilFlags();
        out.arithmetic(Alu.CMP, 8, RBP, HostState.at(HostState.NO_VECTORS), 0);
        out.jumpIf(NOT_EQUAL, emit.exit());
    }

    /** RAX = where the memory operand of {@code size} bytes is. */
    final void locate(int size, boolean write, boolean aligned) {
        emit.linear(i, offset);
        if (aligned) {
            out.extended(0xF6, 1, 0, RAX);
            out.int8(MISALIGNED);
            out.jumpIf(NOT_EQUAL, emit.exit());
        }
        emit.locate(size, write);
    }

    /** RDX = where the guest's XMM registers are. */
    final void registers() {
        out.load(RDX, RBP, HostState.at(HostState.VECTORS));
    }

    /** Displacement from RDX. */
    static int place(Operand operand) {
        return 16 * operand.register();
    }

    final void loadVector(int vector, Operand operand) {
        out.vector(SCALAR_SINGLE, MOVE_UNALIGNED, vector, RDX, place(operand));
    }

    final void storeVector(int vector, Operand operand) {
        out.vector(SCALAR_SINGLE, STORE_UNALIGNED, vector, RDX, place(operand));
    }

    /** XMM{@code vector} = the 16 bytes at RAX. */
    final void loadMemory(int vector) {
        out.vector(SCALAR_SINGLE, MOVE_UNALIGNED, vector, RAX, 0);
    }

    /** The reverse. */
    final void storeMemory(int vector) {
        out.vector(SCALAR_SINGLE, STORE_UNALIGNED, vector, RAX, 0);
    }

    /** {@code register} = {@code size} bytes of memory, zero-extended. */
    final void loadZeroExtended(int register, int size, int base, int displacement) {
        switch (size) {
            case 1 -> out.memory(0xFB6, 4, register, base, displacement);
            case 2 -> out.memory(0xFB7, 4, register, base, displacement);
            default -> out.memory(0x8B, size, register, base, displacement);
        }
    }

    final int immediate() {
        return (int) i.operands[i.operands.length - 1].value();
    }
}
