package io.umbra.processor;

import static io.umbra.processor.HostAssembler.RAX;
import static io.umbra.processor.HostAssembler.RCX;
import static io.umbra.processor.HostAssembler.RDX;
import static io.umbra.processor.HostEmitter.sized;

import io.umbra.processor.Instruction.Kind;
import io.umbra.processor.Instruction.Operand;

/** The guest's SSE instructions that move all or parts of an XMM register, as host code. They change no flag. */
final class HostVectorMoves extends HostVectorInstructions {
    private static final int LOW = 0, HIGH = 8;
    private static final int MOVE_SIGNS = 0xF50, MOVE_BYTE_SIGNS = 0xFD7;

    HostVectorMoves(HostEmitter emit) {
        super(emit);
    }

    @Override
    boolean writeVector() {
        return switch (i.mnemonic) {
            case MOVAPS, MOVAPD, MOVDQA, MOVNTDQ, MOVNTPS, MOVNTPD, MOVNTDQA -> moveWhole(true);
            case MOVUPS, MOVUPD, MOVDQU, LDDQU -> moveWhole(false);
            case MOVD, MOVQ -> moveLow();
            case MOVSS, MOVSD_SSE -> moveScalar();
            case MOVLPS, MOVLPD -> moveHalf(LOW, LOW);
            case MOVHPS, MOVHPD -> moveHalf(HIGH, HIGH);
            case MOVHLPS -> moveHalf(LOW, HIGH);
            case MOVLHPS -> moveHalf(HIGH, LOW);
            case PMOVMSKB -> collectSigns(DATA_16, MOVE_BYTE_SIGNS);
            case MOVMSKPS -> collectSigns(0, MOVE_SIGNS);
            case MOVMSKPD -> collectSigns(DATA_16, MOVE_SIGNS);
            case PEXTRB -> extract(1);
            case PEXTRW -> extract(2);
            case PEXTRD, EXTRACTPS -> extract(4);
            case PEXTRQ -> extract(8);
            case PINSRB -> insert(1);
            case PINSRW -> insert(2);
            case PINSRD -> insert(4);
            case PINSRQ -> insert(8);
            default -> false;
        };
    }

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
            loadMemory(0);
        } else {
            loadVector(0, from);
        }
        if (to.isMemory()) {
            storeMemory(0);
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
            storeAndClear(to);
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

    /** RCX is the low half of {@code to}, and the high one is 0. */
    private void storeAndClear(Operand to) {
        out.store(RCX, RDX, place(to));
        out.memory(0xC7, 8, 0, RDX, place(to) + 8);
        out.int32(0);
    }

    /** MOVSS and MOVSD: from memory they clear the rest of the register, from a register they leave it. */
    private boolean moveScalar() {
        Operand to = i.operands[0];
        Operand from = i.operands[1];
        int size = to.size();
        begin();
        if (to.isMemory() || from.isMemory()) {
            locate(size, to.isMemory(), false);
        }
        registers();
        if (from.isMemory()) {
            out.memory(0x8B, size, RCX, RAX, 0);
            storeAndClear(to);
            return true;
        }
        out.memory(0x8B, size, RCX, RDX, place(from));
        if (to.isMemory()) {
            out.memory(0x89, size, RCX, RAX, 0);
        } else {
            out.memory(0x89, size, RCX, RDX, place(to));
        }
        return true;
    }

    /** One half of a register to or from memory, or another register's: {@link #LOW} or {@link #HIGH}. */
    private boolean moveHalf(int toHalf, int fromHalf) {
        Operand to = i.operands[0];
        Operand from = i.operands[1];
        begin();
        if (to.isMemory() || from.isMemory()) {
            locate(8, to.isMemory(), false);
        }
        registers();
        if (from.isMemory()) {
            out.load(RCX, RAX, 0);
        } else {
            out.load(RCX, RDX, place(from) + fromHalf);
        }
        if (to.isMemory()) {
            out.store(RCX, RAX, 0);
        } else {
            out.store(RCX, RDX, place(to) + toHalf);
        }
        return true;
    }

    /** PMOVMSKB, MOVMSKPS and MOVMSKPD. */
    private boolean collectSigns(int prefix, int opcode) {
        begin();
        registers();
        loadVector(0, i.operands[1]);
        if (prefix != 0) {
            out.int8(prefix);
        }
        out.registers(opcode, 4, RCX, 0);
        emit.made(i.operands[0].register(), 8, RCX);
        return true;
    }

    // ---- elements ---------------------------------------------------------------------------------------------------

    /** Where the element of {@code size} bytes is that the constant chooses. */
    private int element(Operand vector, int size) {
        return place(vector) + (immediate() * size & 15);
    }

    /** PEXTRB to PEXTRQ: to memory so many bytes, to a register zero-extended. */
    private boolean extract(int size) {
        Operand to = i.operands[0];
        begin();
        if (to.isMemory()) {
            locate(size, true, false);
        }
        registers();
        loadZeroExtended(RCX, size, RDX, element(i.operands[1], size));
        if (to.isMemory()) {
            out.memory(sized(0x89, size), size, RCX, RAX, 0);
        } else {
            emit.made(to.register(), 8, RCX);
        }
        return true;
    }

    /** PINSRB to PINSRQ. */
    private boolean insert(int size) {
        Operand to = i.operands[0];
        Operand from = i.operands[1];
        begin();
        if (from.isMemory()) {
            locate(size, false, false);
        }
        registers();
        if (from.isMemory()) {
            loadZeroExtended(RCX, size, RAX, 0);
        } else {
            emit.onGuest(0x8B, 8, RCX, from.register());
        }
        out.memory(sized(0x89, size), size, RCX, RDX, element(to, size));
        return true;
    }
}
