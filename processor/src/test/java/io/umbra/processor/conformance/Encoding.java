package io.umbra.processor.conformance;

import java.util.HexFormat;
import java.util.Random;

/** One encoded instruction of a row, with what must be known of it to give it operands that do not fault. */
final class Encoding {
    static final int NONE = -1;
    /** Before the first. */
    static final Encoding NOTHING = new Encoding(
            OpcodeRow.longMode().findFirst().orElseThrow(), 0, new Slot(0, 0, new Random(0)), CodeMode.LONG);

    final OpcodeRow row;
    /** Last byte of the opcode. */
    final int opcode;

    final Slot slot;
    final CodeMode mode;

    byte[] bytes = {};
    /** Effective, in bytes. */
    int operandSize;
    /** In bytes: 4 or 8. */
    int addressSize;

    boolean hasRex;
    boolean rexW;
    boolean lock;
    boolean repeats;

    /** Numbers of the registers that ModRM and REX name; {@link #rm} only without memory. */
    int reg = NONE, rm = NONE;
    /** ModRM names memory, or the instruction has an offset. */
    boolean hasMemory;

    int base = NONE, index = NONE, scale;
    long displacement;
    /** The address has no register in it: it is this. */
    long fixedAddress;

    long immediate;
    /** Linear address of the pad that a relative branch goes to. */
    long branchTarget;

    Encoding(OpcodeRow row, int opcode, Slot slot, CodeMode mode) {
        this.mode = mode;
        this.row = row;
        this.opcode = opcode;
        this.slot = slot;
    }

    String mnemonic() {
        return row.mnemonic();
    }

    boolean hasFixedAddress() {
        return hasMemory && base == NONE && index == NONE;
    }

    boolean addresses(int register) {
        return hasMemory && (base == register || index == register);
    }

    /** Bytes that the memory operand has, or a multiple of its alignment where that is wanted. */
    int memoryBytes() {
        String operand = row.operands().stream()
                .filter(text -> text.matches("[EMWQO].*"))
                .findFirst()
                .orElse("Ev");
        char width = operand.charAt(operand.length() - 1);
        return switch (width) {
            case 'b' -> 1;
            case 'w' -> 2;
            case 'd' -> 4;
            case 'q' -> 8;
            case 'o' -> 16;
            case 't' -> 10;
            case 'y' -> rexW ? 8 : 4;
            case 'x' -> 512;
            case 'e' -> 28;
            case 'f' -> 108;
            default -> operandSize;
        };
    }

    /** Where SSE and CMPXCHG16B demand it, and for locked accesses, which hosts may forbid to cross cache lines. */
    long align(long place) {
        int size = memoryBytes();
        boolean mayBeUnaligned = mnemonic().matches("MOVUP[SD]|MOVDQU|LDDQU|PCMP[EI]STR[IM]");
        boolean aligned = lock || mnemonic().equals("XCHG") || size == 16 && !mayBeUnaligned;
        return aligned ? place & -Math.min(size, 16) : place;
    }

    @Override
    public String toString() {
        return HexFormat.of().formatHex(bytes) + " (" + row + ")";
    }
}
