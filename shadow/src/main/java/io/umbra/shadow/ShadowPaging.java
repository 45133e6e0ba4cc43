package io.umbra.shadow;

import io.umbra.shadow.FaultOutcome.Emulate;
import io.umbra.shadow.FaultOutcome.Fixed;
import io.umbra.shadow.FaultOutcome.GuestFault;
import io.umbra.x86.Cr0;
import io.umbra.x86.Cr4;
import io.umbra.x86.Efer;
import io.umbra.x86.FrameAllocator;
import io.umbra.x86.InstructionEmulator;
import io.umbra.x86.InstructionEmulator.Emulation;
import io.umbra.x86.Intercepts;
import io.umbra.x86.InvariantViolation;
import io.umbra.x86.LongModeEntry;
import io.umbra.x86.MachineMemory;
import io.umbra.x86.PageFaultCode;
import io.umbra.x86.Tlb;
import io.umbra.x86.VcpuState;
import java.util.ArrayList;
import java.util.List;

/**
 * Memory virtualised with shadow pagetables: the guest's tables are never given to the processor; each page fault is answered by an emulated walk of them, from
 * which the shadow entries are made. The rules that hold are numbered in the package's description.
 */
public final class ShadowPaging implements Paging {
    /** How often hardware may refuse in a row what the shadows grant. */
    private static final int MOST_SPURIOUS = 64;

    /** Frames that one instruction can write to, generously. */
    private static final int MOST_UNHANDLED = 8;

    /** Bits of CR4 that flush the guest's TLB or choose what it walks. */
    private static final long FOLLOWED_CR4 = Cr4.PAGE_SIZE_EXTENSIONS
            | Cr4.PHYSICAL_ADDRESS_EXTENSION
            | Cr4.PAGE_GLOBAL
            | Cr4.FIVE_LEVEL
            | Cr4.PROCESS_CONTEXT_IDENTIFIERS
            | Cr4.SMEP
            | Cr4.SMAP
            | Cr4.PROTECTION_KEYS;
    /** Those that are in {@link EntryRules}. */
    private static final long RULES_CR4 = Cr4.PAGE_SIZE_EXTENSIONS | Cr4.PROTECTION_KEYS;

    final MachineMemory memory;
    final P2m p2m;
    final FrameTable frames;
    final ShadowTables tables;
    final ShadowPolicy policy;
    final List<ShadowVcpu> vcpus = new ArrayList<>();
    private final FrameAllocator allocator;
    private final DeviceMemory devices;
    private final Counters counters = new Counters();
    private final GuestWalker walker;
    private final PdpteRegisters pdpteRegisters;
    private final Reclaim reclaim;
    private final Roots roots;
    private final Revalidation revalidation;
    private final Filler filler;
    private final P2mChanges p2mChanges;

    /**
     * @param p2m the domain's map; changes to it are followed from now on
     * @param devices what answers where the P2M has no memory
     */
    public ShadowPaging(
            MachineMemory memory, FrameAllocator allocator, P2m p2m, DeviceMemory devices, ShadowPolicy policy) {
        this.memory = memory;
        this.allocator = allocator;
        this.p2m = p2m;
        this.devices = devices;
        this.policy = policy;
        this.frames = new FrameTable(memory.frames());
        ShadowPool pool = new ShadowPool(memory, allocator, frames, policy.poolPages());
        this.tables = new ShadowTables(memory, frames, pool, counters, policy);
        this.walker = new GuestWalker(memory, p2m, counters);
        this.pdpteRegisters = new PdpteRegisters(memory, p2m);
        this.reclaim = new Reclaim(tables, vcpus, counters);
        this.roots = new Roots(tables, p2m, reclaim, policy);
        this.revalidation = new Revalidation(tables, memory, p2m, counters);
        this.filler = new Filler(tables, revalidation, policy);
        this.p2mChanges = new P2mChanges();
        p2m.addListener(p2mChanges);
    }

    @Override
    public Intercepts intercepts() {
        return Intercepts.SHADOW;
    }

    @Override
    public void attach(VcpuState state, Tlb tlb, InstructionEmulator emulator) {
        EarlyUnshadow early = new EarlyUnshadow(memory);
        EmulatedMemory.WriteWatch watch = (mfn, offset, length) -> {
            if (tables.isProtected(mfn)) {
                early.written(mfn, offset, length);
                revalidation.written(mfn, offset, length, EntryRules.of(state));
            }
        };
        EmulatedMemory port = new EmulatedMemory(state, walker, memory, p2m, devices, watch);
        ShadowVcpu vcpu = new ShadowVcpu(state, tlb, emulator, port, early);
        vcpus.add(vcpu);
        updateRoot(vcpu);
    }

    // ---- faults
    // ------------------------------------------------------------------------------------------------------

    @Override
    public FaultOutcome pageFault(int number, long linear, int code) {
        counters.add(Counter.PAGE_FAULT);
        ShadowVcpu vcpu = vcpus.get(number);
        GuestWalk walk = vcpu.walk;
        if (!walker.walk(vcpu.state, linear, PageFaultCode.access(code), walk)) {
            counters.add(Counter.GUEST_FAULT);
            vcpu.earlyUnshadow.otherFault();
            return new GuestFault(walk.faultCode);
        }
        counters.add(Counter.P2M_LOOKUP);
        long p2mEntry = p2m.lookup(walk.gfn);
        if (!P2m.isBacked(p2mEntry)) {
            return Emulate.MMIO;
        }
        reclaim.makeRoom(vcpu.rootType.pagesOfPath());
        boolean wasPresent = (code & PageFaultCode.PRESENT) != 0;
        boolean filled = filler.fill(vcpu, walk, p2mEntry);
        FaultOutcome outcome = judge(vcpu, walk, p2mEntry, filled);
        if (outcome == Fixed.FIXUP) {
            counters.add(Counter.FIXUP);
            if (walk.setDirty && wasPresent) {
                counters.add(Counter.DIRTY_BIT_FAULT);
            }
        }
        if (outcome != Emulate.PAGETABLE) {
            vcpu.earlyUnshadow.otherFault();
        }
        countSpurious(vcpu, linear, code, outcome == Fixed.SPURIOUS);
        flushIfDemanded();
        return outcome;
    }

    /** Nothing was missing, so the access must succeed now; hardware that goes on refusing it would do so for ever. */
    private void countSpurious(ShadowVcpu vcpu, long linear, int code, boolean isSpurious) {
        boolean isSame = vcpu.spuriousLinear == linear && vcpu.spuriousCode == code;
        vcpu.spuriousCount = isSpurious ? isSame ? vcpu.spuriousCount + 1 : 1 : 0;
        vcpu.spuriousLinear = linear;
        vcpu.spuriousCode = code;
        if (isSpurious) {
            counters.add(Counter.SPURIOUS);
        }
        if (vcpu.spuriousCount > MOST_SPURIOUS) {
            throw new DomainCrash("livelock: hardware refuses an access that the shadows grant, at 0x"
                    + Long.toHexString(linear) + " with code " + PageFaultCode.describe(code));
        }
    }

    /** The path is filled: can the access succeed now, or must it be emulated? */
    private FaultOutcome judge(ShadowVcpu vcpu, GuestWalk walk, long p2mEntry, boolean filled) {
        if (walk.isWrite()) {
            long mfn = P2m.mfn(p2mEntry);
            if (!P2m.isWritable(p2mEntry)) {
                return Emulate.READ_ONLY;
            }
            if (tables.isProtected(mfn)) {
                return writeToTable(vcpu, walk, mfn);
            }
            if (walk.needsWriteProtectOff) {
                return Emulate.WRITE_PROTECT_OFF;
            }
        }
        return filled ? Fixed.FIXUP : Fixed.SPURIOUS;
    }

    /**
     * No kernel lets users write to its tables: such a frame is no table any more. But when the same instruction comes back, the frame was needed as a table to execute it, and
     * would be again: then the write is emulated.
     */
    private FaultOutcome writeToTable(ShadowVcpu vcpu, GuestWalk walk, long mfn) {
        boolean isBack = vcpu.unshadowedBy == vcpu.state.rip;
        vcpu.unshadowedBy = -1;
        if (walk.isUser() && !isBack && tables.unshadow(mfn)) {
            vcpu.unshadowedBy = vcpu.state.rip;
            counters.add(Counter.UNSHADOW_USER);
            return Fixed.UNSHADOW;
        }
        return Emulate.PAGETABLE;
    }

    @Override
    public FaultOutcome nestedFault(int vcpu, long guestPhysical, int access) {
        throw new IllegalStateException("nested fault under shadow paging");
    }

    @Override
    public Emulation emulate(int number, Emulate reason) {
        ShadowVcpu vcpu = vcpus.get(number);
        counters.add(
                switch (reason) {
                    case PAGETABLE -> Counter.EMULATE;
                    case MMIO -> Counter.MMIO;
                    case WRITE_PROTECT_OFF, READ_ONLY -> Counter.EMULATE_OTHER;
                });
        long mfn = reason == Emulate.PAGETABLE ? P2m.mfn(p2m.lookup(vcpu.walk.gfn)) : Roots.NO_FRAME;
        Emulation result = vcpu.emulator.emulate(vcpu.emulatedMemory);
        if (result == Emulation.Failed.UNHANDLEABLE
                && reason == Emulate.PAGETABLE
                && mayRetryUnhandled(vcpu)
                && tables.unshadow(mfn)) {
            counters.add(Counter.UNSHADOW_UNHANDLED);
            result = Emulation.Done.ITERATION;
        }
        unshadowEarly(vcpu);
        flushIfDemanded();
        return result;
    }

    private void unshadowEarly(ShadowVcpu vcpu) {
        long due = vcpu.earlyUnshadow.takeDue();
        if (due >= 0 && policy.earlyUnshadow() && tables.unshadow(due)) {
            counters.add(Counter.EARLY_UNSHADOW);
        }
    }

    /** Unshadowing lets the instruction execute by itself, unless the frame is needed as a table to execute it: then it comes back and nothing retires. */
    private static boolean mayRetryUnhandled(ShadowVcpu vcpu) {
        boolean isBack = vcpu.unhandledAt == vcpu.state.instructions;
        vcpu.unhandledAt = vcpu.state.instructions;
        vcpu.unhandledTries = isBack ? vcpu.unhandledTries + 1 : 1;
        return vcpu.unhandledTries <= MOST_UNHANDLED;
    }

    @Override
    public boolean unshadowForEvent(int number, long linear) {
        GuestWalk walk = vcpus.get(number).walk;
        long entry = p2m.lookup(walk.gfn);
        boolean isTable = walk.linear == linear && P2m.isBacked(entry) && tables.isProtected(P2m.mfn(entry));
        boolean gone = isTable && !walk.needsWriteProtectOff && P2m.isWritable(entry) && !walk.uses(P2m.mfn(entry));
        if (gone) {
            counters.add(Counter.UNSHADOW_EVTINJ);
            gone = tables.unshadow(P2m.mfn(entry));
        }
        flushIfDemanded();
        return gone;
    }

    // ---- roots
    // -------------------------------------------------------------------------------------------------------

    @Override
    public void controlRegisterWritten(int number, int register, long old) {
        ShadowVcpu vcpu = vcpus.get(number);
        VcpuState state = vcpu.state;
        switch (register) {
            case 3 -> {
                counters.add(Counter.CR3_LOAD);
                if (state.isPaging()) {
                    if (roots.areKept(state)) {
                        counters.add(Counter.CR3_RETAINED);
                    }
                    guestFlushed(vcpu);
                    updateRoot(vcpu);
                }
            }
            case 0 -> {
                if (((old ^ state.cr0) & Cr0.PAGING) != 0) {
                    guestFlushed(vcpu);
                    updateRoot(vcpu);
                }
            }
            default -> {
                if (((old ^ state.cr4) & FOLLOWED_CR4) != 0) {
                    if (((old ^ state.cr4) & RULES_CR4) != 0) {
                        reclaim.blow();
                    }
                    guestFlushed(vcpu);
                    updateRoot(vcpu);
                }
            }
        }
    }

    @Override
    public void eferWritten(int number, long old) {
        ShadowVcpu vcpu = vcpus.get(number);
        if (((old ^ vcpu.state.efer) & Efer.NO_EXECUTE) != 0) {
            blow();
        }
    }

    /** Under strict-tlb a flush of the guest's drops everything. */
    private void guestFlushed(ShadowVcpu vcpu) {
        if (!policy.writeProtects()) {
            roots.unhook(vcpu);
        }
    }

    private void updateRoot(ShadowVcpu vcpu) {
        roots.update(vcpu);
        if (vcpus.size() == 1) {
            tables.flushed();
        }
        flushIfDemanded();
    }

    @Override
    public void invalidatePage(int number, long linear) {
        counters.add(Counter.INVLPG);
        ShadowVcpu vcpu = vcpus.get(number);
        if (!policy.writeProtects()) {
            guestFlushed(vcpu);
            tables.demandFlush();
        } else if (isSplintered(vcpu, linear)) {
            tables.demandFlush();
        } else {
            vcpu.tlb.invalidate(linear);
        }
        flushIfDemanded();
    }

    @Override
    public void invalidateContext(int number) {
        counters.add(Counter.INVPCID);
        ShadowVcpu vcpu = vcpus.get(number);
        guestFlushed(vcpu);
        updateRoot(vcpu);
    }

    @Override
    public boolean readPdptes(int number, long cr3, long[] target) {
        return pdpteRegisters.read(cr3, target);
    }

    /** One guest page is many small translations: INVLPG of any address in it concerns all of them. */
    private boolean isSplintered(ShadowVcpu vcpu, long linear) {
        ShadowPage page = vcpu.findRootOf(linear);
        while (page != null && page.liveType().level() > 1) {
            ShadowType type = page.liveType();
            long entry = tables.entry(page, type.index(linear) * type.slotsPerEntry());
            page = LongModeEntry.isPresent(entry) ? tables.pool.at(LongModeEntry.frame(entry)) : null;
        }
        return page != null && !page.liveType().shadowsTable();
    }

    // ---- everything else
    // ---------------------------------------------------------------------------------------------

    /** A device knows nothing of tables: their shadows follow what it wrote. */
    @Override
    public void memoryWritten(long guestPhysical, long length) {
        if (!policy.writeProtects()) {
            return;
        }
        long end = guestPhysical + length;
        for (long at = guestPhysical; at < end; at = (at | 0xFFF) + 1) {
            long entry = p2m.lookup(at >>> 12);
            if (P2m.isBacked(entry)) {
                int offset = (int) at & 0xFFF;
                int within = (int) Math.min(end - at, 0x1000 - offset);
                revalidation.written(P2m.mfn(entry), offset, within, rules());
            }
        }
        flushIfDemanded();
    }

    /** What the shadows are derived by. */
    EntryRules rules() {
        return EntryRules.of(vcpus.getFirst().state);
    }

    @Override
    public void blow() {
        reclaim.blow();
        flushIfDemanded();
    }

    @Override
    public void audit() {
        List<Finding> findings = Auditor.audit(this);
        if (!findings.isEmpty()) {
            Finding first = findings.getFirst();
            throw new InvariantViolation(first.rule(), first.message());
        }
    }

    /** Nothing derived from an old P2M entry survives; a vCPU whose root's entry changes has the root that maps nothing meanwhile. */
    private final class P2mChanges implements P2m.ChangeListener {
        @Override
        public void aboutToChange(long gfn, long count) {
            for (ShadowVcpu vcpu : vcpus) {
                if (Roots.isWithin(vcpu.state, gfn, count)) {
                    roots.loadNothing(vcpu);
                }
            }
            for (long at = gfn; at < gfn + count; at++) {
                long entry = p2m.lookup(at);
                if (P2m.isBacked(entry)) {
                    counters.add(Counter.P2M_CHANGE);
                    tables.unshadow(P2m.mfn(entry));
                    tables.removeAllMappings(P2m.mfn(entry));
                }
            }
            flushIfDemanded();
        }

        @Override
        public void changed(long gfn, long count) {
            for (ShadowVcpu vcpu : vcpus) {
                if (Roots.isWithin(vcpu.state, gfn, count)) {
                    updateRoot(vcpu);
                }
            }
        }
    }

    private void flushIfDemanded() {
        if (tables.takeFlushDemand()) {
            counters.add(Counter.FLUSH);
            for (ShadowVcpu vcpu : vcpus) {
                vcpu.tlb.flush();
            }
        }
    }

    @Override
    public Counters counters() {
        return counters;
    }

    @Override
    public void close() {
        p2m.removeListener(p2mChanges);
        reclaim.blow();
        for (ShadowVcpu vcpu : vcpus) {
            roots.release(vcpu);
        }
        tables.pool.close(allocator);
    }
}
