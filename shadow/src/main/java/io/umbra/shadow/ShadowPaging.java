package io.umbra.shadow;

import io.umbra.shadow.FaultOutcome.Emulate;
import io.umbra.x86.Cr0;
import io.umbra.x86.Cr4;
import io.umbra.x86.FrameAllocator;
import io.umbra.x86.InstructionEmulator;
import io.umbra.x86.InstructionEmulator.Emulation;
import io.umbra.x86.Intercepts;
import io.umbra.x86.MachineMemory;
import io.umbra.x86.Tlb;
import io.umbra.x86.VcpuState;
import java.util.ArrayList;
import java.util.List;

/**
 * Memory virtualised with shadow pagetables: the guest's tables are never given to the processor; each page fault is answered by an emulated walk of them, from
 * which the shadow entries are made. The rules that hold are numbered in the package's description.
 */
public final class ShadowPaging implements Paging {
    /** Bits of CR0 that choose what the guest walks: with PAE paging a change of the last two, too, loads the PDPTE registers. */
    private static final long FOLLOWED_CR0 = Cr0.PAGING | Cr0.CACHE_DISABLE | Cr0.NOT_WRITE_THROUGH;

    /** Bits of CR4 that flush the guest's TLB or choose what it walks. */
    private static final long FOLLOWED_CR4 = Cr4.PAGE_SIZE_EXTENSIONS
            | Cr4.PHYSICAL_ADDRESS_EXTENSION
            | Cr4.PAGE_GLOBAL
            | Cr4.FIVE_LEVEL
            | Cr4.PROCESS_CONTEXT_IDENTIFIERS
            | Cr4.SMEP
            | Cr4.SMAP
            | Cr4.PROTECTION_KEYS;

    final MachineMemory memory;
    final P2m p2m;
    final FrameTable frames;
    final ShadowTables tables;
    final ShadowPolicy policy;
    private final boolean writeProtects;
    final List<ShadowVcpu> vcpus = new ArrayList<>();
    private final FrameAllocator allocator;
    private final DeviceMemory devices;
    private final Counters counters;
    private final GuestWalker walker;
    private final PdpteRegisters pdpteRegisters;
    final Reclaim reclaim;
    private final Roots roots;
    private final FastFaults fastFaults;
    private final PageFaults pageFaults;
    private final EmulatedInstructions emulatedInstructions;
    private final P2mChanges p2mChanges;
    final WriteLog log;

    /** The same without a trace. */
    public ShadowPaging(
            MachineMemory memory, FrameAllocator allocator, P2m p2m, DeviceMemory devices, ShadowPolicy policy) {
        this(memory, allocator, p2m, devices, policy, Trace.OFF);
    }

    /**
     * @param p2m the domain's map; changes to it are followed from now on
     * @param devices what answers where the P2M has no memory
     * @param trace is told of everything
     */
    public ShadowPaging(
            MachineMemory memory,
            FrameAllocator allocator,
            P2m p2m,
            DeviceMemory devices,
            ShadowPolicy policy,
            Trace trace) {
        this(memory, allocator, p2m, devices, policy, new Counters(trace), PrefilledSlots.NONE);
    }

    /** @param prefilled slots of its roots */
    ShadowPaging(
            MachineMemory memory,
            FrameAllocator allocator,
            P2m p2m,
            DeviceMemory devices,
            ShadowPolicy policy,
            Counters counters,
            PrefilledSlots prefilled) {
        this.counters = counters;
        this.memory = memory;
        this.allocator = allocator;
        this.p2m = p2m;
        this.devices = devices;
        this.policy = policy;
        this.writeProtects = policy.writeProtects();
        this.frames = new FrameTable(memory.frames());
        ShadowPool pool = new ShadowPool(memory, allocator, frames, policy.poolPages());
        this.log = new WriteLog(new ShadowWriteAccess(this), policy.dirtyClean(), counters);
        this.tables = new ShadowTables(memory, p2m, frames, pool, counters, log, policy, prefilled);
        this.walker = new GuestWalker(memory, p2m, counters, log);
        this.pdpteRegisters = new PdpteRegisters(memory, p2m);
        this.reclaim = new Reclaim(tables, vcpus, counters);
        this.roots = new Roots(tables, p2m, reclaim, policy);
        this.fastFaults = new FastFaults(tables, counters, policy);
        this.pageFaults = new PageFaults(
                tables, counters, vcpus, walker, pdpteRegisters, roots, reclaim, fastFaults, log, policy);
        this.emulatedInstructions = new EmulatedInstructions(tables, counters, policy);
        this.p2mChanges = new P2mChanges();
        p2m.addListener(p2mChanges);
    }

    @Override
    public Intercepts intercepts() {
        return Intercepts.SHADOW;
    }

    @Override
    public void attach(VcpuState state, Tlb tlb, InstructionEmulator emulator) {
        counters.trace.attached(vcpus.size(), state);
        EarlyUnshadow early = new EarlyUnshadow(memory);
        TableWrites writes = new TableWrites(memory, tables, early, counters, policy);
        VirtualTlb virtualTlb = policy.isOn(PolicyOption.VIRTUAL_TLB) ? new VirtualTlb(tables.walks, counters) : null;
        EmulatedMemory port = new EmulatedMemory(state, walker, memory, p2m, devices, log, writes, virtualTlb);
        EmulationHint hint = new EmulationHint(tables.walks);
        vcpus.add(new ShadowVcpu(state, tlb, emulator, port, early, writes, hint, new ShadowPath(tables)));
        tables.outOfSync.addVcpu();
        followRules(state);
        flushedAndReloaded(vcpus.size() - 1);
    }

    // ---- faults
    // ------------------------------------------------------------------------------------------------------

    @Override
    public FaultOutcome pageFault(int number, long linear, int code) {
        counters.add(Counter.PAGE_FAULT);
        counters.trace.fault(number, linear, code);
        FaultOutcome outcome = pageFaults.handle(vcpus.get(number), linear, code);
        counters.trace.outcome(outcome);
        tellTlbs();
        return outcome;
    }

    @Override
    public FaultOutcome nestedFault(int vcpu, long guestPhysical, int access) {
        throw new IllegalStateException("nested fault under shadow paging");
    }

    @Override
    public Emulation emulate(int number, Emulate reason, long budget) {
        counters.trace.emulate(number, reason);
        Emulation result = emulatedInstructions.emulate(vcpus.get(number), reason, budget);
        counters.trace.emulated(result);
        tellTlbs();
        return result;
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
        tellTlbs();
        return gone;
    }

    @Override
    public void reset(int number) {
        ShadowVcpu vcpu = vcpus.get(number);
        tables.walks.forget();
        vcpu.earlyUnshadow.dying(false);
        followRules(vcpu.state);
        flushedAndReloaded(number);
    }

    // ---- what the guest tells its processor
    // -----------------------------------------------------------------------------------------------------

    @Override
    public void controlRegisterWritten(int number, int register, long old) {
        ShadowVcpu vcpu = vcpus.get(number);
        VcpuState state = vcpu.state;
        counters.trace.control(number, register, old);
        tables.walks.forget();
        switch (register) {
            case 3 -> {
                counters.add(Counter.CR3_LOAD);
                vcpu.earlyUnshadow.dying(false);
                if (state.isPaging()) {
                    if (roots.areKept(state)) {
                        counters.add(Counter.CR3_RETAINED);
                    }
                    flushedAndReloaded(number);
                }
            }
            case 0 -> {
                if (((old ^ state.cr0) & FOLLOWED_CR0) != 0) {
                    flushedAndReloaded(number);
                }
            }
            default -> {
                if (((old ^ state.cr4) & FOLLOWED_CR4) != 0) {
                    followRules(state);
                    flushedAndReloaded(number);
                }
            }
        }
    }

    @Override
    public void eferWritten(int number, long old) {
        counters.trace.efer(number, old);
        tables.walks.forget();
        followRules(vcpus.get(number).state);
        tellTlbs();
    }

    /** Shadows derived by other rules are void. */
    private void followRules(VcpuState state) {
        EntryRules rules = EntryRules.of(state);
        if (!rules.equals(tables.revalidation.rules())) {
            tables.revalidation.rules(rules);
            reclaim.blow();
        }
    }

    /** The guest flushed its TLB, and perhaps changed its root: what lags behind catches up, and hardware gets the shadows of the roots that the guest has now. */
    private void flushedAndReloaded(int number) {
        ShadowVcpu vcpu = vcpus.get(number);
        if (writeProtects) {
            tables.outOfSync.flushedBy(number);
        } else {
            roots.unhook(vcpu);
        }
        roots.update(vcpu);
        if (!writeProtects && vcpus.size() == 1) {
            tables.shootdown.forget();
        }
        tables.shootdown.deliverAtFlush(vcpus);
    }

    @Override
    public void invalidatePage(int number, long linear) {
        counters.add(Counter.INVLPG);
        counters.trace.invalidatedPage(number, linear);
        tables.walks.forget();
        ShadowVcpu vcpu = vcpus.get(number);
        if (!writeProtects) {
            roots.unhook(vcpu);
            tables.shootdown.all();
        } else {
            invalidateLeaf(vcpu, linear);
        }
        tellTlbs();
    }

    /** One large guest page may be many small translations: INVLPG of any address in it concerns all of them. A leaf of a table that is out of sync may be stale itself. */
    private void invalidateLeaf(ShadowVcpu vcpu, long linear) {
        ShadowPage page = vcpu.findRootOf(linear);
        boolean isLarge = false;
        while (page != null && page.liveType().level() > 1) {
            ShadowType type = page.liveType();
            long entry = tables.entry(page, type.index(linear) * type.slotsPerEntry());
            page = tables.child(entry);
            isLarge = LargeLeaves.is(entry) || page != null && !page.liveType().shadowsTable();
        }
        if (isLarge) {
            tables.shootdown.all();
            return;
        }
        if (page != null && frames.isOutOfSync(page.frame)) {
            tables.setLeaf(page, page.liveType().index(linear), 0);
        }
        vcpu.tlb.invalidate(linear);
    }

    @Override
    public void invalidateContext(int number) {
        counters.add(Counter.INVPCID);
        counters.trace.invalidatedContext(number);
        tables.walks.forget();
        flushedAndReloaded(number);
    }

    @Override
    public boolean readPdptes(int number, long cr3, long[] target) {
        return pdpteRegisters.read(cr3, target);
    }

    @Override
    public void pagetableDying(int number, long guestPhysical) {
        ShadowVcpu vcpu = vcpus.get(number);
        long entry = p2m.lookup(guestPhysical >>> 12);
        if (policy.isOn(PolicyOption.DYING_HINT) && P2m.isBacked(entry)) {
            new DyingTables(tables, counters).died(vcpu, P2m.mfn(entry));
            tellTlbs();
        }
    }

    // ---- everything else
    // ---------------------------------------------------------------------------------------------

    /** A device knows nothing of tables: their shadows follow what it wrote. */
    @Override
    public void memoryWritten(long guestPhysical, long length) {
        counters.trace.memoryWritten(guestPhysical, length);
        log.markMemory(p2m, guestPhysical, length, DirtyCause.EXTERNAL);
        if (!writeProtects) {
            return;
        }
        long end = guestPhysical + length;
        for (long at = guestPhysical; at < end; at = (at | 0xFFF) + 1) {
            long entry = p2m.lookup(at >>> 12);
            if (P2m.isBacked(entry)) {
                int offset = (int) at & 0xFFF;
                int within = (int) Math.min(end - at, 0x1000 - offset);
                tables.walks.tableChanged(P2m.mfn(entry));
                tables.revalidation.written(P2m.mfn(entry), offset, within);
            }
        }
        tellTlbs();
    }

    /** What the shadows are derived by. */
    EntryRules rules() {
        return tables.revalidation.rules();
    }

    @Override
    public LogDirty logDirty() {
        return log.logDirty;
    }

    @Override
    public VramTracking vram() {
        return log.vram;
    }

    @Override
    public void blow() {
        reclaim.blow();
        tellTlbs();
    }

    @Override
    public void audit() {
        Finding.throwFirst(Auditor.audit(this));
    }

    /** Nothing derived from an old P2M entry survives; a vCPU whose root's entry changes has the root that maps nothing meanwhile. */
    private final class P2mChanges implements P2m.ChangeListener {
        @Override
        public void aboutToChange(long gfn, long count) {
            counters.trace.p2mChanges(gfn, count);
            log.markMemory(p2m, gfn << 12, count << 12, DirtyCause.P2M_CHANGE);
            for (ShadowVcpu vcpu : vcpus) {
                if (Roots.isWithin(vcpu.state, gfn, count)) {
                    roots.loadNothing(vcpu);
                }
            }
            fastFaults.p2mChanges(gfn, count);
            for (long at = gfn; at < gfn + count; at++) {
                long entry = p2m.lookup(at);
                if (P2m.isBacked(entry)) {
                    counters.add(Counter.P2M_CHANGE);
                    tables.unshadow(P2m.mfn(entry));
                    tables.removeAllMappings(P2m.mfn(entry));
                }
            }
            tellTlbs();
        }

        @Override
        public void changed(long gfn, long count) {
            log.markMemory(p2m, gfn << 12, count << 12, DirtyCause.P2M_CHANGE);
            for (ShadowVcpu vcpu : vcpus) {
                if (Roots.isWithin(vcpu.state, gfn, count)) {
                    roots.update(vcpu);
                    tellTlbs();
                }
            }
        }
    }

    @Override
    public boolean tlbsAreCurrent() {
        return !tables.shootdown.isOwed();
    }

    /** Before the guest runs on. */
    void tellTlbs() {
        tables.shootdown.deliver(vcpus);
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
