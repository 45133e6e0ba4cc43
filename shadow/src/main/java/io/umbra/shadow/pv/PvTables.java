package io.umbra.shadow.pv;

/**
 * The pagetables of one PV domain: all calls by which they change, audited. What a call gives is 0 or a negative {@link Errno}, whatever a guest passes; a call that fails leaves everything as it was, but
 * for {@link Errno#RESTART}. Frames are machine frames throughout. Owners are domain numbers; {@code DOMID_SELF} is the caller's to resolve.
 *
 * <p>One thread at a time. The calls are made by the vCPU that was {@link #schedule scheduled} last. Xen: {@code arch/x86/mm.c}, {@code arch/x86/pv/mm.c}.
 */
public final class PvTables {
    /** No frame: where a base is not set. */
    public static final long NONE = 0;

    private final PvMachine machine;
    private final int domain;

    /**
     * @param domain its number, not negative and unique in the machine
     * @param vcpus how many, at least 1
     * @throws IllegalStateException when the machine has too few frames for the domain's area
     */
    public PvTables(PvMachine machine, int domain, int vcpus, PvHost host, PvPolicy policy) {
        this.machine = machine;
        this.domain = domain;
    }

    public PvMachine machine() {
        return machine;
    }

    public int domain() {
        return domain;
    }

    /** The calls that follow are made by this vCPU, which is 0 at first. Xen: {@code current}. */
    public void schedule(int vcpu) {}

    // ---- memory
    // -----------------------------------------------------------------------------------------------------------------------

    /**
     * Gives the domain a frame, zeroed, and writes the M2P.
     *
     * @return the mfn, or {@link Errno#ENOMEM}
     */
    public long allocate(long pfn) {
        return Errno.ENOSYS;
    }

    /** Takes a frame from the domain. While it is still referred to it stays in use, and is freed with the last reference. */
    public long release(long mfn) {
        return Errno.ENOSYS;
    }

    /**
     * A new frame of the hypervisor's that the domain may map, such as shared_info or the grant table, zeroed. It can never be a pagetable. Xen: {@code share_xen_page_with_guest}.
     *
     * @return the mfn, or {@link Errno#ENOMEM}
     */
    public long share(boolean writable) {
        return Errno.ENOSYS;
    }

    /** Hands a frame that nobody refers to over to another domain, which sees it at {@code pfn}. Its contents stay, what it was validated as does not. */
    public long transfer(long mfn, PvTables to, long pfn) {
        return Errno.ENOSYS;
    }

    /** Where the M2P has the domain's frame, for log-dirty; or -1 when it is not the domain's or the value is no pfn. The guest chooses the values, so two frames may have one. */
    public long pfnOf(long mfn) {
        return Errno.ENOSYS;
    }

    /** Keeps the domain's frame writable, and from being a table, until {@link #dropWritable}: for buffers and structures that the hypervisor writes to. */
    public long takeWritable(long mfn) {
        return Errno.ENOSYS;
    }

    public void dropWritable(long mfn) {}

    /** {@code MMUEXT_CLEAR_PAGE}. */
    public long clearPage(long mfn) {
        return Errno.ENOSYS;
    }

    /** {@code MMUEXT_COPY_PAGE}. */
    public long copyPage(long target, long source) {
        return Errno.ENOSYS;
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
        return Errno.ENOSYS;
    }

    /** {@code MMU_MACHPHYS_UPDATE}: the M2P of a frame of the domain's. */
    public long machphys(long mfn, long pfn) {
        return Errno.ENOSYS;
    }

    /** Stores the L1 entry that maps {@code linear} in the vCPU's kernel tables. Flushes nothing: that is the caller's, and only if this succeeds. {@code update_va_mapping}. */
    public long updateVa(long linear, long value) {
        return updateVa(linear, value, domain);
    }

    /** The same, and the frame may be {@code dataOwner}'s. {@code update_va_mapping_otherdomain}. */
    public long updateVa(long linear, long value, int dataOwner) {
        return Errno.ENOSYS;
    }

    // ---- whole tables
    // -----------------------------------------------------------------------------------------------------------------------

    /**
     * Validates a table and all below it, and keeps it valid until {@link #unpin}.
     *
     * @param level 1 to 4
     */
    public long pin(int level, long mfn) {
        return Errno.ENOSYS;
    }

    public long unpin(long mfn) {
        return Errno.ENOSYS;
    }

    /** {@code MMUEXT_NEW_BASEPTR}: validates the L4 and tells the host to load it. */
    public long newBase(long mfn) {
        return Errno.ENOSYS;
    }

    /**
     * {@code MMUEXT_NEW_USER_BASEPTR}.
     *
     * @param mfn 0 = none
     */
    public long newUserBase(long mfn) {
        return Errno.ENOSYS;
    }

    /** The scheduled vCPU's L4 in kernel mode, or {@link #NONE}. */
    public long kernelBase() {
        return Errno.ENOSYS;
    }

    /** The scheduled vCPU's L4 in user mode, or {@link #NONE}. */
    public long userBase() {
        return Errno.ENOSYS;
    }

    /** Flushes all TLBs of the domain through the host, and remembers that it did. */
    public void flush() {}

    // ---- direct stores to tables (ptwr)
    // -----------------------------------------------------------------------------------------------------------------------

    /**
     * The machine address that {@code linear} stands for, when the vCPU's kernel tables map it by a present, read-only L1 entry to an L1 table of the domain: then a store there, which faulted, is to be
     * emulated by {@link #storeToTable}.
     *
     * @return or -1
     */
    public long tableByteAt(long linear) {
        return Errno.ENOSYS;
    }

    /**
     * A store to an L1 table, as if the whole entry were updated.
     *
     * @param maddr from {@link #tableByteAt}, a multiple of {@code size}
     * @param size 1, 2, 4 or 8
     */
    public long storeToTable(long maddr, int size, long value) {
        return Errno.ENOSYS;
    }

    /**
     * The same if the bytes are {@code expected}.
     *
     * @return 0 stored, 1 not equal, or a negative errno
     */
    public long exchangeInTable(long maddr, int size, long expected, long value) {
        return Errno.ENOSYS;
    }

    // ---- descriptors
    // -----------------------------------------------------------------------------------------------------------------------

    /**
     * The vCPU's GDT: {@code entries} descriptors in {@code frames}, of which the first (entries + 511) / 512 count, each of which must hold harmless descriptors and be writable nowhere.
     *
     * @param entries 0 to 7168
     */
    public long setGdt(long[] frames, int entries) {
        return Errno.ENOSYS;
    }

    /**
     * The vCPU's LDT. Its frames are audited one by one when they are used: {@link #mapLdtPage}.
     *
     * @param linear a multiple of 4096, if {@code entries} is not 0
     * @param entries 0 to 8192
     */
    public long setLdt(long linear, int entries) {
        return Errno.ENOSYS;
    }

    /** Where the vCPU's descriptors are for the processor: the base of its GDT, with the hypervisor's own descriptors at 0xe000. The limit is always 0xefff. */
    public long gdtBase() {
        return Errno.ENOSYS;
    }

    /** Where the vCPU's LDT is for the processor. The limit is 8 × entries − 1. */
    public long ldtBase() {
        return Errno.ENOSYS;
    }

    /**
     * A page fault in the LDT's place: maps the guest's page there, if it is one of descriptors.
     *
     * @param linear within 64 KiB from {@link #ldtBase}
     * @return false when the guest must get the fault, at the address {@code linear - ldtBase() + base of its LDT}
     */
    public boolean mapLdtPage(long linear) {
        return false;
    }

    /**
     * {@code update_descriptor}.
     *
     * @param maddr a multiple of 8
     */
    public long updateDescriptor(long maddr, long value) {
        return Errno.ENOSYS;
    }

    // ---- the end
    // -----------------------------------------------------------------------------------------------------------------------

    /**
     * Ends the domain: every reference is dropped, every frame freed.
     *
     * @return 0, or {@link Errno#RESTART}
     */
    public long destroy() {
        return Errno.ENOSYS;
    }

    /**
     * Checks every numbered rule of the package.
     *
     * @throws io.umbra.x86.InvariantViolation that names the first that does not hold
     */
    public void audit() {}
}
