package io.umbra.processor;

import static io.umbra.processor.HostAssembler.NONE;
import static io.umbra.processor.HostAssembler.NOT_EQUAL;
import static io.umbra.processor.HostAssembler.RAX;
import static io.umbra.processor.HostAssembler.RBP;
import static io.umbra.processor.HostAssembler.RCX;
import static io.umbra.processor.HostAssembler.RDI;
import static io.umbra.processor.HostAssembler.RDX;

import io.umbra.x86.VcpuState;
import java.util.ArrayList;
import java.util.List;

/**
 * What the translation of an instruction into host code is made of: the guest's registers, its flags, its memory, and the way out.
 *
 * <p>Flags. The guest's status flags are in the host's after an instruction that set them, until host code for something else destroys them; before that they are kept in
 * {@link HostState#FLAGS}, unless nobody can see them. At the beginning and the end of a block, and wherever an operation leaves, they are there.
 *
 * <p>Memory. {@link #locate} turns the linear address in RAX into a host address, by what {@link TlbBank} says; when that does not know, a walk fills it, and when the walk refuses, the operation leaves, before it has changed anything.
 */
final class HostEmitter {
    private static final int FLAGS = HostState.at(HostState.FLAGS);
    /** Bit of CF in the word of flags. */
    private static final int CARRY_BIT = 8;

    final HostAssembler out = new HostAssembler();
    /** 4 or 8 bytes: how wide RIP, RSP and linear addresses are. */
    final int width;

    private Block block;
    private int index;
    private int exit;

    /** An access whose page the TLB did not know: control comes from {@code label}, and goes to {@code behind} if a walk fills it, else to {@code exit}. */
    record Miss(int label, boolean write, int behind, int exit) {}

    final List<Miss> misses = new ArrayList<>();

    /** The host's flags are the guest's. */
    private boolean isFresh;
    /** The word of flags holds the guest's, or nobody can see what it holds. */
    private boolean isKept = true;

    HostEmitter(Block first) {
        this.block = first;
        this.width = first.mode / 8;
    }

    // ---- operations -------------------------------------------------------------------------------------------------

    void beginBlock(Block next) {
        block = next;
        isFresh = false;
        isKept = true;
    }

    void begin(int operation) {
        index = operation;
        exit = NONE;
    }

    /** The label where the running operation leaves to be executed elsewhere; code that uses it must have {@linkplain #spoilFlags kept the flags}. */
    int exit() {
        if (exit == NONE) {
            exit = out.newLabel();
        }
        return exit;
    }

    boolean hasExit() {
        return exit != NONE;
    }

    /** Control comes here from outside. */
    void resume() {
        isFresh = false;
        isKept = true;
    }

    // ---- flags ------------------------------------------------------------------------------------------------------

    /** Whether anything can see the flags that the running operation leaves; see {@link RegionCode#flagsAreLive}. */
    boolean flagsAreLive() {
        for (int next = index + 1; next < block.ops.length; next++) {
            switch (block.ops[next].flagUse()) {
                case REPLACES -> {
                    return false;
                }
                case OBSERVES -> {
                    return true;
                }
                case PASSES -> {}
            }
        }
        return true;
    }

    /** The host's flags have become the guest's. */
    void flagsChanged() {
        isFresh = true;
        isKept = !flagsAreLive();
    }

    /** Uses RAX. The host's flags stay. */
    void keepFlags() {
        if (isFresh && !isKept) {
            out.int8(0x9F);
            out.extended(0xF90, 1, 0, RAX);
            out.memory(0x89, 2, RAX, RBP, FLAGS);
            isKept = true;
        }
    }

    /** The host's flags are about to be destroyed. Uses RAX. */
    void spoilFlags() {
        keepFlags();
        isFresh = false;
    }

    /** Makes the host's flags the guest's. Uses RAX, unless they {@linkplain #areFresh are already}. */
    void needFlags() {
        if (!isFresh) {
            out.memory(0xFB7, 4, RAX, RBP, FLAGS);
            out.arithmetic(0, 1, RAX, 0x7F);
            out.int8(0x9E);
            isFresh = true;
        }
    }

    boolean areFresh() {
        return isFresh;
    }

    /** Makes the host's CF the guest's. */
    void needCarry() {
        if (!isFresh) {
            out.memory(0xFBA, 4, 4, RBP, FLAGS);
            out.int8(CARRY_BIT);
        }
    }

    // ---- registers --------------------------------------------------------------------------------------------------

    /** The host register that holds all of {@code guest}: its own, or {@code scratch}, into which it is loaded. */
    int value(int guest, int scratch) {
        int host = HostState.host(guest);
        if (host != NONE) {
            return host;
        }
        out.load(scratch, RBP, HostState.spilled(guest));
        return scratch;
    }

    /** {@code opcode reg, guest}. */
    void onGuest(int opcode, int size, int reg, int guest) {
        int host = HostState.host(guest);
        if (host != NONE) {
            out.registers(opcode, size, reg, host);
        } else {
            out.memory(opcode, size, reg, RBP, HostState.spilled(guest));
        }
    }

    /** {@code opcode/extension guest}; the upper half of a 4-byte register is left to {@link #cleared}. */
    void extendedOnGuest(int opcode, int size, int extension, int guest) {
        int host = HostState.host(guest);
        if (host != NONE) {
            out.extended(opcode, size, extension, host);
        } else {
            out.memory(opcode, size, extension, RBP, HostState.spilled(guest));
        }
    }

    /** After an operation of 4 bytes on {@code guest} where it is. */
    void cleared(int guest, int size) {
        if (size == 4 && HostState.host(guest) == NONE) {
            out.memory(0xC7, 4, 0, RBP, HostState.spilled(guest) + 4);
            out.int32(0);
        }
    }

    /** Where a new value of {@code guest} should be made: its host register or {@code scratch}; {@link #made} then puts it there. */
    int target(int guest, int scratch) {
        int host = HostState.host(guest);
        return host != NONE ? host : scratch;
    }

    /** {@code register} holds the low {@code size} bytes of a new value of {@code guest}; of 4, all 8 bytes are right. */
    void made(int guest, int size, int register) {
        int host = HostState.host(guest);
        if (host == NONE) {
            out.memory(sized(0x89, size), size == 4 ? 8 : size, register, RBP, HostState.spilled(guest));
        } else if (host != register) {
            out.registers(sized(0x8B, size), size == 4 ? 8 : size, host, register);
        }
    }

    static int sized(int opcode, int size) {
        return size == 1 ? opcode - 1 : opcode;
    }

    // ---- memory -----------------------------------------------------------------------------------------------------

    /** Whether an address can be formed here. */
    static boolean isAddressable(Instruction i) {
        if (i.addressSize == 2 || i.indexSize != 0 || i.mode == 32 && i.segment == VcpuState.CS) {
            return false;
        }
        long constant = i.displacement + 4096 + 16;
        boolean isFar = constant != (int) constant || i.displacement != (int) i.displacement;
        return !isFar || i.addressSize == 4 || i.base < 0 && i.index < 0 && !i.ripRelative;
    }

    /** {@code target} = the offset in the segment, as LEA computes it. Flags stay. Uses RCX and RDX. */
    void offset(Instruction i, int offsetInPage, int target, int size) {
        if (i.ripRelative) {
            out.load(target, RBP, HostState.at(HostState.RIP_BASE));
            out.memory(0x8D, size, target, target, (int) (i.displacement + offsetInPage + i.length));
            return;
        }
        if (i.base < 0 && i.index < 0) {
            out.constant(target, Math.min(size, i.addressSize) == 4 ? i.displacement & 0xFFFF_FFFFL : i.displacement);
            return;
        }
        int base = i.base < 0 ? NONE : value(i.base, RCX);
        int scaled = i.index < 0 ? NONE : value(i.index, RDX);
        out.memory(0x8D, Math.min(size, i.addressSize), target, base, scaled, i.scale, (int) i.displacement);
    }

    /** RAX = the linear address of the memory operand. Uses RCX and RDX, and spoils the flags. */
    void linear(Instruction i, int offsetInPage) {
        spoilFlags();
        offset(i, offsetInPage, RAX, i.addressSize);
        addBase(i);
    }

    /** RAX, an offset in the memory operand's segment, becomes the linear address. The flags are spoilt. */
    void addBase(Instruction i) {
        if (i.segment >= VcpuState.FS) {
            int base = i.segment == VcpuState.FS ? HostState.FS_BASE : HostState.GS_BASE;
            out.memory(0x03, width, RAX, RBP, HostState.at(base));
            if (width == 4) {
                out.memory(0x03, 8, RAX, RBP, HostState.at(base + HostState.LIMITS));
            }
        }
    }

    /** RAX, a linear address, becomes the address in the process of the {@code size} bytes there. Uses RCX and RDX; the flags are spoilt. */
    void locate(int size, boolean write) {
        out.move(RCX, RAX);
        if (size > 1) {
            out.memory(0x8D, 8, RDX, RAX, size - 1);
        } else {
            out.move(RDX, RAX);
        }
        out.shiftRight(RCX, 12 - 5);
        out.arithmetic(4, 8, RDX, -4096);
        out.arithmetic(4, 4, RCX, TlbBank.MASK << 5);
        out.memory(0x0B, 8, RDX, RBP, HostState.at(HostState.GENERATION));
        out.memory(0x3B, 8, RDX, RDI, RCX, 0, 8 * (write ? TlbBank.WRITE : TlbBank.READ));
        Miss miss = new Miss(out.newLabel(), write, out.newLabel(), exit());
        misses.add(miss);
        out.jumpIf(NOT_EQUAL, miss.label);
        out.memory(0x03, 8, RAX, RDI, RCX, 0, 8 * TlbBank.ADDRESS);
        out.bind(miss.behind);
    }

    /** RAX = where the memory operand of {@code size} bytes is in the process. Uses RCX and RDX, and spoils the flags. */
    void operand(Instruction i, int offsetInPage, int size, boolean write) {
        linear(i, offsetInPage);
        locate(size, write);
    }
}
