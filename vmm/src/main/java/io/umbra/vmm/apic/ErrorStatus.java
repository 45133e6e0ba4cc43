package io.umbra.vmm.apic;

/**
 * The error status register. Errors gather unseen; a write makes those gathered since the last write readable, and permits the error interrupt again.
 */
final class ErrorStatus {
    static final int SENT_ILLEGAL_VECTOR = 1 << 5;
    static final int RECEIVED_ILLEGAL_VECTOR = 1 << 6;
    static final int ILLEGAL_REGISTER = 1 << 7;

    private int gathered;
    private int readable;
    private boolean armed = true;

    int readable() {
        return readable;
    }

    void latch() {
        readable = gathered;
        gathered = 0;
        armed = true;
    }

    void gather(int error) {
        gathered |= error;
    }

    /** Whether an error may interrupt: the first one after a write does. */
    boolean takeInterrupt() {
        boolean first = armed;
        armed = false;
        return first;
    }

    void reset() {
        gathered = 0;
        readable = 0;
        armed = true;
    }
}
