package io.umbra.vmm.pv;

import io.umbra.vmm.GuestEnd;
import org.jspecify.annotations.Nullable;

/** Whether and how the guest has asked for its end. */
final class PvEnd {
    private @Nullable GuestEnd reason;

    /** The first reason counts. */
    void is(GuestEnd how) {
        if (reason == null) {
            reason = how;
        }
    }

    @Nullable
    GuestEnd reason() {
        return reason;
    }
}
