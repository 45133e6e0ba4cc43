package io.umbra.vmm.apic;

import io.umbra.vmm.state.StateException;
import io.umbra.vmm.state.StateReader;
import io.umbra.vmm.state.StateWriter;

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

    void save(StateWriter out) {
        out.word(gathered);
        out.word(readable);
        out.flag(armed);
    }

    void restore(StateReader in) throws StateException {
        gathered = in.bits(0xFF);
        readable = in.bits(0xFF);
        armed = in.flag();
    }
}
