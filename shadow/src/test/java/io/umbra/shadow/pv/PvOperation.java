package io.umbra.shadow.pv;

/**
 * One thing that a PV guest does, well-meaning or hostile. Frames are places in {@link PvGuest}'s pool; what the fields mean depends on the kind.
 *
 * @param patience entries until the call is preempted, and then at every entry; negative = never
 */
record PvOperation(Kind kind, int vcpu, int frame, int slot, int target, long flags, int patience) {
    enum Kind {
        UPDATE,
        UPDATE_VA,
        HARDWARE_READ,
        HARDWARE_WRITE,
        DIRECT_STORE,
        DIRECT_EXCHANGE,
        PIN,
        UNPIN,
        NEW_BASE,
        NEW_USER_BASE,
        SET_GDT,
        SET_LDT,
        USE_LDT,
        UPDATE_DESCRIPTOR,
        CLEAR,
        COPY,
        RELEASE,
        HOLD,
        UNHOLD,
        MACHPHYS,
        TRANSFER,
        FLUSH
    }

    @Override
    public String toString() {
        return "%s vcpu %d frame %d slot %d target %d flags 0x%x patience %d"
                .formatted(kind, vcpu, frame, slot, target, flags, patience);
    }
}
