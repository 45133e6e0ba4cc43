package io.umbra.processor;

import static io.umbra.processor.HostAssembler.NONE;
import static io.umbra.processor.HostAssembler.RAX;
import static io.umbra.processor.HostAssembler.RBP;
import static io.umbra.processor.HostAssembler.RCX;
import static io.umbra.processor.HostAssembler.RDX;

import io.umbra.processor.Instruction.Kind;
import io.umbra.processor.Instruction.Operand;

/**
 * The guest's SSE instructions that move data or compute with integers, as host code: operands are brought into the host's XMM0 and XMM1, and the instruction itself does the rest. They raise no exception of
 * their own and change no flag. What is not here is executed as the interpreter does; what is not in every x86-64 processor is left to it, too.
 */
final class HostVectors extends HostInstructions {
    private static final int DATA_16 = 0x66;
    private static final int SCALAR_DOUBLE = 0xF2;
    private static final int SCALAR_SINGLE = 0xF3;
    private static final int MOVE_UNALIGNED = 0xF6F;
    private static final int STORE_UNALIGNED = 0xF7F;
    private static final int NOT_EQUAL = 5;

    private static final int MISALIGNED = 15;

    HostVectors(HostEmitter emit) {
        super(emit);
    }

    @Override
    boolean write() {
        if (i.operands.length < 2 || !hasVector()) {
            return false;
        }
        return switch (i.mnemonic) {
            case MOVAPS, MOVAPD, MOVDQA, MOVNTDQ, MOVNTPS, MOVNTPD -> moveWhole(true);
            case MOVUPS, MOVUPD, MOVDQU -> moveWhole(false);
            case MOVD, MOVQ -> moveLow();
            case PSHUFD -> compute(DATA_16, 0xF70);
            case PSHUFLW -> compute(SCALAR_DOUBLE, 0xF70);
            case PSHUFHW -> compute(SCALAR_SINGLE, 0xF70);
            case ANDPS, ANDPD, PAND -> compute(DATA_16, 0xFDB);
            case ANDNPS, ANDNPD, PANDN -> compute(DATA_16, 0xFDF);
            case ORPS, ORPD, POR -> compute(DATA_16, 0xFEB);
            case XORPS, XORPD, PXOR -> compute(DATA_16, 0xFEF);
            case PADDB -> compute(DATA_16, 0xFFC);
            case PADDW -> compute(DATA_16, 0xFFD);
            case PADDD -> compute(DATA_16, 0xFFE);
            case PADDQ -> compute(DATA_16, 0xFD4);
            case PSUBB -> compute(DATA_16, 0xFF8);
            case PSUBW -> compute(DATA_16, 0xFF9);
            case PSUBD -> compute(DATA_16, 0xFFA);
            case PSUBQ -> compute(DATA_16, 0xFFB);
            case PMULUDQ -> compute(DATA_16, 0xFF4);
            case PMULLW -> compute(DATA_16, 0xFD5);
            case PCMPEQB -> compute(DATA_16, 0xF74);
            case PCMPEQW -> compute(DATA_16, 0xF75);
            case PCMPEQD -> compute(DATA_16, 0xF76);
            case PCMPGTB -> compute(DATA_16, 0xF64);
            case PCMPGTW -> compute(DATA_16, 0xF65);
            case PCMPGTD -> compute(DATA_16, 0xF66);
            case PMINUB -> compute(DATA_16, 0xFDA);
            case PMAXUB -> compute(DATA_16, 0xFDE);
            case PUNPCKLBW -> compute(DATA_16, 0xF60);
            case PUNPCKLWD -> compute(DATA_16, 0xF61);
            case PUNPCKLDQ -> compute(DATA_16, 0xF62);
            case PUNPCKHBW -> compute(DATA_16, 0xF68);
            case PUNPCKHWD -> compute(DATA_16, 0xF69);
            case PUNPCKHDQ -> compute(DATA_16, 0xF6A);
            case PUNPCKLQDQ -> compute(DATA_16, 0xF6C);
            case PUNPCKHQDQ -> compute(DATA_16, 0xF6D);
            case PSLLW -> shift(0xF71, 6, 0xFF1);
            case PSLLD -> shift(0xF72, 6, 0xFF2);
            case PSLLQ -> shift(0xF73, 6, 0xFF3);
            case PSRLW -> shift(0xF71, 2, 0xFD1);
            case PSRLD -> shift(0xF72, 2, 0xFD2);
            case PSRLQ -> shift(0xF73, 2, 0xFD3);
            case PSRAW -> shift(0xF71, 4, 0xFE1);
            case PSRAD -> shift(0xF72, 4, 0xFE2);
            case PSLLDQ -> shift(0xF73, 7, NONE);
            case PSRLDQ -> shift(0xF73, 3, NONE);
            case PMOVMSKB -> collectSigns();
            default -> false;
        };
    }

    /** XMM registers, memory, general registers and constants, but no MMX registers. */
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
    private void begin() {
        emit.spoilFlags();
        out.arithmetic(Alu.CMP, 8, RBP, HostState.at(HostState.NO_VECTORS), 0);
        out.jumpIf(NOT_EQUAL, emit.exit());
    }

    /** RAX = where the memory operand of {@code size} bytes is. */
    private void locate(int size, boolean write, boolean aligned) {
        emit.linear(i, offset);
        if (aligned) {
            out.extended(0xF6, 1, 0, RAX);
            out.int8(MISALIGNED);
            out.jumpIf(NOT_EQUAL, emit.exit());
        }
        emit.locate(size, write);
    }

    /** RDX = where the guest's XMM registers are. */
    private void registers() {
        out.load(RDX, RBP, HostState.at(HostState.VECTORS));
    }

    private static int place(Operand operand) {
        return 16 * operand.register();
    }

    private void loadVector(int vector, Operand operand) {
        out.vector(SCALAR_SINGLE, MOVE_UNALIGNED, vector, RDX, place(operand));
    }

    private void storeVector(int vector, Operand operand) {
        out.vector(SCALAR_SINGLE, STORE_UNALIGNED, vector, RDX, place(operand));
    }

    // ---- moves ------------------------------------------------------------------------------------------------------

    private boolean moveWhole(boolean aligned) {
        Operand to = i.operands[0];
        Operand from = i.operands[1];
        if (to.size() != 16 || from.size() != 16) {
            return false;
        }
        begin();
        if (to.isMemory() || from.isMemory()) {
            locate(16, to.isMemory(), aligned);
        }
        registers();
        if (from.isMemory()) {
            out.vector(SCALAR_SINGLE, MOVE_UNALIGNED, 0, RAX, 0);
        } else {
            loadVector(0, from);
        }
        if (to.isMemory()) {
            out.vector(SCALAR_SINGLE, STORE_UNALIGNED, 0, RAX, 0);
        } else {
            storeVector(0, to);
        }
        return true;
    }

    /** MOVD and MOVQ: the low 4 or 8 bytes; the rest of an XMM register is cleared. */
    private boolean moveLow() {
        Operand to = i.operands[0];
        Operand from = i.operands[1];
        boolean isLoad = to.kind() == Kind.XMM;
        Operand other = isLoad ? from : to;
        int size = other.kind() == Kind.XMM ? 8 : other.size();
        if (size != 4 && size != 8) {
            return false;
        }
        begin();
        if (other.isMemory()) {
            locate(size, !isLoad, false);
        }
        registers();
        if (isLoad) {
            if (other.isMemory()) {
                out.memory(0x8B, size, RCX, RAX, 0);
            } else if (other.isGeneral()) {
                emit.onGuest(0x8B, size, RCX, other.register());
            } else {
                out.load(RCX, RDX, place(other));
            }
            out.store(RCX, RDX, place(to));
            out.memory(0xC7, 8, 0, RDX, place(to) + 8);
            out.int32(0);
        } else {
            out.memory(0x8B, size, RCX, RDX, place(from));
            if (other.isMemory()) {
                out.memory(0x89, size, RCX, RAX, 0);
            } else {
                emit.made(other.register(), 8, RCX);
            }
        }
        return true;
    }

    private boolean collectSigns() {
        Operand to = i.operands[0];
        begin();
        registers();
        loadVector(0, i.operands[1]);
        out.int8(DATA_16);
        out.registers(0xFD7, 4, RCX, 0);
        emit.made(to.register(), 8, RCX);
        return true;
    }

    // ---- arithmetic -------------------------------------------------------------------------------------------------

    /** {@code to = to operation from}, with a constant behind it if there is one. */
    private boolean compute(int prefix, int opcode) {
        Operand to = i.operands[0];
        Operand from = i.operands[1];
        if (to.kind() != Kind.XMM || from.size() != 16) {
            return false;
        }
        begin();
        if (from.isMemory()) {
            locate(16, false, true);
        }
        registers();
        if (from.isMemory()) {
            out.vector(SCALAR_SINGLE, MOVE_UNALIGNED, 1, RAX, 0);
        } else {
            loadVector(1, from);
        }
        loadVector(0, to);
        out.int8(prefix);
        out.registers(opcode, 4, 0, 1);
        if (i.operands.length == 3) {
            out.int8((int) i.operands[2].value());
        }
        storeVector(0, to);
        return true;
    }

    private boolean shift(int constantOpcode, int extension, int opcode) {
        if (i.operands[1].kind() != Kind.IMMEDIATE) {
            return opcode != NONE && compute(DATA_16, opcode);
        }
        Operand to = i.operands[0];
        begin();
        registers();
        loadVector(0, to);
        out.int8(DATA_16);
        out.extended(constantOpcode, 4, extension, 0);
        out.int8((int) i.operands[1].value());
        storeVector(0, to);
        return true;
    }
}
