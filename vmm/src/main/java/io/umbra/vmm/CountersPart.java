package io.umbra.vmm;

import io.umbra.shadow.Counter;
import io.umbra.shadow.Counters;
import io.umbra.vmm.state.Persistent;
import io.umbra.vmm.state.StateException;
import io.umbra.vmm.state.StateReader;
import io.umbra.vmm.state.StateWriter;

/**
 * What was counted, as a saved part, by label: a guest that asks for the counters must not see them fall, and the report at the end is on all of the run. What says how much there is now, rather
 * than how often something happened, stays behind. Labels that are not known are passed over.
 */
final class CountersPart implements Persistent {
    private static final String VERIFIED = "verified";

    private final Counters counters;
    private final ExitCounts exits;
    private final Domain domain;

    CountersPart(Domain domain, Counters counters, ExitCounts exits) {
        this.domain = domain;
        this.counters = counters;
        this.exits = exits;
    }

    @Override
    public String stateName() {
        return "counters";
    }

    @Override
    public void save(StateWriter out) {
        for (Counter counter : Counter.values()) {
            if (!counter.isLevel()) {
                out.text(counter.label());
                out.quad(counters.get(counter));
            }
        }
        ProcessorCounts processor = domain.processorCounts();
        for (ProcessorCounter counter : ProcessorCounter.values()) {
            out.text(counter.label());
            out.quad(processor.get(counter));
        }
        out.text(VERIFIED);
        out.quad(domain.verified());
    }

    @Override
    public void restore(StateReader in) throws StateException {
        while (in.hasMore()) {
            String label = in.text();
            long value = in.moment();
            if (label.equals(VERIFIED)) {
                domain.carryVerified(value);
            }
            for (Counter counter : Counter.values()) {
                if (!counter.isLevel() && counter.label().equals(label)) {
                    counters.carry(counter, value);
                }
            }
            for (ProcessorCounter counter : ProcessorCounter.values()) {
                if (counter.label().equals(label)) {
                    exits.carry(counter, value);
                }
            }
        }
    }
}
