package io.umbra.vmm;

import io.umbra.vmm.state.Persistent;
import io.umbra.vmm.state.StateException;
import io.umbra.vmm.state.StateReader;
import io.umbra.vmm.state.StateWriter;

/** What was typed and has not reached the serial port, as a saved part. It stays behind where the domain that is made has the same input. */
final class ConsolePart implements Persistent {
    private final ConsoleInput input;
    private final boolean staysBehind;

    ConsolePart(ConsoleInput input, boolean staysBehind) {
        this.input = input;
        this.staysBehind = staysBehind;
    }

    @Override
    public String stateName() {
        return "console-input";
    }

    @Override
    public void save(StateWriter out) {
        out.bytes(staysBehind ? new byte[0] : input.waiting());
    }

    @Override
    public void restore(StateReader in) throws StateException {
        input.typedBefore(in.bytes());
    }
}
