package io.umbra.shadow.pv;

/** What is known of each frame of a machine: whose it is, how many refer to it, and as what. Xen: {@code struct page_info}. */
public final class MachineFrames {
    /** Owner of a frame that no domain has. */
    public static final int NOBODY = -1;
    /** Owner of what the hypervisor keeps for itself: no domain can map it. */
    public static final int HYPERVISOR = -2;

    MachineFrames(long frames) {}

    /** A domain's number, {@link #NOBODY} or {@link #HYPERVISOR}. */
    public int owner(long mfn) {
        return 0;
    }

    public FrameType type(long mfn) {
        return FrameType.NONE;
    }

    /** References of the frame's type. */
    public int typeCount(long mfn) {
        return 0;
    }

    /** References of any kind: it is not freed before there is none. */
    public int count(long mfn) {
        return 0;
    }

    public boolean isValidated(long mfn) {
        return false;
    }

    public boolean isPinned(long mfn) {
        return false;
    }

    /** Validation or its undoing was interrupted. */
    public boolean isPartial(long mfn) {
        return false;
    }
}
