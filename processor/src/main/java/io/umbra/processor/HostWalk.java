package io.umbra.processor;

import static io.umbra.processor.HostAssembler.ABOVE_OR_EQUAL;
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

import io.umbra.x86.HostMemory;
import io.umbra.x86.LongModeEntry;
import io.umbra.x86.MachineMemory;
import io.umbra.x86.PageFaultCode;

/**
 * The page walk in host code, for TLB misses: {@link PageWalker#walk} of the hypervisor's tables and {@link MemoryUnit}'s fill, for the usual case only. It refuses, having changed
 * nothing, wherever something else than a fill has to happen or could: a fault, an accessed or dirty bit to set, a protection key, a page of 1 GiB, a page that holds decoded code, an access
 * across two pages, a walk in two dimensions. Then the operation leaves, and the walk is made in Java. Which of the two makes it, the TLB and its counts are the same afterwards.
 *
 * <pre>
 *  walk   RAX = linear address. ZF set: R8 = machine address of the page, RSI = the rights that all entries grant and the
 *         leaf's D, RBX = bits of any entry, R9 = the process's address of machine memory, R11 = entries read. Uses R10
 *  data   RAX = linear address, RCX = displacement of its entry in the bank, RDX = the wanted tag.
 *         ZF set: RAX = the address in the process. Uses RCX and RDX; else HostState.REFUSED, but across two pages
 *  fetch  RAX = linear address. ZF set: RAX = the place in HostMemory. Uses RCX and RDX
 * </pre>
 */
final class HostWalk {
    private static final int TEST = 0x85;
    private static final int OR = 0x0B;
    private static final int AND = 0x23;
    private static final int XOR = 0x33;
    private static final int SUB = 0x2B;
    private static final int COMPARE = 0x3B;
    private static final int ADD = 0x03;

    /** From an entry of the first way to that of the second, in bytes. */
    private static final int SECOND = 8 * TlbBank.SECOND;

    private static final int[] SAVED = {RBX, RSI, 8, 9, 10, 11};

    private static final int TO_WRITE = (int) (LongModeEntry.WRITABLE | LongModeEntry.DIRTY);
    /** Bits that our tables do not have, and those of guests seldom: reserved ones, ignored ones, protection keys. */
    private static final long UNUSUAL = 0x7FF0_0000_0000_0000L | PageWalker.RESERVED_PHYSICAL;
    /** Not among the bits of any mask. */
    private static final long NEVER = -1;

    /** Bits 20..13 of a 2 MiB leaf. */
    private static final int RESERVED_LARGE = 0x1F_E000;

    private final HostAssembler out;
    private final int[] levels = new int[6];
    private int leaf;
    private int refused;

    /** Places of the walks of 2 (PAE), 4 and 5 levels; that of 0 refuses. */
    private final int[] walks = new int[6];

    private HostWalk(HostAssembler out) {
        this.out = out;
    }

    /** Writes all walks. */
    static HostWalk write(HostAssembler out) {
        HostWalk walk = new HostWalk(out);
        walk.writeWalks();
        return walk;
    }

    private static int at(int word) {
        return HostState.at(word);
    }

    // ---- the tables -------------------------------------------------------------------------------------------------

    private void writeWalks() {
        refused = out.newLabel();
        leaf = out.newLabel();
        for (int level = 1; level < levels.length; level++) {
            levels[level] = out.newLabel();
        }
        writeTop(5);
        writeTop(4);
        writePaeTop();
        for (int level = 5; level > 0; level--) {
            writeLevel(level);
        }
        out.bind(leaf);
        out.arithmetic(Alu.OR, 4, RSI, (int) LongModeEntry.DIRTY);
        out.registers(AND, 8, RSI, 10);
        out.memory(COMPARE, 8, 8, RBP, at(HostState.MEMORY_BYTES));
        out.jumpIf(ABOVE_OR_EQUAL, refused);
        out.registers(XOR, 4, 10, 10);
        out.ret();
        walks[0] = out.length();
        out.bind(refused);
        out.registers(TEST, 8, RSP, RSP);
        out.ret();
    }

    /** Long mode: canonical addresses, from one root. */
    private void writeTop(int level) {
        walks[level] = out.length();
        int unused = 64 - LongModeEntry.indexShift(level + 1);
        out.move(10, RAX);
        out.shiftLeft(10, unused);
        out.shiftRightArithmetic(10, unused);
        out.registers(COMPARE, 8, 10, RAX);
        out.jumpIf(NOT_EQUAL, refused);
        out.load(8, RBP, at(HostState.TABLES));
        begin(level);
    }

    /** PAE: 32-bit addresses, from one of four tables. */
    private void writePaeTop() {
        walks[2] = out.length();
        out.move(10, RAX);
        out.shiftRight(10, 32);
        out.jumpIf(NOT_EQUAL, refused);
        out.move(10, RAX);
        out.shiftRight(10, 30);
        out.memory(0x8B, 8, 8, RBP, 10, 3, at(HostState.TABLES));
        begin(2);
    }

    private void begin(int level) {
        found(0);
        out.constant(11, level);
        out.constant(RSI, -1);
        out.registers(XOR, 4, RBX, RBX);
        out.load(9, RBP, at(HostState.MEMORY));
        out.jump(levels[level]);
    }

    private void found(int shift) {
        out.memory(0xC7, 8, 0, RBP, at(HostState.FOUND));
        out.int32(shift);
    }

    /** R8 = machine address of a table. */
    private void writeLevel(int level) {
        out.bind(levels[level]);
        out.memory(COMPARE, 8, 8, RBP, at(HostState.MEMORY_BYTES));
        out.jumpIf(ABOVE_OR_EQUAL, refused);
        out.move(10, RAX);
        out.shiftRight(10, LongModeEntry.indexShift(level) - 3);
        out.arithmetic(Alu.AND, 4, 10, 8 * (LongModeEntry.ENTRIES - 1));
        out.registers(ADD, 8, 10, 8);
        out.memory(0x8B, 8, 10, 9, 10, 0, 0);
        test(10, (int) LongModeEntry.PRESENT);
        out.jumpIf(EQUAL, refused);
        out.registers(OR, 8, RBX, 10);
        if (level == 1) {
            frameOf(10);
            return;
        }
        int large = out.newLabel();
        test(10, (int) LongModeEntry.PAGE_SIZE);
        out.jumpIf(NOT_EQUAL, level == 2 ? large : refused);
        out.registers(AND, 8, RSI, 10);
        frameOf(10);
        out.jump(levels[level - 1]);
        if (level == 2) {
            out.bind(large);
            writeLarge();
        } else {
            out.bind(large);
        }
    }

    /** R10 = a leaf of 2 MiB. */
    private void writeLarge() {
        test(10, RESERVED_LARGE);
        out.jumpIf(NOT_EQUAL, refused);
        out.arithmetic(Alu.SUB, 8, 11, 1);
        found(LongModeEntry.indexShift(2));
        frameOf(10);
        out.arithmetic(Alu.AND, 8, 8, -(1 << 21));
        out.push(RAX);
        out.arithmetic(Alu.AND, 4, RAX, 0x1F_F000);
        out.registers(OR, 8, 8, RAX);
        out.pop(RAX);
        out.jump(leaf);
    }

    private void test(int register, int mask) {
        out.extended(0xF7, 4, 0, register);
        out.int32(mask);
    }

    /** R8 = machine address of the frame that an entry names. */
    private void frameOf(int entry) {
        out.move(8, entry);
        out.memory(AND, 8, 8, RBP, at(HostState.FRAME_MASK));
    }

    // ---- filling the TLB --------------------------------------------------------------------------------------------

    /** @return where it lies */
    int writeData(boolean write) {
        int place = out.length();
        int crosses = out.newLabel();
        int refuse = out.newLabel();
        int known = out.newLabel();
        int missed = out.newLabel();
        int counted = out.newLabel();
        save();
        out.move(RBX, RDX);
        out.registers(XOR, 8, RBX, RAX);
        out.extended(0xF7, 8, 0, RBX);
        out.int32(-4096);
        out.jumpIf(NOT_EQUAL, crosses);
        promote(write ? TlbBank.WRITE : TlbBank.READ);
        callWalk(refuse);
        permit(HostState.DATA_MASK, HostState.DATA_WANT, HostState.UNUSUAL, refuse);
        if (write) {
            out.extended(0xF7, 4, 2, RSI);
            test(RSI, TO_WRITE);
            out.jumpIf(NOT_EQUAL, refuse);
            out.move(RSI, 8);
            out.shiftRight(RSI, 12);
            out.memory(ADD, 8, RSI, RBP, at(HostState.WATCHED));
            out.arithmetic(Alu.CMP, 1, RSI, 0, 0);
            out.jumpIf(NOT_EQUAL, refuse);
        }
        // R10 = ADDRESS, RBX = ADDEND
        out.memory(0x8D, 8, 10, 9, 8, 0, 0);
        out.move(RSI, RAX);
        out.arithmetic(Alu.AND, 8, RSI, -4096);
        out.registers(SUB, 8, 10, RSI);
        out.move(RBX, 10);
        out.memory(SUB, 8, RBX, RBP, at(HostState.HOST));
        out.registers(ADD, 8, RCX, RDI);
        int other = out.newLabel();
        out.memory(COMPARE, 8, RBX, RCX, 8 * TlbBank.ADDEND);
        out.jumpIf(NOT_EQUAL, other);
        askBank(known);
        out.bind(other);
        aim();
        HostCode.writeCodeEntry(out, RSI);
        out.memory(COMPARE, 8, RDX, RSI, 8 * CodeTlb.TAG);
        out.jumpIf(NOT_EQUAL, missed);
        out.memory(COMPARE, 8, RBX, RSI, 8 * CodeTlb.ADDEND);
        out.jumpIf(EQUAL, known);
        count(missed, known, counted);
        out.store(RDX, RCX, 8 * TlbBank.READ);
        if (write) {
            out.store(RDX, RCX, 8 * TlbBank.WRITE);
        }
        out.registers(ADD, 8, RAX, 10);
        succeed();
        out.bind(refuse);
        out.store(RAX, RBP, at(HostState.REFUSED));
        out.memory(0xC7, 8, 0, RBP, at(HostState.REFUSED_ACCESS));
        out.int32(write ? PageFaultCode.WRITE : 0);
        out.bind(crosses);
        fail();
        return place;
    }

    /** @return where it lies */
    int writeFetch() {
        int place = out.length();
        int refuse = out.newLabel();
        int known = out.newLabel();
        int missed = out.newLabel();
        int counted = out.newLabel();
        save();
        callWalk(refuse);
        permit(HostState.FETCH_MASK, HostState.FETCH_WANT, HostState.UNUSUAL_CODE, refuse);
        // R10 = ADDEND, RDX = TAG
        out.memory(0x8D, 8, 10, 9, 8, 0, 0);
        out.move(RDX, RAX);
        out.arithmetic(Alu.AND, 8, RDX, -4096);
        out.registers(SUB, 8, 10, RDX);
        out.memory(SUB, 8, 10, RBP, at(HostState.HOST));
        out.memory(OR, 8, RDX, RBP, at(HostState.GENERATION));
        out.move(RCX, RAX);
        out.shiftRight(RCX, 12 - 5);
        out.arithmetic(Alu.AND, 4, RCX, TlbBank.MASK << 5);
        out.memory(ADD, 8, RCX, RBP, at(HostState.DATA_TLB));
        out.memory(COMPARE, 8, 10, RCX, 8 * TlbBank.ADDEND);
        out.jumpIf(NOT_EQUAL, missed);
        askBank(known);
        count(missed, known, counted);
        HostCode.writeCodeEntry(out, RCX);
        out.store(RDX, RCX, 8 * CodeTlb.TAG);
        out.store(10, RCX, 8 * CodeTlb.ADDEND);
        out.registers(ADD, 8, RAX, 10);
        succeed();
        out.bind(refuse);
        fail();
        return place;
    }

    /** Has RDX in the first way if the second has it; comes back to the caller's caller if that is all that was missing. Uses R8, R9 and R10. */
    private void promote(int wanted) {
        int absent = out.newLabel();
        int found = out.newLabel();
        out.move(8, RDI);
        out.registers(ADD, 8, 8, RCX);
        out.memory(COMPARE, 8, RDX, 8, SECOND + 8 * TlbBank.READ);
        out.jumpIf(EQUAL, found);
        out.memory(COMPARE, 8, RDX, 8, SECOND + 8 * TlbBank.WRITE);
        out.jumpIf(NOT_EQUAL, absent);
        out.bind(found);
        for (int word = 0; word < TlbBank.WORDS; word++) {
            out.load(9, 8, 8 * word);
            out.load(10, 8, SECOND + 8 * word);
            out.store(9, 8, SECOND + 8 * word);
            out.store(10, 8, 8 * word);
        }
        out.memory(COMPARE, 8, RDX, 8, 8 * wanted);
        out.jumpIf(NOT_EQUAL, absent);
        out.memory(ADD, 8, RAX, 8, 8 * TlbBank.ADDRESS);
        out.registers(XOR, 4, RCX, RCX);
        restore();
        out.bind(absent);
    }

    /** {@link TlbBank#aim}: RCX = the entry's address, RBX = ADDEND, R10 = ADDRESS. Uses RSI. */
    private void aim() {
        for (int word = 0; word < TlbBank.WORDS; word++) {
            out.load(RSI, RCX, 8 * word);
            out.store(RSI, RCX, SECOND + 8 * word);
        }
        for (int tag : new int[] {TlbBank.READ, TlbBank.WRITE}) {
            out.memory(0xC7, 8, 0, RCX, 8 * tag);
            out.int32(0);
        }
        out.store(RBX, RCX, 8 * TlbBank.ADDEND);
        out.store(10, RCX, 8 * TlbBank.ADDRESS);
    }

    private void save() {
        for (int register : SAVED) {
            out.push(register);
        }
    }

    private void callWalk(int refuse) {
        out.memory(0xFF, 4, 2, RBP, at(HostState.WALK));
        out.jumpIf(NOT_EQUAL, refuse);
    }

    /** Goes on if of RSI's rights those in the one word are as in the other, and no entry has one of the bits of the third. */
    private void permit(int mask, int want, int unusual, int refuse) {
        out.memory(TEST, 8, RBX, RBP, at(unusual));
        out.jumpIf(NOT_EQUAL, refuse);
        out.move(10, RSI);
        out.memory(AND, 8, 10, RBP, at(mask));
        out.memory(COMPARE, 8, 10, RBP, at(want));
        out.jumpIf(NOT_EQUAL, refuse);
    }

    /** Goes to {@code known} if the bank's entry at RCX has RDX for either kind of access. */
    private void askBank(int known) {
        for (int tag : new int[] {TlbBank.READ, TlbBank.WRITE}) {
            out.memory(COMPARE, 8, RDX, RCX, 8 * tag);
            out.jumpIf(EQUAL, known);
        }
    }

    /** A miss, where control comes to this or to {@code missed}; at {@code known} a recheck. Either is a walk that is not refused any more. Uses RSI. */
    private void count(int missed, int known, int counted) {
        out.bind(missed);
        out.arithmetic(Alu.ADD, 8, RBP, at(HostState.MISSES), 1);
        out.memory(0x01, 8, 11, RBP, at(HostState.REFERENCES));
        out.jump(counted);
        out.bind(known);
        out.arithmetic(Alu.ADD, 8, RBP, at(HostState.RECHECKS), 1);
        out.bind(counted);
        out.load(RSI, RBP, at(HostState.FOUND));
        out.memory(0x09, 8, RSI, RBP, at(HostState.LARGEST));
    }

    private void succeed() {
        out.registers(XOR, 4, RCX, RCX);
        restore();
    }

    private void fail() {
        out.registers(TEST, 8, RSP, RSP);
        restore();
    }

    private void restore() {
        for (int i = SAVED.length - 1; i >= 0; i--) {
            out.pop(SAVED[i]);
        }
        out.ret();
    }

    // ---- what the walks are told ------------------------------------------------------------------------------------

    /** What does not change while the processor lives. */
    static void begin(long[] words, MachineMemory memory) {
        words[HostState.REFUSED_ACCESS] = HostState.NOTHING_REFUSED;
        words[HostState.HOST] = HostMemory.address();
        words[HostState.MEMORY] = HostMemory.address() + memory.base();
        words[HostState.MEMORY_BYTES] = memory.frames() << MachineMemory.FRAME_SHIFT;
        words[HostState.WATCHED] = memory.codeWatchAddress();
        words[HostState.FRAME_MASK] = LongModeEntry.FRAME_MASK;
        words[HostState.UNUSUAL] = UNUSUAL;
        words[HostState.UNUSUAL_CODE] = UNUSUAL | LongModeEntry.NO_EXECUTE;
    }

    /**
     * What depends on the tables in force and on the privilege.
     *
     * @param code where what was {@linkplain #write written} begins
     */
    void tell(long[] words, Cpu cpu, long code) {
        PageWalker walker = cpu.memory.walker();
        int levels = walker.tables(words, HostState.TABLES);
        words[HostState.WALK] = code + walks[levels];
        boolean isUser = cpu.state.cpl == 3;
        long granted = LongModeEntry.PRESENT | LongModeEntry.ACCESSED | (isUser ? LongModeEntry.USER : 0);
        boolean mayAccess = cpu.memory.fillsBank(cpu.bank) && !walker.refusesKeyZero();
        boolean maySeeUser = isUser || !walker.smap() || cpu.memory.permitsUserPages(cpu.bank);
        boolean mayFetchUser = isUser || !walker.smep();
        words[HostState.DATA_MASK] = granted | (maySeeUser ? 0 : LongModeEntry.USER);
        words[HostState.DATA_WANT] = mayAccess ? granted : NEVER;
        words[HostState.FETCH_MASK] = granted | (mayFetchUser ? 0 : LongModeEntry.USER);
        words[HostState.FETCH_WANT] = granted;
    }
}
