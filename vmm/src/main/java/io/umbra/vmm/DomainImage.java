package io.umbra.vmm;

import io.umbra.shadow.Counter;
import io.umbra.shadow.Counters;
import io.umbra.x86.StateImage;

/** What a domain holds besides memory and devices, as words: its processor, its time, and what was counted. */
final class DomainImage {
    private static final Counter[] COUNTERS = Counter.values();
    private static final ProcessorCounter[] EXITS = ProcessorCounter.values();

    static void add(Domain domain, StateImage image) {
        domain.processor().describe(image);
        image.add("nanoseconds halted", domain.skipped());
        Counters counters = domain.counters();
        for (Counter counter : COUNTERS) {
            image.add(counter.label(), counters.get(counter));
        }
        ExitCounts exits = domain.exits();
        for (ProcessorCounter exit : EXITS) {
            image.add(exit.label(), exits.get(exit));
        }
    }

    private DomainImage() {}
}
