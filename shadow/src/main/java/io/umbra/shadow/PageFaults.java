package io.umbra.shadow;

import io.umbra.shadow.FaultOutcome.Emulate;
import io.umbra.shadow.FaultOutcome.Fixed;
import io.umbra.shadow.FaultOutcome.GuestFault;
import io.umbra.x86.PageFaultCode;
import java.util.List;

/**
 * What to do about a page fault of hardware. Xen: {@code sh_page_fault}.
 *
 * <ol>
 *   <li>The page through which the vCPU wrote to a table last ({@link EmulationHint}): emulate.
 *   <li>A tag in the shadows ({@link FastFaults}): the guest's fault, or a device.
 *   <li>Walk the guest's tables. They refuse: the guest's fault, with the walk's own code.
 *   <li>The P2M has no memory there: a device.
 *   <li>Make room in the pool.
 *   <li>A write to a level-1 table may bring it {@link OutOfSync out of sync}.
 *   <li>Fill the path of shadow entries, and {@link Prefetch prefetch} behind it.
 *   <li>Judge: can the instruction be restarted now, or must it be emulated?
 * </ol>
 */
final class PageFaults {
    /** How often hardware may refuse in a row what the shadows grant. */
    private static final int MOST_SPURIOUS = 64;

    private final ShadowTables tables;
    private final Counters counters;
    private final List<ShadowVcpu> vcpus;
    private final GuestWalker walker;
    private final PdpteRegisters pdpteRegisters;
    private final Roots roots;
    private final Reclaim reclaim;
    private final FastFaults fastFaults;
    private final WriteLog log;
    private final Filler filler;
    private final Prefetch prefetch;
    private final boolean reloadsPdptes;
    private final boolean emulatesFast;

    PageFaults(
            ShadowTables tables,
            Counters counters,
            List<ShadowVcpu> vcpus,
            GuestWalker walker,
            PdpteRegisters pdpteRegisters,
            Roots roots,
            Reclaim reclaim,
            FastFaults fastFaults,
            WriteLog log,
            ShadowPolicy policy) {
        this.tables = tables;
        this.counters = counters;
        this.vcpus = vcpus;
        this.walker = walker;
        this.pdpteRegisters = pdpteRegisters;
        this.roots = roots;
        this.reclaim = reclaim;
        this.fastFaults = fastFaults;
        this.log = log;
        this.filler = new Filler(tables, log, policy);
        this.prefetch = new Prefetch(tables, counters, (int) policy.number(PolicyOption.PREFETCH));
        this.reloadsPdptes = policy.isOn(PolicyOption.PDPTE_RELOAD);
        this.emulatesFast = policy.isOn(PolicyOption.FAST_EMULATION);
    }

    FaultOutcome handle(ShadowVcpu vcpu, long linear, int code) {
        long target = vcpu.hint.target(linear, code);
        if (target >= 0 && tables.isProtected(target) && !tables.frames.isOutOfSync(target)) {
            counters.add(Counter.FAST_EMULATION);
            vcpu.writeTarget = target;
            vcpu.walk.linear = linear;
            vcpu.walk.access = PageFaultCode.access(code);
            counters.trace.decided(1);
            return Emulate.PAGETABLE;
        }
        vcpu.hint.forget();
        FaultOutcome tagged = fastFaults.answer(vcpu, linear, code);
        if (tagged != null) {
            counters.trace.decided(2);
            vcpu.earlyUnshadow.otherFault();
            return tagged;
        }
        GuestWalk walk = vcpu.walk;
        if (!walk(vcpu, linear, PageFaultCode.access(code))) {
            counters.add(Counter.GUEST_FAULT);
            counters.trace.decided(3);
            vcpu.earlyUnshadow.otherFault();
            fastFaults.notPresent(vcpu, walk);
            return new GuestFault(walk.faultCode);
        }
        counters.add(Counter.P2M_LOOKUP);
        long p2mEntry = walk.p2mEntry;
        counters.trace.found(walk.gfn, p2mEntry);
        reclaim.makeRoom(vcpu.rootType.pagesOfPath());
        if (!P2m.isBacked(p2mEntry)) {
            counters.trace.decided(4);
            return device(vcpu, walk);
        }
        FaultOutcome outcome = fill(vcpu, walk, p2mEntry, code);
        counters.trace.decided(8);
        if (outcome != Emulate.PAGETABLE) {
            vcpu.earlyUnshadow.otherFault();
        }
        countSpurious(vcpu, linear, code, outcome == Fixed.SPURIOUS);
        return outcome;
    }

    private boolean walk(ShadowVcpu vcpu, long linear, int access) {
        if (walker.walk(vcpu.state, linear, access, vcpu.walk)) {
            return true;
        }
        return reloadsPdptes && reloadPdptes(vcpu) && walker.walk(vcpu.state, linear, access, vcpu.walk);
    }

    /** The registers of a PAE guest may be older than the memory that they were read from. @return whether they were */
    private boolean reloadPdptes(ShadowVcpu vcpu) {
        long[] old = vcpu.state.pdpte.clone();
        boolean isPae = vcpu.rootType == ShadowType.L2_PAE;
        if (!isPae || !pdpteRegisters.read(vcpu.state.cr3, vcpu.state.pdpte)) {
            return false;
        }
        for (int i = 0; i < old.length; i++) {
            if (old[i] != vcpu.state.pdpte[i]) {
                counters.add(Counter.PDPTE_RELOAD);
                roots.update(vcpu);
                return true;
            }
        }
        return false;
    }

    private FaultOutcome device(ShadowVcpu vcpu, GuestWalk walk) {
        vcpu.earlyUnshadow.otherFault();
        if (fastFaults.isOn()) {
            ShadowPage table = filler.path(vcpu, walk);
            if (table != null) {
                fastFaults.device(walk, table);
            }
        }
        return Emulate.MMIO;
    }

    private FaultOutcome fill(ShadowVcpu vcpu, GuestWalk walk, long p2mEntry, int code) {
        long mfn = P2m.mfn(p2mEntry);
        boolean writesDirectly = goesOutOfSync(vcpu, walk, p2mEntry);
        boolean filled = filler.fill(vcpu, walk, p2mEntry, writesDirectly);
        ShadowPage table = filler.lastTable();
        if (table != null) {
            prefetch.follow(vcpu.stream, walk, table);
        }
        FaultOutcome outcome = judge(vcpu, walk, p2mEntry, filled, writesDirectly);
        if (outcome == Fixed.FIXUP) {
            counters.add(Counter.FIXUP);
            if (walk.isWrite()) {
                log.countFault();
            }
            if (walk.setDirty && (code & PageFaultCode.PRESENT) != 0) {
                counters.add(Counter.DIRTY_BIT_FAULT);
            }
        } else if (outcome == Emulate.PAGETABLE) {
            vcpu.writeTarget = mfn;
            if (emulatesFast) {
                vcpu.hint.set(walk, mfn);
            }
        }
        return outcome;
    }

    /** Users' writes do not: no kernel lets them write to its tables, so such a frame is none any more. */
    private boolean goesOutOfSync(ShadowVcpu vcpu, GuestWalk walk, long p2mEntry) {
        long mfn = P2m.mfn(p2mEntry);
        boolean isWrite = walk.isWrite() && !walk.isUser() && !walk.needsWriteProtectOff && P2m.isWritable(p2mEntry);
        if (!isWrite || !tables.isProtected(mfn)) {
            return false;
        }
        if (!tables.frames.isOutOfSync(mfn) && tables.outOfSync.mayLeaveSync(mfn, vcpus)) {
            tables.outOfSync.leaveSync(vcpus.indexOf(vcpu), mfn);
        }
        return tables.frames.isOutOfSync(mfn);
    }

    /** The path is filled: can the access succeed now, or must it be emulated? */
    private FaultOutcome judge(ShadowVcpu vcpu, GuestWalk walk, long p2mEntry, boolean filled, boolean writesDirectly) {
        if (walk.isWrite()) {
            long mfn = P2m.mfn(p2mEntry);
            if (!P2m.isWritable(p2mEntry)) {
                return Emulate.READ_ONLY;
            }
            boolean stillDirect = writesDirectly && tables.frames.isOutOfSync(mfn);
            if (tables.isProtected(mfn) && !stillDirect) {
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
     * would be again: then the write is emulated. The tables of a dying address space are given up likewise, unless they are loaded.
     */
    private FaultOutcome writeToTable(ShadowVcpu vcpu, GuestWalk walk, long mfn) {
        boolean isBack = vcpu.unshadowedBy == vcpu.state.rip;
        vcpu.unshadowedBy = -1;
        boolean givesUp = walk.isUser() || tables.frames.isDying(mfn) && !Roots.holds(vcpus, mfn);
        if (givesUp && !isBack && tables.unshadow(mfn)) {
            vcpu.unshadowedBy = vcpu.state.rip;
            counters.add(walk.isUser() ? Counter.UNSHADOW_USER : Counter.UNSHADOW_DYING);
            return Fixed.UNSHADOW;
        }
        return Emulate.PAGETABLE;
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
}
