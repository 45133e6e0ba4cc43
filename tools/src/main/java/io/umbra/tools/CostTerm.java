package io.umbra.tools;

import io.umbra.shadow.Counter;
import io.umbra.vmm.ProcessorCounter;
import java.util.Arrays;
import java.util.Locale;
import java.util.Optional;

/**
 * The table of the cost model: one row for each thing that costs cycles on hardware, with what is counted and the default of its constant. Where each constant comes
 * from is in {@code docs/cost-model.md}.
 */
enum CostTerm {
    REFERENCE(Share.WALKS, 12, "the processor reads an entry of a pagetable, in a page walk after a TLB miss"),
    EXIT(
            Share.EXITS,
            1000,
            "the guest is left for the hypervisor and entered again because of memory: page faults, CR0, CR3, CR4, EFER,"
                    + " INVLPG"),
    OTHER_EXIT(
            Share.OTHER_EXITS,
            0,
            "the guest is left for another reason: ports, CPUID, interrupts, HLT; 0 because paging has no part in it"),
    EMULATE(Share.EMULATION, 1500, "the hypervisor emulates an instruction"),
    GUEST_WALK(Share.SHADOWS, 48, "the hypervisor walks the guest's tables, without the P2M look-ups"),
    P2M(Share.SHADOWS, 48, "the hypervisor looks a frame up in the P2M"),
    HASH(Share.SHADOWS, 24, "the hypervisor looks a shadow up by frame and type"),
    FILL(Share.SHADOWS, 300, "the hypervisor fills shadows after a fault"),
    PAGE(Share.SHADOWS, 300, "the hypervisor makes a shadow page"),
    SCAN(
            Share.SHADOWS,
            512,
            "a search by brute force looks through a shadow page; each search through as many as there are at peak"),
    PV_EXIT(
            Share.EXITS,
            300,
            "a PV guest is left for the hypervisor because of memory, and entered again: page faults and hypercalls of"
                    + " pagetables; no exit of a processor with virtualisation, but a trap"),
    AUDIT(Share.AUDITS, 300, "the hypervisor audits an entry that a PV guest asks for or stores"),
    VALIDATE(Share.AUDITS, 512, "the hypervisor validates a frame as a table of a PV guest");

    /** The columns that terms are summed up in. */
    enum Share {
        WALKS,
        EXITS,
        OTHER_EXITS,
        EMULATION,
        SHADOWS,
        AUDITS
    }

    private final Share share;
    private final double cycles;
    private final String description;

    CostTerm(Share share, double cycles, String description) {
        this.share = share;
        this.cycles = cycles;
        this.description = description;
    }

    /** As on the command line: {@code guest-walk}. */
    String label() {
        return name().toLowerCase(Locale.ROOT).replace('_', '-');
    }

    Share share() {
        return share;
    }

    /** Cycles each time, unless the user says otherwise. */
    double defaultCycles() {
        return cycles;
    }

    /** What costs so many cycles, in words. */
    String description() {
        return description;
    }

    /** How often it happened in {@code run}. */
    long quantity(RunResult run) {
        PvResult pv = run.pv();
        return switch (this) {
            case REFERENCE -> run.get(ProcessorCounter.WALK_REFERENCE);
            case EXIT -> pv == null ? run.memoryExits() : 0;
            case PV_EXIT -> pv == null ? 0 : run.memoryExits();
            case AUDIT -> pv == null ? 0 : pv.get(PvTotal.ENTRIES_AUDITED);
            case VALIDATE -> pv == null ? 0 : pv.get(PvTotal.TABLES_VALIDATED);
            case OTHER_EXIT -> run.exits() - run.memoryExits();
            case EMULATE -> run.get(Counter.EMULATE) + run.get(Counter.EMULATE_OTHER) + run.get(Counter.MMIO);
            case GUEST_WALK -> run.get(Counter.GUEST_WALK);
            case P2M -> run.get(Counter.P2M_LOOKUP);
            case HASH -> run.get(Counter.HASH_LOOKUP);
            case FILL -> run.get(Counter.FIXUP);
            case PAGE -> run.get(Counter.SHADOW_ALLOC);
            case SCAN -> run.get(Counter.WRMAP_BF) * run.get(Counter.SHADOW_PAGES_PEAK);
        };
    }

    static Optional<CostTerm> of(String label) {
        return Arrays.stream(values())
                .filter(term -> term.label().equals(label))
                .findFirst();
    }
}
