package io.umbra.processor;

import io.umbra.x86.Cr0;
import io.umbra.x86.FaultHandler;
import io.umbra.x86.HardwarePaging;
import io.umbra.x86.HostMemory;
import io.umbra.x86.InvariantViolation;
import io.umbra.x86.LinearMemory;
import io.umbra.x86.MachineMemory;
import io.umbra.x86.PageFaultCode;
import io.umbra.x86.RFlags;
import io.umbra.x86.VcpuState;
import io.umbra.x86.Vector;
import org.jspecify.annotations.Nullable;

/**
 * Linear memory where the fast paths of {@link Cpu} end: TLB misses, page crossings, alignment checks, data breakpoints, frames that hold decoded code, and
 * emulation, whose accesses go to a port.
 *
 * <p>An access that crosses a page translates both pages before it touches either. A translation that fails is offered to the hypervisor's
 * {@link FaultHandler}, and made again for as long as that says so; otherwise {@link Cpu#exception} says what is to be raised, and unwinds the instruction.
 */
final class MemoryUnit {
    private static final long PAGE = -4096L;
    private static final int PAGE_BYTES = 4096;
    /** A handler that calls a fault fixed so often, and never fixes it, is wrong. */
    private static final int ROUNDS = 64;

    private final VcpuState state;
    private final MachineMemory memory;
    private final PageWalker walker;

    private final TlbBank user = new TlbBank();
    private final TlbBank supervisor = new TlbBank();
    /** EFLAGS.AC is set, so SMAP does not hold. */
    private final TlbBank supervisorWithAlignmentFlag = new TlbBank();

    private final TlbBank[] banks = {user, supervisor, supervisorWithAlignmentFlag};

    private final CodeTlb userCode = new CodeTlb();
    private final CodeTlb supervisorCode = new CodeTlb();
    private final CodeTlb[] codeTlbs = {userCode, supervisorCode};

    /** How often anything was dropped. */
    private long drops;

    private final RootTags tags = new RootTags();

    /** Never filled: stands in for the others while every access must take the slow path. */
    private final TlbBank none = new TlbBank();

    /** The largest page, as a power of two, that a cached translation is a piece of. */
    private int largestCached = 12;

    private FaultHandler handler = FaultHandler.NONE;
    private boolean offersPageFaults;

    /** Where emulated accesses go; null while the guest runs. */
    private @Nullable LinearMemory port;

    // For TlbCounts.
    private long misses;
    private long rechecks;
    private long refusals;
    private long references;
    private long flushes;
    private long filledByHostCode;

    // The operand between rmwLoadSlow and rmwStoreSlow.
    private long rmwFirst;
    private long rmwSecond;
    private long rmwLinear;

    MemoryUnit(VcpuState state, MachineMemory memory) {
        this.state = state;
        this.memory = memory;
        this.walker = new PageWalker(state, memory);
    }

    MachineMemory machine() {
        return memory;
    }

    PageWalker walker() {
        return walker;
    }

    void handler(FaultHandler newHandler) {
        handler = newHandler;
    }

    FaultHandler handler() {
        return handler;
    }

    /** Whether #PF belongs to the hypervisor, so that its handler is asked. */
    void offerPageFaults(boolean offered) {
        offersPageFaults = offered;
    }

    void port(@Nullable LinearMemory newPort) {
        port = newPort;
    }

    // ---- the TLB
    // ------------------------------------------------------------------------------------------------------

    /** The bank whose tags the fast paths may believe. */
    TlbBank bank(int cpl, boolean alignmentFlag, boolean paging) {
        boolean checksAlignment = cpl == 3 && alignmentFlag && (state.cr0 & Cr0.ALIGNMENT_MASK) != 0;
        if (port != null || checksAlignment || DebugUnit.watchesData(state.dr[7])) {
            return none;
        }
        return cpl == 3 ? user : alignmentFlag ? supervisorWithAlignmentFlag : supervisor;
    }

    /** What misses of code are compared with: the bank of {@code cpl}, EFLAGS.AC aside. */
    TlbBank codeBank(int cpl) {
        return cpl == 3 ? user : supervisor;
    }

    /** Whether walks fill {@code bank}. */
    boolean fillsBank(TlbBank bank) {
        return bank != none;
    }

    /** Whether the accesses that fill {@code bank} pass SMAP. */
    boolean permitsUserPages(TlbBank bank) {
        return bank == user || bank == supervisorWithAlignmentFlag;
    }

    /**
     * Walks that host code made.
     *
     * @param largest page found, as a power of two
     */
    void walked(long missed, long rechecked, long read, int largest) {
        misses += missed;
        rechecks += rechecked;
        filledByHostCode += missed + rechecked;
        references += read;
        largestCached = Math.max(largestCached, largest);
    }

    /** How many of the misses and rechecks were {@link #walked}. */
    long filledByHostCode() {
        return filledByHostCode;
    }

    TlbBank userBank() {
        return user;
    }

    TlbBank supervisorBank(boolean alignmentFlag) {
        return alignmentFlag ? supervisorWithAlignmentFlag : supervisor;
    }

    /** The largest page, as a power of two, that a cached translation is a piece of. */
    int largestCached() {
        return largestCached;
    }

    /** Where code that runs at {@code cpl} is. */
    CodeTlb codeTlb(int cpl) {
        return cpl == 3 ? userCode : supervisorCode;
    }

    /** What {@link #translateForWrite} found; the second is -1 when the access lies in one page. */
    private long firstPlace;

    private long secondPlace;

    void load(Cpu cpu, HardwarePaging paging) {
        walker.load(paging);
        flush(cpu);
    }

    /** The same, keeping what is cached of these tables and of those before. */
    void reload(Cpu cpu, HardwarePaging paging) {
        if (!paging.equals(walker.paging())) {
            walker.load(paging);
            dropping(cpu);
            int known = tags.find(paging);
            if (known != 0) {
                cpu.generation = known;
            } else {
                begin(cpu);
            }
        }
    }

    /** Nothing that was found in the TLB before may be used after this. */
    private void dropping(Cpu cpu) {
        drops++;
        cpu.leaveRegion();
    }

    /** Gives the tables a generation of their own. */
    private void begin(Cpu cpu) {
        if (tags.isExhausted()) {
            tags.restart();
            largestCached = 12;
            for (TlbBank bank : banks) {
                bank.clear();
            }
            for (CodeTlb tlb : codeTlbs) {
                tlb.clear();
            }
        }
        cpu.generation = tags.add(walker.paging());
    }

    TlbCounts counts() {
        return new TlbCounts(misses, rechecks, refusals, references, flushes);
    }

    void flush(Cpu cpu) {
        dropping(cpu);
        flushes++;
        largestCached = 12;
        tags.forget();
        begin(cpu);
    }

    /**
     * The guest loaded CR3, or asked in other ways that its translations be dropped. That concerns the TLB if the guest's own tables are walked; of the hypervisor's tables the hypervisor says
     * what has become stale.
     */
    void guestFlushed(Cpu cpu) {
        if (walker.isNested()) {
            flush(cpu);
        }
    }

    /** Drops the page of {@code linear}, and with it every piece of a large page that it may be a part of. */
    void invalidate(Cpu cpu, long linear) {
        dropping(cpu);
        int pieces = largestCached == 12 ? 1 : Math.min(1 << largestCached - 12, TlbBank.ENTRIES);
        long first = linear & -pieces * 4096L;
        for (int piece = 0; piece < pieces; piece++) {
            long page = first + piece * 4096L;
            for (TlbBank bank : banks) {
                bank.drop(TlbBank.at(page));
            }
            for (CodeTlb tlb : codeTlbs) {
                tlb.drop(page);
            }
        }
    }

    /** Drops every page whose linear address selects {@code index} at {@code level}, 1 or 2. */
    void invalidateEntry(Cpu cpu, int level, int index) {
        dropping(cpu);
        for (TlbBank bank : banks) {
            bank.dropEntry(level, index);
        }
        for (CodeTlb tlb : codeTlbs) {
            tlb.dropEntry(level, index);
        }
    }

    /** Rule TLB-3, of the tables in force. */
    void audit(Cpu cpu) {
        TlbAudit audit = new TlbAudit(walker, memory, cpu.generation);
        audit.check(user, PageFaultCode.USER, false);
        audit.check(supervisor, 0, false);
        audit.check(supervisorWithAlignmentFlag, 0, true);
        audit.check(userCode, PageFaultCode.USER);
        audit.check(supervisorCode, 0);
    }

    /** The frame now holds decoded code: stores to it must take the slow path from here on. */
    void withholdWrites(long mfn) {
        long host = memory.base() + (mfn << MachineMemory.FRAME_SHIFT);
        for (TlbBank bank : banks) {
            long[] words = bank.words;
            for (int at = 0; at < words.length; at += TlbBank.WORDS) {
                long tag = words[at + TlbBank.WRITE];
                if (tag != 0 && words[at + TlbBank.ADDEND] + (tag & PAGE) == host) {
                    words[at + TlbBank.WRITE] = 0;
                }
            }
        }
    }

    // ---- translation
    // --------------------------------------------------------------------------------------------------

    /**
     * For data.
     *
     * @param access bits of {@link PageFaultCode}
     * @return the place of {@code linear} in {@link HostMemory}
     */
    long translate(Cpu cpu, long linear, int access) {
        boolean alignmentFlag = (state.rflags & RFlags.ALIGNMENT_CHECK) != 0;
        TlbBank bank = bankOf(access, alignmentFlag);
        int at = TlbBank.at(linear);
        long tag = linear & PAGE | cpu.generation;
        bank.promote(at, tag);
        if (bank.words[at + TlbBank.tag(access)] == tag) {
            return bank.words[at + TlbBank.ADDEND] + linear;
        }
        if (!walk(cpu, linear, access, alignmentFlag)) {
            throw cpu.exception;
        }
        return fill(bank, linear, cpu.generation, access);
    }

    /**
     * Makes the walk of an access that is not in the TLB, and fills nothing.
     *
     * @return whether {@link #translate} would throw {@link Cpu#exception}, which is set then
     */
    boolean refuses(Cpu cpu, long linear, int access) {
        return !walk(cpu, linear, access, (state.rflags & RFlags.ALIGNMENT_CHECK) != 0);
    }

    /**
     * Walks until the tables permit the access, asking the hypervisor to fix what they refuse; the result is the walker's.
     *
     * @return false when {@link Cpu#exception} is to be raised
     */
    private boolean walk(Cpu cpu, long linear, int access, boolean alignmentFlag) {
        if (!cpu.isCanonical(linear)) {
            nonCanonical(cpu, linear);
            return false;
        }
        for (int round = 0; round < ROUNDS; round++) {
            PageWalker.Outcome outcome = walker.walk(linear, access, alignmentFlag);
            if (outcome == PageWalker.Outcome.MAPPED) {
                return true;
            }
            countRefusal();
            boolean isFixed = outcome == PageWalker.Outcome.PAGE_FAULT ? fixes(cpu, linear) : fixesNested(cpu, linear);
            if (!isFixed) {
                return false;
            }
        }
        throw new InvariantViolation(
                "FAULT-1",
                "the fault at " + Long.toHexString(linear) + " (" + PageFaultCode.describe(access)
                        + ") was called fixed and is not");
    }

    private TlbBank bankOf(int access, boolean alignmentFlag) {
        if ((access & PageFaultCode.USER) != 0) {
            return user;
        }
        boolean helped = alignmentFlag && (access & PageFaultCode.IMPLICIT) == 0;
        return helped ? supervisorWithAlignmentFlag : supervisor;
    }

    private void countRefusal() {
        refusals++;
        references += walker.references;
    }

    /** A page that is cached for another kind of access is no miss: only the split tags of {@link TlbBank} made the walk necessary. */
    private void countFill(boolean isCached) {
        if (isCached) {
            rechecks++;
        } else {
            misses++;
            references += walker.references;
        }
    }

    /** Caches what was walked. A right to write is cached only by a write, which has set the dirty bit. */
    private long fill(TlbBank bank, long linear, long generation, int access) {
        largestCached = Math.max(largestCached, walker.leafShift);
        long place = memory.base() + walker.machineAddress;
        int at = TlbBank.at(linear);
        long tag = linear & PAGE | generation;
        CodeTlb code = bank == user ? userCode : supervisorCode;
        boolean isThere = bank.words[at + TlbBank.ADDEND] == place - linear && bank.holds(at, tag);
        countFill(isThere || code.find(linear, generation) == place);
        if (!isThere) {
            bank.aim(at, place - linear);
        }
        bank.words[at + TlbBank.READ] = tag;
        if ((access & PageFaultCode.WRITE) != 0
                && !memory.isCodeWatched(walker.machineAddress >>> MachineMemory.FRAME_SHIFT)) {
            bank.words[at + TlbBank.WRITE] = tag;
        }
        return place;
    }

    /** Offers the walker's page fault to the hypervisor, if they are its. @return whether the walk should be made again */
    private boolean fixes(Cpu cpu, long linear) {
        int code = walker.code;
        if (offersPageFaults) {
            state.rip = cpu.currentRip();
            if (handler.pageFault(linear, code)) {
                return true;
            }
        }
        GuestException fault = cpu.exception;
        fault.reason = GuestException.Reason.PAGE_FAULT;
        fault.vector = Vector.PAGE_FAULT;
        fault.errorCode = code;
        fault.linear = linear;
        return false;
    }

    /** Offers the walker's nested fault to the hypervisor; returns when the walk should be made again. */
    void nestedFault(Cpu cpu, long linear) {
        if (!fixesNested(cpu, linear)) {
            throw cpu.exception;
        }
    }

    private boolean fixesNested(Cpu cpu, long linear) {
        long guestPhysical = walker.guestPhysical;
        int access = walker.code;
        state.rip = cpu.currentRip();
        if (handler.nestedFault(guestPhysical, access, linear)) {
            return true;
        }
        GuestException fault = cpu.exception;
        fault.reason = GuestException.Reason.NESTED_FAULT;
        fault.errorCode = access;
        fault.linear = linear;
        fault.guestPhysical = guestPhysical;
        return false;
    }

    private static GuestException nonCanonical(Cpu cpu, long linear) {
        cpu.exception.reason = GuestException.Reason.NON_CANONICAL;
        cpu.exception.vector = Vector.GENERAL_PROTECTION;
        cpu.exception.errorCode = 0;
        cpu.exception.linear = linear;
        return cpu.exception;
    }

    /** For instruction bytes: as {@link #translate}. EFLAGS.AC has no say in it. */
    long translateFetch(Cpu cpu, long linear) {
        long known = cpu.codeTlb.find(linear, cpu.generation);
        if (known >= 0) {
            return known;
        }
        if (!walk(cpu, linear, PageFaultCode.FETCH | explicit(), false)) {
            throw cpu.exception;
        }
        return fillCode(cpu, linear);
    }

    private long fillCode(Cpu cpu, long linear) {
        largestCached = Math.max(largestCached, walker.leafShift);
        long place = memory.base() + walker.machineAddress;
        int at = TlbBank.at(linear);
        TlbBank data = codeBank(state.cpl);
        countFill(data.words[at + TlbBank.ADDEND] == place - linear && data.holds(at, linear & PAGE | cpu.generation));
        cpu.codeTlb.fill(linear, cpu.generation, place);
        return place;
    }

    /** @return as {@link #translateFetch}, or -1 when the tables as they are now do not permit it; nobody is asked to fix it */
    long tryFetch(Cpu cpu, long linear) {
        if (!cpu.isCanonical(linear)) {
            return -1;
        }
        if (walker.walk(linear, PageFaultCode.FETCH | explicit(), false) != PageWalker.Outcome.MAPPED) {
            return -1;
        }
        return fillCode(cpu, linear);
    }

    // ---- the slow paths of Cpu
    // ------------------------------------------------------------------------------------------

    long loadSlow(Cpu cpu, long linear, int size) {
        checkAlignment(cpu, linear, size);
        return loadAs(cpu, linear, size, explicit());
    }

    void storeSlow(Cpu cpu, long linear, int size, long value) {
        checkAlignment(cpu, linear, size);
        storeAs(cpu, linear, size, value, explicit());
    }

    long rmwLoadSlow(Cpu cpu, long linear, int size) {
        checkAlignment(cpu, linear, size);
        int access = PageFaultCode.WRITE | explicit();
        rmwLinear = linear;
        if (port != null) {
            portProbe(cpu, linear, size, access);
            return portRead(cpu, linear, size, explicit());
        }
        translateForWrite(cpu, linear, size, access);
        rmwFirst = firstPlace;
        rmwSecond = secondPlace;
        noteAccess(cpu, linear, size, true);
        return get(rmwFirst, rmwSecond, size);
    }

    void rmwStoreSlow(Cpu cpu, int size, long value) {
        if (port != null) {
            portWrite(cpu, rmwLinear, size, value, explicit());
        } else {
            putHost(rmwFirst, rmwSecond, size, value);
        }
    }

    void probeSlow(Cpu cpu, long linear, int size, int access) {
        probeAs(cpu, linear, size, access | explicit());
    }

    long implicitLoad(Cpu cpu, long linear, int size) {
        return loadAs(cpu, linear, size, PageFaultCode.IMPLICIT);
    }

    void implicitStore(Cpu cpu, long linear, int size, long value) {
        storeAs(cpu, linear, size, value, PageFaultCode.IMPLICIT);
    }

    // ---- accesses with given rights
    // ---------------------------------------------------------------------------------------

    /** @param access USER, IMPLICIT or neither */
    long loadAs(Cpu cpu, long linear, int size, int access) {
        if (port != null) {
            return portRead(cpu, linear, size, access);
        }
        long first = translate(cpu, linear, access);
        long second = crosses(linear, size) ? translate(cpu, nextPage(cpu, linear, access), access) : -1;
        noteAccess(cpu, linear, size, false);
        return get(first, second, size);
    }

    void storeAs(Cpu cpu, long linear, int size, long value, int access) {
        if (port != null) {
            portWrite(cpu, linear, size, value, access);
            return;
        }
        int writing = access | PageFaultCode.WRITE;
        translateForWrite(cpu, linear, size, writing);
        noteAccess(cpu, linear, size, true);
        putHost(firstPlace, secondPlace, size, value);
    }

    /** @param access all bits, WRITE too */
    void probeAs(Cpu cpu, long linear, int size, int access) {
        if (port != null) {
            portProbe(cpu, linear, size, access);
            return;
        }
        translateForWrite(cpu, linear, size, access);
    }

    /**
     * Finds the places of an access that may lie in two pages. A fault that is fixed in place for the second page may take the right to write away from the first (its frame may have become a pagetable just
     * now), so when anything was dropped the first is translated again.
     */
    private void translateForWrite(Cpu cpu, long linear, int size, int access) {
        boolean crosses = crosses(linear, size);
        long before;
        do {
            before = drops;
            firstPlace = translate(cpu, linear, access);
            secondPlace = crosses ? translate(cpu, nextPage(cpu, linear, access), access) : -1;
        } while (crosses && before != drops);
    }

    /** What an access of the running code is made with. */
    int explicit() {
        return state.cpl == 3 ? PageFaultCode.USER : 0;
    }

    private static boolean crosses(long linear, int size) {
        return (linear & 4095) + size > PAGE_BYTES;
    }

    /** Linear addresses are 32 bits wide and wrap, but in 64-bit mode and, in all of long mode, where the processor itself reads its tables. */
    private static long nextPage(Cpu cpu, long linear, int access) {
        long next = (linear & PAGE) + PAGE_BYTES;
        boolean isWide = cpu.ripMask == -1L
                || cpu.state.isLongModeActive() && ((access & PageFaultCode.IMPLICIT) != 0 || next != 1L << 32);
        return isWide ? next : next & 0xFFFF_FFFFL;
    }

    private void checkAlignment(Cpu cpu, long linear, int size) {
        if ((linear & size - 1) != 0
                && state.cpl == 3
                && (state.rflags & RFlags.ALIGNMENT_CHECK) != 0
                && (state.cr0 & Cr0.ALIGNMENT_MASK) != 0) {
            throw cpu.fault(Vector.ALIGNMENT_CHECK);
        }
    }

    private void noteAccess(Cpu cpu, long linear, int size, boolean write) {
        if (DebugUnit.watchesData(state.dr[7])) {
            DebugUnit.noteDataAccess(cpu, linear, size, write);
        }
    }

    // ---- bytes
    // ------------------------------------------------------------------------------------------------------------

    /** @param second where the second page begins, or -1 when the value lies in one page */
    private static long get(long first, long second, int size) {
        if (second < 0) {
            return switch (size) {
                case 8 -> HostMemory.getLong(first);
                case 4 -> HostMemory.getInt(first) & 0xFFFF_FFFFL;
                case 2 -> HostMemory.getShort(first);
                default -> HostMemory.getByte(first);
            };
        }
        int inFirst = PAGE_BYTES - (int) (first & 4095);
        long value = 0;
        for (int i = 0; i < size; i++) {
            long place = i < inFirst ? first + i : second + i - inFirst;
            value |= (long) HostMemory.getByte(place) << 8 * i;
        }
        return value;
    }

    /** Through {@link MachineMemory}, which tells the code caches. */
    void putHost(long first, long second, int size, long value) {
        if (second < 0) {
            memory.write(first - memory.base(), size, value);
            return;
        }
        int inFirst = PAGE_BYTES - (int) (first & 4095);
        for (int i = 0; i < size; i++) {
            long place = i < inFirst ? first + i : second + i - inFirst;
            memory.writeByte(place - memory.base(), (int) (value >>> 8 * i));
        }
    }

    // ---- emulation
    // ----------------------------------------------------------------------------------------------------------

    private LinearMemory port() {
        LinearMemory open = port;
        if (open == null) {
            throw new InvariantViolation("EMULATE-1", "no port");
        }
        return open;
    }

    private void portProbe(Cpu cpu, long linear, int size, int access) {
        checkCanonical(cpu, linear, size);
        try {
            port().probe(linear, size, access);
        } catch (LinearMemory.Fault fault) {
            throw refused(cpu, fault);
        }
    }

    long portRead(Cpu cpu, long linear, int size, int access) {
        checkCanonical(cpu, linear, size);
        try {
            return port().read(linear, size, access);
        } catch (LinearMemory.Fault fault) {
            throw refused(cpu, fault);
        }
    }

    private void portWrite(Cpu cpu, long linear, int size, long value, int access) {
        checkCanonical(cpu, linear, size);
        try {
            port().write(linear, size, value, access);
        } catch (LinearMemory.Fault fault) {
            throw refused(cpu, fault);
        }
    }

    private static void checkCanonical(Cpu cpu, long linear, int size) {
        if (!cpu.isCanonical(linear) || !cpu.isCanonical(linear + size - 1)) {
            throw nonCanonical(cpu, linear);
        }
    }

    private static GuestException refused(Cpu cpu, LinearMemory.Fault refusal) {
        GuestException fault = cpu.exception;
        fault.reason = refusal.isPageFault ? GuestException.Reason.PAGE_FAULT : GuestException.Reason.UNHANDLEABLE;
        fault.vector = Vector.PAGE_FAULT;
        fault.errorCode = refusal.code;
        fault.linear = refusal.linear;
        return fault;
    }
}
