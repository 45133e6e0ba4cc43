package io.umbra.x86;

/**
 * Called by the processor in the middle of an instruction that has committed nothing yet, when a translation is absent or too weak.
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
    };
}
