package io.umbra.vmm;

import io.umbra.processor.TlbCounts;
import java.util.EnumMap;
import java.util.Map;

/** The processor's side of a domain's counts at one moment, by {@link ProcessorCounter}. */
public record ProcessorCounts(Map<ProcessorCounter, Long> values) {
    public ProcessorCounts {
        values = Map.copyOf(values);
    }

    public static ProcessorCounts of(TlbCounts tlb, ExitCounts exits) {
        Map<ProcessorCounter, Long> values = new EnumMap<>(ProcessorCounter.class);
        for (ProcessorCounter counter : ProcessorCounter.values()) {
            values.put(
                    counter,
                    exits.get(counter)
                            + switch (counter) {
                                case TLB_MISS -> tlb.misses();
                                case TLB_RECHECK -> tlb.rechecks();
                                case WALK_REFUSED -> tlb.refusals();
                                case WALK_REFERENCE -> tlb.references();
                                case TLB_FLUSH -> tlb.flushes();
                                case EXIT_CONTROL_REGISTER,
                                        EXIT_INVALIDATE,
                                        EXIT_PORT,
                                        EXIT_CPUID,
                                        EXIT_MSR,
                                        EXIT_TIME,
                                        EXIT_HALT,
                                        EXIT_HYPERCALL,
                                        EXIT_EXCEPTION,
                                        EXIT_INTERRUPT -> 0;
                            });
        }
        return new ProcessorCounts(values);
    }

    public long get(ProcessorCounter counter) {
        return values.getOrDefault(counter, 0L);
    }
}
