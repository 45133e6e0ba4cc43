package io.umbra.vmm.xen;

/** What the two kinds of domain do each in its own way when a hypercall asks for it. */
public interface XenDomain {
    /** As a guest names itself. */
    int DOMID_SELF = 0x7FF0;

    /** The domain's number. */
    int number();

    /** Whether the number stands for the calling domain. */
    default boolean isSelf(long domain) {
        int low = (int) domain & 0xFFFF;
        return low == DOMID_SELF || low == number();
    }

    /** The guest has asked for its end. */
    void shutDown(Shutdown reason);

    /** The guest has taken its only vCPU down. */
    void downed();

    /**
     * Moves the vCPU's {@link VcpuInfo} into a frame of the guest's.
     *
     * @param frame as the guest names it
     * @param offset it fits into the frame
     * @return 0 or an {@link io.umbra.shadow.pv.Errno}
     */
    long moveInfo(long frame, int offset);

    /** The guest sends its vCPU an NMI. */
    void sendNmi();
}
