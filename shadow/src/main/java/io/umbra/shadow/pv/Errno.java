package io.umbra.shadow.pv;

/** What a call answers a guest: 0, or one of these, as Xen numbers them ({@code public/errno.h}). They are negative. */
public final class Errno {
    public static final int OK = 0;
    /** The caller has no power over the domain, the frame or the port. */
    public static final int EPERM = -1;
    /** There is no such domain. */
    public static final int ESRCH = -3;
    /** Nothing changed, for another has the frame; the call may be made again. Never leaves {@link PvTables}: the guest's hypercall is restarted. */
    public static final int INTERRUPTED = -4;

    public static final int ENOMEM = -12;
    public static final int EACCES = -13;
    /** The data frame has another type or owner. */
    public static final int EBUSY = -16;

    public static final int EINVAL = -22;
    public static final int ENOSYS = -38;
    /**
     * The call was preempted: what has been done is kept. It must be made again with the same arguments, after events have been delivered: the guest's RIP stays on the hypercall.
     */
    public static final int RESTART = -85;

    public static final int EOPNOTSUPP = -95;

    private Errno() {}
}
