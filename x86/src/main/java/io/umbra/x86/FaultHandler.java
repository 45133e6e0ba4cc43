package io.umbra.x86;

/**
 * Called by the processor in the middle of an instruction that has committed nothing yet, when a translation is absent or too weak, or when only the hypervisor knows what it reads.
 * The handler may change tables and use {@link Tlb}; it must not change the guest's registers.
 */
public interface FaultHandler {
    /**
     * @param code of the hardware walk; see {@link Exit.PageFault}
     * @return true when the walk should be made again; false makes {@link Processor#run} return with {@link Exit.PageFault}
     */
    boolean pageFault(long linear, int code);

    /** @return true when the walk should be made again; false makes {@link Processor#run} return with {@link Exit.NestedFault} */
    boolean nestedFault(long guestPhysical, int access, long linear);

    /**
     * An instruction loads the PDPTE registers of PAE paging while the hypervisor's own tables are walked, so that only the hypervisor can read what the guest's CR3 points to.
     *
     * @param cr3 the value that the instruction loads or has loaded
     * @param target receives the four entries, only when all of them are good; those in memory that is not there read as zero
     * @return false when a present one has a reserved bit set: the instruction raises #GP(0)
     */
    boolean readPdptes(long cr3, long[] target);

    /**
     * A task switch has loaded the guest's CR3 (and its PDPTE registers) and will now read the new task's segments, so that no {@link Exit.ControlRegister} can tell of it in
     * time. Called where that exit is intercepted. As it stands it suits tables that do not depend on the guest's CR3.
     *
     * @param old the value before
     */
    default void taskRootLoaded(long old) {}

    /**
     * IN, where the guest may read the port. Called where the instruction would leave the guest.
     *
     * @param size 1, 2 or 4 bytes
     * @param retired instructions before this one
     * @return the value, zero-extended; -1 makes {@link Processor#run} return with {@link Exit.PortRead}
     */
    default long portRead(int port, int size, long retired) {
        return -1;
    }

    /** Nothing is fixed in place: every fault leaves {@link Processor#run}. */
    FaultHandler NONE = new FaultHandler() {
        @Override
        public boolean pageFault(long linear, int code) {
            return false;
        }

        @Override
        public boolean nestedFault(long guestPhysical, int access, long linear) {
            return false;
        }

        @Override
        public boolean readPdptes(long cr3, long[] target) {
            return true;
        }
    };
}
