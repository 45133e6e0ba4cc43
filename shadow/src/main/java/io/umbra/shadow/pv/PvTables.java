package io.umbra.shadow.pv;

import io.umbra.x86.MachineMemory;

/**
 * The pagetables of one PV domain: all calls by which they change, audited. What a call gives is 0 or a negative {@link Errno}, whatever a guest passes; a call that fails leaves everything as it was, but
 * for {@link Errno#RESTART}. Frames are machine frames throughout. Owners are domain numbers; {@code DOMID_SELF} is the caller's to resolve.
 *
 * <p>One thread at a time. The calls are made by the vCPU that was {@link #schedule scheduled} last. Xen: {@code arch/x86/mm.c}, {@code arch/x86/pv/mm.c}.
 */
public final class PvTables {
    /** No frame: where a base is not set. */
    public static final long NONE = 0;

    private static final long[] NO_FRAMES = {};

    private final PvMachine machine;
    private final MachineMemory memory;
    private final MachineFrames frames;
    private final int domain;
    private final PvHost host;
    private final PvPolicy policy;
    private final PvVcpu[] vcpus;
    private final PerDomainArea area;
    private final ReservedSlots reservedSlots;
    private final DescriptorTables descriptors;
    private final TableWalk walk;
    private final TableRoots roots;
    private final DirectStores stores;
    private final DomainFrames domainFrames;
    private final AbsentGuard absent;
    private final AuditCounts counts = new AuditCounts();
    private PvVcpu current;
    private boolean alive = true;

    /**
     * @param domain its number, not negative and unique in the machine
     * @param vcpus how many, at least 1
     * @throws IllegalStateException when the machine has too few frames for the domain's area
     */
    public PvTables(PvMachine machine, int domain, int vcpus, PvHost host, PvPolicy policy) {
        this.machine = machine;
        this.memory = machine.memory;
        this.frames = machine.frames();
        this.domain = domain;
        this.host = host;
        this.policy = policy;
        this.absent = new AbsentGuard(policy.absent(), host);
        this.vcpus = new PvVcpu[vcpus];
        for (int i = 0; i < vcpus; i++) {
            this.vcpus[i] = new PvVcpu(i, host);
        }
        this.current = this.vcpus[0];
        this.area = new PerDomainArea(machine, vcpus);
        this.reservedSlots = new ReservedSlots(memory, machine.m2p(), area);
        this.walk = new TableWalk(memory, frames);
        this.descriptors = new DescriptorTables(this, area);
        this.roots = new TableRoots(this);
        this.stores = new DirectStores(this);
        this.domainFrames = new DomainFrames(this);
        machine.enroll(this);
    }

    public PvMachine machine() {
        return machine;
    }

    public int domain() {
        return domain;
    }

    /** What the hypervisor's slots of the domain's L4s hold. */
    public ReservedSlots reservedSlots() {
        return reservedSlots;
    }

    /** What the audit has done so far. */
    public AuditCounts counts() {
        return counts;
    }

    AbsentGuard absent() {
        return absent;
    }

    PvHost host() {
        return host;
    }

    PvPolicy policy() {
        return policy;
    }

    DescriptorTables descriptors() {
        return descriptors;
    }

    int vcpus() {
        return vcpus.length;
    }

    PvVcpu vcpu(int number) {
        return vcpus[number];
    }

    TableWalk walk() {
        return walk;
    }

    boolean isAlive() {
        return alive;
    }

    /** The calls that follow are made by this vCPU, which is 0 at first. Xen: {@code current}. */
    public void schedule(int vcpu) {
        current = vcpus[vcpu];
    }

    // ---- memory
    // -----------------------------------------------------------------------------------------------------------------------

    /**
     * Gives the domain a frame, zeroed, and writes the M2P.
     *
     * @return the mfn, or {@link Errno#ENOMEM}
     */
    public long allocate(long pfn) {
        return domainFrames.allocate(pfn);
    }

    /** Takes a frame from the domain. While it is still referred to it stays in use, and is freed with the last reference. */
    public long release(long mfn) {
        return domainFrames.release(mfn);
    }

    /**
     * A new frame of the hypervisor's that the domain may map, such as shared_info or the grant table, zeroed. It can never be a pagetable. Xen: {@code share_xen_page_with_guest}.
     *
     * @return the mfn, or {@link Errno#ENOMEM}
     */
    public long share(boolean writable) {
        return domainFrames.share(writable);
    }

    /** Hands a frame that nobody refers to over to another domain, which sees it at {@code pfn}. Its contents stay, what it was validated as does not. */
    public long transfer(long mfn, PvTables to, long pfn) {
        return domainFrames.transfer(mfn, to, pfn);
    }

    /** Where the M2P has the domain's frame, for log-dirty; or -1 when it is not the domain's or the value is no pfn. The guest chooses the values, so two frames may have one. */
    public long pfnOf(long mfn) {
        long pfn = frames.isOwnedBy(mfn, domain) ? machine.m2p().pfn(mfn) : MachineToPhys.NONE;
        return MachineToPhys.isPfn(pfn) ? pfn : -1;
    }

    /** Keeps the domain's frame writable, and from being a table, until {@link #dropWritable}: for buffers and structures that the hypervisor writes to. */
    public long takeWritable(long mfn) {
        return domainFrames.hold(mfn);
    }

    public void dropWritable(long mfn) {
        domainFrames.unhold(mfn);
    }

    /** {@code MMUEXT_CLEAR_PAGE}. */
    public long clearPage(long mfn) {
        return domainFrames.clear(mfn);
    }

    /** {@code MMUEXT_COPY_PAGE}. */
    public long copyPage(long target, long source) {
        return domainFrames.copy(target, source);
    }

    // ---- entries
    // -----------------------------------------------------------------------------------------------------------------------

    /**
     * One request of {@code mmu_update}: stores an entry of a table of any level, or eight bytes of a frame that is no table.
     *
     * @param ptr machine address of the entry, a multiple of 8
     * @param tableOwner whose table it is
     * @param dataOwner whose frames an L1 entry may map
     */
    public long update(long ptr, long value, UpdateKind kind, int tableOwner, int dataOwner) {
        return begin() ? end(checkedUpdate(ptr, value, kind, tableOwner, dataOwner)) : Errno.RESTART;
    }

    /** {@code MMU_MACHPHYS_UPDATE}: the M2P of a frame of the domain's. */
    public long machphys(long mfn, long pfn) {
        return begin() ? end(domainFrames.setPfn(mfn, pfn)) : Errno.RESTART;
    }

    /** Stores the L1 entry that maps {@code linear} in the vCPU's kernel tables. Flushes nothing: that is the caller's, and only if this succeeds. {@code update_va_mapping}. */
    public long updateVa(long linear, long value) {
        return updateVa(linear, value, domain);
    }

    /** The same, and the frame may be {@code dataOwner}'s. {@code update_va_mapping_otherdomain}. */
    public long updateVa(long linear, long value, int dataOwner) {
        return begin() ? end(checkedUpdateVa(linear, value, dataOwner)) : Errno.RESTART;
    }

    private int checkedUpdateVa(long linear, long value, int dataOwner) {
        long address = walk.leafAddress(current.kernelBase, linear);
        int power = powerOver(dataOwner);
        if (address < 0 || power != Errno.OK) {
            return address < 0 ? Errno.EINVAL : power;
        }
        return frames.isLiveTable(address >>> 12)
                ? heldUpdate(this, address, value, UpdateKind.NORMAL, dataOwner)
                : Errno.EINVAL;
    }

    private int checkedUpdate(long ptr, long value, UpdateKind kind, int tableOwner, int dataOwner) {
        int power = powerOver(tableOwner) != Errno.OK ? powerOver(tableOwner) : powerOver(dataOwner);
        if (power != Errno.OK) {
            return power;
        }
        PvTables target = tableOwner == domain ? this : machine.find(tableOwner);
        long mfn = ptr >>> 12;
        if (target == null || (ptr & 7) != 0 || !frames.isOwnedBy(mfn, tableOwner)) {
            return Errno.EINVAL;
        }
        return frames.isLiveTable(mfn)
                ? heldUpdate(target, ptr, value, kind, dataOwner)
                : plainStore(target, ptr, value);
    }

    private int powerOver(int other) {
        return other == domain || host.isPrivilegedOver(other) ? Errno.OK : Errno.EPERM;
    }

    /** The table stays a table while it is updated, whatever another vCPU may do meanwhile (XSA-219, XSA-242). */
    private int heldUpdate(PvTables target, long maddr, long value, UpdateKind kind, int dataOwner) {
        long table = maddr >>> 12;
        frames.takeSpare(table);
        frames.typeCount(table, frames.typeCount(table) + 1);
        int result = machine.updates.update(target, maddr, value, kind, dataOwner);
        boolean mustFinish = frames.typeCount(table) == 1 && current.hasParked();
        Work before = machine.work(mustFinish ? machine.uninterrupted : current);
        roots.drop(table);
        machine.work(before);
        return result;
    }

    /** Eight bytes of a frame that is no table. Whoever has descriptors in it uses {@link #updateDescriptor}. */
    private int plainStore(PvTables target, long maddr, long value) {
        int result = target.domainFrames.takeWritable(maddr >>> 12);
        if (result == Errno.OK) {
            target.host.markDirty(maddr >>> 12);
            memory.writeLong(maddr, value);
            target.domainFrames.dropWritable(maddr >>> 12);
        }
        return result;
    }

    // ---- the call under way
    // -----------------------------------------------------------------------------------------------------------------------

    /** A call of the vCPU's begins, once what an earlier one left parked is cleaned up. */
    private boolean begin() {
        current.outer = machine.work(current);
        if (cleanUpParked()) {
            return true;
        }
        end(Errno.RESTART);
        return false;
    }

    private int end(int result) {
        cleanUpParked();
        Work outer = current.outer;
        machine.work(outer == null ? machine.uninterrupted : outer);
        current.outer = null;
        return result;
    }

    /** @return whether nothing is parked any more */
    private boolean cleanUpParked() {
        if (!current.hasParked()) {
            return true;
        }
        long mfn = current.parked();
        int result = machine.types.finish(mfn);
        if (result == Errno.OK) {
            current.unpark();
            machine.drop(mfn);
        }
        return result == Errno.OK;
    }

    // ---- whole tables
    // -----------------------------------------------------------------------------------------------------------------------

    /**
     * Validates a table and all below it, and keeps it valid until {@link #unpin}.
     *
     * @param level 1 to 4
     */
    public long pin(int level, long mfn) {
        return begin() ? end(roots.pin(level, mfn)) : Errno.RESTART;
    }

    public long unpin(long mfn) {
        return begin() ? end(roots.unpin(mfn)) : Errno.RESTART;
    }

    /** {@code MMUEXT_NEW_BASEPTR}: validates the L4 and tells the host to load it. */
    public long newBase(long mfn) {
        return begin() ? end(roots.newKernelBase(current, mfn)) : Errno.RESTART;
    }

    /**
     * {@code MMUEXT_NEW_USER_BASEPTR}.
     *
     * @param mfn 0 = none
     */
    public long newUserBase(long mfn) {
        return begin() ? end(roots.newUserBase(current, mfn)) : Errno.RESTART;
    }

    /** The scheduled vCPU's L4 in kernel mode, or {@link #NONE}. */
    public long kernelBase() {
        return current.kernelBase;
    }

    /** The scheduled vCPU's L4 in user mode, or {@link #NONE}. */
    public long userBase() {
        return current.userBase;
    }

    /** Flushes all TLBs of the domain through the host, and remembers that it did. */
    public void flush() {
        machine.flush();
    }

    // ---- direct stores to tables (ptwr)
    // -----------------------------------------------------------------------------------------------------------------------

    /**
     * The machine address that {@code linear} stands for, when the vCPU's kernel tables map it by a present, read-only L1 entry to an L1 table of the domain: then a store there, which faulted, is to be
     * emulated by {@link #storeToTable}.
     *
     * @return or -1
     */
    public long tableByteAt(long linear) {
        return stores.tableByteAt(current.kernelBase, linear);
    }

    /**
     * A store to an L1 table, as if the whole entry were updated. It is never restarted.
     *
     * @param maddr from {@link #tableByteAt}, a multiple of {@code size}
     * @param size 1, 2, 4 or 8
     */
    public long storeToTable(long maddr, int size, long value) {
        return stores.store(maddr, size, value);
    }

    /**
     * The same if the bytes are {@code expected}.
     *
     * @return 0 stored, 1 not equal, or a negative errno
     */
    public long exchangeInTable(long maddr, int size, long expected, long value) {
        return stores.exchange(maddr, size, expected, value);
    }

    // ---- descriptors
    // -----------------------------------------------------------------------------------------------------------------------

    /**
     * The vCPU's GDT: {@code entries} descriptors in {@code frames}, of which the first (entries + 511) / 512 count, each of which must hold harmless descriptors and be writable nowhere.
     *
     * @param entries 0 to 7168
     */
    public long setGdt(long[] frames, int entries) {
        return begin() ? end(descriptors.setGdt(current, frames, entries)) : Errno.RESTART;
    }

    /**
     * The vCPU's LDT. Its frames are audited one by one when they are used: {@link #mapLdtPage}.
     *
     * @param linear a multiple of 4096, if {@code entries} is not 0
     * @param entries 0 to 8192
     */
    public long setLdt(long linear, int entries) {
        return begin() ? end(descriptors.setLdt(current, linear, entries)) : Errno.RESTART;
    }

    /** Where the vCPU's descriptors are for the processor: the base of its GDT, with the hypervisor's own descriptors at 0xe000. The limit is always 0xefff. */
    public long gdtBase() {
        return PerDomainArea.gdtBase(current.number);
    }

    /** Where the vCPU's LDT is for the processor. The limit is 8 × entries − 1. */
    public long ldtBase() {
        return PerDomainArea.ldtBase(current.number);
    }

    /**
     * A page fault in the LDT's place: maps the guest's page there, if it is one of descriptors.
     *
     * @param linear within 64 KiB from {@link #ldtBase}
     * @return false when the guest must get the fault, at the address {@code linear - ldtBase() + base of its LDT}
     */
    public boolean mapLdtPage(long linear) {
        return descriptors.mapLdtPage(current, linear);
    }

    /** What the guest takes the address for: one in its own LDT, if {@code linear} is in the scheduled vCPU's LDT in the hypervisor's area; else {@code linear} itself. */
    public long guestAddress(long linear) {
        long offset = linear - ldtBase();
        return offset >= 0 && offset < 8L * current.ldtEntries ? current.ldtLinear + offset : linear;
    }

    /**
     * {@code update_descriptor}.
     *
     * @param maddr a multiple of 8
     */
    public long updateDescriptor(long maddr, long value) {
        return descriptors.update(maddr, value);
    }

    // ---- the end
    // -----------------------------------------------------------------------------------------------------------------------

    /**
     * Ends the domain, none of whose vCPUs runs any more: every reference is dropped, every frame freed. Frames that other domains map, or that are still {@linkplain #takeWritable held}, live as long as that.
     *
     * @return 0, or {@link Errno#RESTART}
     */
    public long destroy() {
        for (PvVcpu vcpu : vcpus) {
            schedule(vcpu.number);
            if (!begin()) {
                return Errno.RESTART;
            }
            if (end(dropHeldBy(vcpu)) != Errno.OK) {
                return Errno.RESTART;
            }
        }
        if (!begin() || end(dropTables()) != Errno.OK) {
            return Errno.RESTART;
        }
        if (alive) {
            domainFrames.releaseAll();
            area.close();
            alive = false;
        }
        return Errno.OK;
    }

    /** Until something is parked: then it is to be called again. */
    private int dropHeldBy(PvVcpu vcpu) {
        descriptors.forgetLdt(vcpu);
        descriptors.setGdt(vcpu, NO_FRAMES, 0);
        long kernelBase = vcpu.kernelBase;
        vcpu.kernelBase = NONE;
        if (kernelBase != NONE) {
            roots.drop(kernelBase);
        }
        if (!vcpu.hasParked()) {
            roots.newUserBase(vcpu, NONE);
        }
        return vcpu.hasParked() ? Errno.RESTART : Errno.OK;
    }

    /** Pinned and partial ones, until something is parked: then it is to be called again. */
    private int dropTables() {
        for (long mfn = 0; mfn < frames.size() && !current.hasParked(); mfn++) {
            if (frames.isOwnedBy(mfn, domain) && frames.isPinned(mfn)) {
                roots.unpin(mfn);
            } else if (frames.isOwnedBy(mfn, domain) && frames.isPartial(mfn)) {
                frames.takeSpare(mfn);
                current.park(mfn);
                cleanUpParked();
            }
        }
        return current.hasParked() ? Errno.RESTART : Errno.OK;
    }

    /**
     * Checks every numbered rule of the package.
     *
     * @throws io.umbra.x86.InvariantViolation that names the first that does not hold
     */
    public void audit() {
        PvAudit.audit(machine);
    }
}
