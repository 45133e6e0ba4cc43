package io.umbra.processor;

import static io.umbra.processor.HostAssembler.EQUAL;
import static io.umbra.processor.HostAssembler.NOT_EQUAL;
import static io.umbra.processor.HostAssembler.RAX;
import static io.umbra.processor.HostAssembler.RBP;
import static io.umbra.processor.HostAssembler.RBX;
import static io.umbra.processor.HostAssembler.RCX;
import static io.umbra.processor.HostAssembler.RDI;
import static io.umbra.processor.HostAssembler.RDX;
import static io.umbra.processor.HostAssembler.RSI;
import static io.umbra.processor.HostAssembler.RSP;

import io.umbra.x86.MachineMemory;
import io.umbra.x86.VcpuState;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * The executable memory of one processor: what all regions share (entry, exit, the way from one region to another), the regions behind one another, and a table of where blocks
 * begin. When it is full everything goes and it begins anew.
 *
 * <pre>
 *  entry     saves the host's registers, loads the guest's, goes to the address that it is given
 *  exit      the reverse; returns the number of a {@link HostSite}
 *  probe     RAX = linear address of code: asks the code TLB as {@link CodeTlb#find} does; ZF tells whether it hit, and then RAX is the place
 *  read      a TLB miss of a load, and write of a store: see {@link HostWalk}
 *  dispatch  RAX = linear address of code to go on at: to the block there, if the table of blocks knows it;
 *            else, or if the walk refuses, leaves for the run loop
 *  next      the same with {@link HostState#RIP}
 * </pre>
 */
final class HostCode {
    private static final int TABLE_BYTES = 1 << 21;
    private static final int TABLE_MASK = (TABLE_BYTES >> 4) - 1;
    /** Of a table's tag: the block is 32-bit code. */
    private static final long LEGACY = 1L << 62;

    /** More than enough for what all regions share. */
    private static final int SHARED_BYTES = 4096;

    private static final int MOST_SITES = 1 << 20;

    private final long room;
    private final MemorySegment memory;
    private final long[] words = new long[HostState.WORDS];
    private final MemorySegment state = MemorySegment.ofArray(words);
    private final MemorySegment registers;
    private final MemorySegment vectors;

    private final int sharedEnd;
    private int end;

    // Places of what is shared; those of the two code modes differ.
    private final int exit;
    private final int probe;
    private final int[] miss = new int[2];
    private final int fetch;
    private final int[] dispatch = new int[2];
    private final int[] next = new int[2];
    private final HostWalk walk;

    private @Nullable HostSite[] sites = new @Nullable HostSite[4096];
    private int siteCount = 1;

    /** @param room for regions, in bytes */
    HostCode(VcpuState guest, MachineMemory machine, long room) {
        this.room = TABLE_BYTES + SHARED_BYTES + room;
        memory = HostEntry.reserve(this.room);
        registers = MemorySegment.ofArray(guest.gpr);
        vectors = MemorySegment.ofArray(guest.xmm);
        HostAssembler out = new HostAssembler();
        writeEntry(out);
        exit = out.length();
        writeExit(out);
        probe = out.length();
        writeProbe(out);
        walk = HostWalk.write(out);
        miss[0] = walk.writeData(false);
        miss[1] = walk.writeData(true);
        fetch = walk.writeFetch();
        for (int legacy = 0; legacy < 2; legacy++) {
            writeSharedDispatch(out, legacy);
        }
        words[HostState.TABLE] = memory.address();
        HostWalk.begin(words, machine);
        MemorySegment.copy(out.finish(), 0, memory, ValueLayout.JAVA_BYTE, TABLE_BYTES, out.length());
        sharedEnd = TABLE_BYTES + (out.length() + 63 & -64);
        end = sharedEnd;
    }

    long[] words() {
        return words;
    }

    /**
     * Runs from {@code address} on.
     *
     * @param data what misses of code are compared with
     * @return the number of the site where it left; 0: at the beginning of a block
     */
    int run(long address, TlbBank bank, CodeTlb code, TlbBank data) {
        return HostEntry.enter(
                memory.address() + TABLE_BYTES,
                address,
                state,
                registers,
                bank.segment,
                code.segment,
                vectors,
                data.segment);
    }

    /** The address from which code goes on at {@link HostState#RIP}. */
    long next(int mode) {
        return memory.address() + TABLE_BYTES + next[mode == 64 ? 0 : 1];
    }

    /** The tables in force, or the privilege, are others than before. */
    void tellWalks(Cpu cpu) {
        walk.tell(words, cpu, memory.address() + TABLE_BYTES);
    }

    // ---- regions ----------------------------------------------------------------------------------------------------

    /** Whether {@code bytes} more, and {@code sites} more, have room. */
    boolean hasRoom(int bytes, int more) {
        return end + bytes <= room && siteCount + more <= MOST_SITES;
    }

    /** Forgets all regions. Nothing of them may be entered again. */
    void clear() {
        memory.asSlice(0, TABLE_BYTES).fill((byte) 0);
        Arrays.fill(sites, null);
        siteCount = 1;
        end = sharedEnd;
    }

    /** Where the next region will lie. */
    long next() {
        return memory.address() + end;
    }

    /** Puts a region's code there. */
    void add(byte[] code) {
        MemorySegment.copy(code, 0, memory, ValueLayout.JAVA_BYTE, end, code.length);
        end += code.length + 15 & -16;
    }

    int firstSite() {
        return siteCount;
    }

    void add(HostSite site) {
        if (siteCount == sites.length) {
            sites = Arrays.copyOf(sites, 2 * siteCount);
        }
        sites[siteCount++] = site;
    }

    HostSite site(int number) {
        HostSite site = sites[number];
        if (site == null) {
            throw new IllegalStateException("no site " + number);
        }
        return site;
    }

    // ---- the table of blocks ----------------------------------------------------------------------------------------

    private static long tag(Block block, long place) {
        return block.mode == 64 ? place : place | LEGACY;
    }

    /** Bits 43..32 of the place have no part in it, so that 32-bit registers will do. */
    private static long slot(long place) {
        return ((place ^ (place & 0xFFFF_FFFFL) >>> 12) & TABLE_MASK) << 4;
    }

    /** Code that runs to {@code block}'s beginning goes on at {@code address}. */
    void enter(Block block, long address) {
        long slot = slot(block.host);
        memory.set(ValueLayout.JAVA_LONG_UNALIGNED, slot, tag(block, block.host));
        memory.set(ValueLayout.JAVA_LONG_UNALIGNED, slot + 8, address);
    }

    /** Not any more. */
    void leave(Block block, long place) {
        long slot = slot(place);
        if (memory.get(ValueLayout.JAVA_LONG_UNALIGNED, slot) == tag(block, place)) {
            memory.set(ValueLayout.JAVA_LONG_UNALIGNED, slot, 0);
        }
    }

    // ---- what all regions share -------------------------------------------------------------------------------------

    /** Where what is shared lies, for code that will lie at {@link #next}: a displacement from its beginning. */
    private int distance(int place) {
        return TABLE_BYTES + place - end;
    }

    int exit() {
        return distance(exit);
    }

    int miss(boolean write) {
        return distance(miss[write ? 1 : 0]);
    }

    /**
     * Writes a dispatch into a region: each with a jump of its own, so that the host's branch predictor can tell them apart. What is not found at once goes to the
     * shared one.
     */
    void writeDispatch(HostAssembler out, int mode) {
        int shared = dispatch(mode);
        writeLookup(out);
        out.jumpOutsideIf(NOT_EQUAL, shared);
        writePlace(out);
        writeTableLookup(out, mode != 64);
        out.jumpOutsideIf(NOT_EQUAL, shared);
        out.memory(0xFF, 4, 4, RCX, 8);
    }

    /** RCX = the address of RAX's entry in the code TLB. ZF: it is RAX's page. Sets {@link HostState#RIP_BASE}. Uses RDX. */
    private static void writeLookup(HostAssembler out) {
        writeCodeEntry(out, RCX);
        out.move(RDX, RAX);
        out.arithmetic(Alu.AND, 8, RDX, -4096);
        out.store(RDX, RBP, HostState.at(HostState.RIP_BASE));
        out.memory(0x0B, 8, RDX, RBP, HostState.at(HostState.GENERATION));
        out.memory(0x3B, 8, RDX, RCX, 8 * CodeTlb.TAG);
    }

    /** {@code target} = the address of the entry in the code TLB for RAX, a linear address. */
    static void writeCodeEntry(HostAssembler out, int target) {
        out.move(target, RAX);
        out.shiftRight(target, 12 - 4);
        out.arithmetic(Alu.AND, 4, target, TlbBank.MASK << 4);
        out.memory(0x03, 8, target, RBP, HostState.at(HostState.CODE_TLB));
    }

    /** RDX = the place of the linear address RAX, by the entry at RCX. */
    private static void writePlace(HostAssembler out) {
        out.load(RDX, RCX, 8 * CodeTlb.ADDEND);
        out.registers(0x03, 8, RDX, RAX);
    }

    /** RCX = the address of the entry for the place RDX in the table of blocks. ZF: it is that block's. RDX becomes its tag. */
    private static void writeTableLookup(HostAssembler out, boolean isLegacy) {
        out.registers(0x8B, 4, RCX, RDX);
        out.shiftRight(RCX, 12);
        out.registers(0x33, 4, RCX, RDX);
        out.arithmetic(Alu.AND, 4, RCX, TABLE_MASK);
        out.extended(0xC1, 4, 4, RCX);
        out.int8(4);
        out.memory(0x03, 8, RCX, RBP, HostState.at(HostState.TABLE));
        if (isLegacy) {
            out.extended(0xFBA, 8, 5, RDX);
            out.int8(62);
        }
        out.memory(0x3B, 8, RDX, RCX, 0);
    }

    /** As {@link CodeTlb#find}, and {@link MemoryUnit#translateFetch} where it needs no more than a fill. */
    int probe() {
        return distance(probe);
    }

    int fetch() {
        return distance(fetch);
    }

    private int dispatch(int mode) {
        return distance(dispatch[mode == 64 ? 0 : 1]);
    }

    private static final int[] SAVED = {RBX, RBP, 12, 13, 14, 15};

    /**
     * As a C function of RDI: where to go, RSI: the state's words, RDX: the guest's registers, RCX: the TLB's entries, R8: the code TLB's, R9: the guest's XMM registers; on the stack: the
     * entries that misses of code are compared with.
     */
    private static void writeEntry(HostAssembler out) {
        for (int register : SAVED) {
            out.push(register);
        }
        out.move(RBP, RSI);
        out.store(RDX, RBP, HostState.at(HostState.REGISTERS));
        out.store(8, RBP, HostState.at(HostState.CODE_TLB));
        out.store(9, RBP, HostState.at(HostState.VECTORS));
        out.load(RAX, RSP, 8 * (SAVED.length + 1));
        out.store(RAX, RBP, HostState.at(HostState.DATA_TLB));
        out.move(RAX, RDI);
        out.move(RDI, RCX);
        for (int guest = 0; guest < 16; guest++) {
            int host = HostState.host(guest);
            if (host >= 0) {
                out.load(host, RDX, 8 * guest);
            } else {
                out.load(RCX, RDX, 8 * guest);
                out.store(RCX, RBP, HostState.spilled(guest));
            }
        }
        out.extended(0xFF, 4, 4, RAX);
    }

    private static void writeExit(HostAssembler out) {
        out.load(RDX, RBP, HostState.at(HostState.REGISTERS));
        for (int guest = 0; guest < 16; guest++) {
            int host = HostState.host(guest);
            if (host >= 0) {
                out.store(host, RDX, 8 * guest);
            } else {
                out.load(RCX, RBP, HostState.spilled(guest));
                out.store(RCX, RDX, 8 * guest);
            }
        }
        for (int i = SAVED.length - 1; i >= 0; i--) {
            out.pop(SAVED[i]);
        }
        out.ret();
    }

    private static void writeProbe(HostAssembler out) {
        out.store(RAX, RBP, HostState.at(HostState.RIP));
        writeCodeEntry(out, RCX);
        out.move(RDX, RAX);
        out.arithmetic(Alu.AND, 8, RDX, -4096);
        out.memory(0x0B, 8, RDX, RBP, HostState.at(HostState.GENERATION));
        int end = out.newLabel();
        out.memory(0x3B, 8, RDX, RCX, 8 * CodeTlb.TAG);
        out.jumpIf(NOT_EQUAL, end);
        out.load(RAX, RCX, 8 * CodeTlb.ADDEND);
        out.memory(0x03, 8, RAX, RBP, HostState.at(HostState.RIP));
        out.registers(0x3B, 8, RAX, RAX);
        out.bind(end);
        out.ret();
    }

    private void writeSharedDispatch(HostAssembler out, int legacy) {
        int walk = out.newLabel();
        int found = out.newLabel();
        int leave = out.newLabel();
        next[legacy] = out.length();
        out.load(RAX, RBP, HostState.at(HostState.RIP));
        dispatch[legacy] = out.length();
        writeLookup(out);
        out.jumpIf(NOT_EQUAL, walk);
        writePlace(out);
        out.bind(found);
        writeTableLookup(out, legacy == 1);
        out.jumpIf(NOT_EQUAL, leave);
        out.memory(0xFF, 4, 4, RCX, 8);
        out.bind(walk);
        out.store(RAX, RBP, HostState.at(HostState.RIP));
        // Where the budget ends, the interpreter does not look for what follows.
        out.arithmetic(Alu.CMP, 8, RBP, HostState.at(HostState.LEFT), 0);
        out.jumpIf(EQUAL, leave);
        out.callOutside(fetch);
        out.move(RDX, RAX);
        out.load(RAX, RBP, HostState.at(HostState.RIP));
        out.jumpIf(EQUAL, found);
        out.bind(leave);
        out.store(RAX, RBP, HostState.at(HostState.RIP));
        out.registers(0x33, 4, RAX, RAX);
        out.jumpOutside(exit);
    }
}
