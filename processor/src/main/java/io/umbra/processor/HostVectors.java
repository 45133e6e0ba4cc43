package io.umbra.processor;

import static io.umbra.processor.HostAssembler.RAX;
import static io.umbra.processor.HostAssembler.RCX;

import io.umbra.processor.Instruction.Kind;
import io.umbra.processor.Instruction.Operand;

/**
 * The guest's SSE instructions that compute with integers or rearrange elements, as host code. They raise no exception of their own, and but for PTEST change no flag. What is not here, or not in this
 * host, is executed as the interpreter does.
 */
final class HostVectors extends HostVectorInstructions {
    private static final int TEST = 0xF3817;
    private static final int MOVE_QUADWORD = 0xF6E;

    HostVectors(HostEmitter emit) {
        super(emit);
    }

    @Override
    boolean writeVector() {
        boolean shiftsByConstant = i.operands[1].kind() == Kind.IMMEDIATE;
        return switch (i.mnemonic) {
            case PSLLW, PSRLW, PSRAW, PSLLD, PSRLD, PSRAD, PSLLQ, PSRLQ, PSLLDQ, PSRLDQ ->
                shiftsByConstant ? shift() : compute();
            case PTEST -> test();
            case PBLENDVB -> blendBySigns(0xF3810);
            case BLENDVPS -> blendBySigns(0xF3814);
            case BLENDVPD -> blendBySigns(0xF3815);
            default -> compute();
        };
    }

    /** XMM{@code vector} = the second operand. Where that is in memory, RAX says where. RDX: the registers. */
    private void loadSecond(int vector, Operand from) {
        if (!from.isMemory()) {
            loadVector(vector, from);
        } else if (from.size() == 16) {
            loadMemory(vector);
        } else {
            loadZeroExtended(RCX, from.size(), RAX, 0);
            out.int8(DATA_16);
            out.registers(MOVE_QUADWORD, 8, vector, RCX);
        }
    }

    private void beginWith(Operand from) {
        begin();
        if (from.isMemory()) {
            locate(from.size(), false, from.size() == 16);
        }
        registers();
    }

    /** {@code to = to operation from}, with a constant behind it if there is one. */
    private boolean compute() {
        HostVectorOpcodes.Opcode opcode = HostVectorOpcodes.of(i.mnemonic);
        Operand to = i.operands[0];
        Operand from = i.operands[1];
        if (opcode == null || to.kind() != Kind.XMM || from.kind() != Kind.XMM && !from.isMemory()) {
            return false;
        }
        beginWith(from);
        loadSecond(1, from);
        loadVector(0, to);
        if (opcode.prefix() != 0) {
            out.int8(opcode.prefix());
        }
        out.registers(opcode.code(), 4, 0, 1);
        if (i.operands.length == 3) {
            out.int8(immediate());
        }
        storeVector(0, to);
        return true;
    }

    /** By a constant: the opcode's last two bits tell the width, and ModRM.reg the direction. */
    private boolean shift() {
        Operand to = i.operands[0];
        begin();
        registers();
        loadVector(0, to);
        out.int8(DATA_16);
        out.extended(0xF00 | i.opcode & 0xFF, 4, i.modRm >> 3 & 7, 0);
        out.int8(immediate());
        storeVector(0, to);
        return true;
    }

    private boolean test() {
        if (!HostFeature.SSE4_1.isPresent()) {
            return false;
        }
        Operand from = i.operands[1];
        beginWith(from);
        loadSecond(1, from);
        loadVector(0, i.operands[0]);
        out.int8(DATA_16);
        out.registers(TEST, 4, 0, 1);
        emit.flagsChanged();
        return true;
    }

    /** The signs in the guest's XMM0 choose. */
    private boolean blendBySigns(int opcode) {
        if (!HostFeature.SSE4_1.isPresent()) {
            return false;
        }
        Operand to = i.operands[0];
        Operand from = i.operands[1];
        beginWith(from);
        loadSecond(2, from);
        loadVector(1, to);
        loadVector(0, i.operands[2]);
        out.int8(DATA_16);
        out.registers(opcode, 4, 1, 2);
        storeVector(1, to);
        return true;
    }
}
