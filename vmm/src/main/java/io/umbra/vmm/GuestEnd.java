package io.umbra.vmm;

/** How a run ended. */
public sealed interface GuestEnd {

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
