package io.umbra.vmm.pv;

import io.umbra.x86.Vector;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;

/** What a PV guest asked of the hypervisor, and what it got. Names are for the report. */
public final class PvCounts {
    /** What {@link #latest} says while a direct store is emulated. */
    public static final String DIRECT_STORE = "a direct store";

    private static final Set<String> OF_MEMORY =
            Set.of("mmu_update", "update_va_mapping", "update_va_mapping_otherdomain", "mmuext_op");

    private final Map<String, Long> hypercalls = new TreeMap<>();
    private final Map<String, Long> privileged = new TreeMap<>();
    private final long[] traps = new long[TrapTable.ENTRIES];
    private long tableStores;
    private long upcalls;
    private long systemCalls;
    private long eventsRaised;
    private long callsForMemory;
    private long exitsForMemory;
    private String latest = "the domain's start";

    PvCounts() {}

    void hypercall(String name) {
        hypercalls.merge(name, 1L, Long::sum);
        callsForMemory += OF_MEMORY.contains(name) ? 1 : 0;
        latest = name;
    }

    /**
     * A hypercall has been served, and all those in it.
     *
     * @param before {@link #callsForMemory} until then
     */
    void served(long before) {
        exitsForMemory += callsForMemory != before ? 1 : 0;
    }

    long callsForMemory() {
        return callsForMemory;
    }

    void storing() {
        latest = DIRECT_STORE;
    }

    /** The hypercall or emulated store under way, or the last one. */
    String latest() {
        return latest;
    }

    void privileged(String name) {
        privileged.merge(name, 1L, Long::sum);
    }

    void trap(int vector) {
        traps[vector]++;
    }

    void tableStore() {
        tableStores++;
    }

    void upcall() {
        upcalls++;
    }

    void systemCall() {
        systemCalls++;
    }

    void eventsRaised(long count) {
        eventsRaised = count;
    }

    /** By name, in alphabetic order; those with subcommands by both: {@code mmuext_op pin L4}. */
    public Map<String, Long> hypercalls() {
        return new LinkedHashMap<>(hypercalls);
    }

    /** Privileged instructions that were emulated, by what they did. */
    public Map<String, Long> privileged() {
        return new LinkedHashMap<>(privileged);
    }

    /** Exceptions that went to the guest's handlers, by name, in the order of their vectors. */
    public Map<String, Long> traps() {
        Map<String, Long> named = new LinkedHashMap<>();
        for (int vector = 0; vector < traps.length; vector++) {
            if (traps[vector] != 0) {
                named.put(Vector.name(vector), traps[vector]);
            }
        }
        return named;
    }

    /** Direct stores to pagetables that were trapped, audited and made. */
    public long tableStores() {
        return tableStores;
    }

    /** Times the guest was left for hypercalls of pagetables: a multicall of many is one. */
    public long exitsForMemory() {
        return exitsForMemory;
    }

    /** Entries of the event callback. */
    public long upcalls() {
        return upcalls;
    }

    /** System calls of user mode that were handed to the kernel. */
    public long systemCalls() {
        return systemCalls;
    }

    /** Event channels that became pending. */
    public long eventsRaised() {
        return eventsRaised;
    }
}
