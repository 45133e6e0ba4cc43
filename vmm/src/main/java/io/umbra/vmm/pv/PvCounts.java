package io.umbra.vmm.pv;

import io.umbra.x86.Vector;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.TreeMap;

/** What a PV guest asked of the hypervisor, and what it got. Names are for the report. */
public final class PvCounts {
    private final Map<String, Long> hypercalls = new TreeMap<>();
    private final Map<String, Long> privileged = new TreeMap<>();
    private final long[] traps = new long[TrapTable.ENTRIES];
    private long tableStores;
    private long upcalls;
    private long systemCalls;
    private long eventsRaised;

    PvCounts() {}

    void hypercall(String name) {
        hypercalls.merge(name, 1L, Long::sum);
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
