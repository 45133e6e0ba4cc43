package io.umbra.vmm;

import io.umbra.vmm.xen.Shutdown;

/** How a run ended. */
public sealed interface GuestEnd {

    /** The guest took down its only vCPU. */
    GuestEnd VCPU_DOWN = new Crashed("the guest took its only vCPU down");

    /** What a guest asks for by Xen's interface. */
    static GuestEnd of(Shutdown reason) {
        return switch (reason) {
            case POWER_OFF -> new PoweredOff("the guest powered off");
            case REBOOT -> new Reset("the guest asked for a reboot");
            case SUSPEND -> new Crashed("the guest suspended itself, and nothing resumes it");
            case CRASH -> new Crashed("the guest's kernel crashed");
            case WATCHDOG -> new Crashed("the guest's watchdog expired");
            case SOFT_RESET -> new Reset("the guest asked for a soft reset");
        };
    }

    /** One line that says what happened. */
    String message();

    /** The guest ended well: it powered off. */
    record PoweredOff(String message) implements GuestEnd {}

    /** The guest wrote to the debug exit. */
    record DebugExit(int value) implements GuestEnd {
        @Override
        public String message() {
            return "the guest left through its debug exit with value " + value;
        }
    }

    /** The guest reset its machine, or its processor shut down. */
    record Reset(String message) implements GuestEnd {}

    /** The domain could not go on; the guest's doing. */
    record Crashed(String message) implements GuestEnd {}

    /** {@code --limit} or {@code --timeout}. */
    record LimitReached(String message) implements GuestEnd {}

    /** The user asked for it. */
    record Stopped(String message) implements GuestEnd {}
}
