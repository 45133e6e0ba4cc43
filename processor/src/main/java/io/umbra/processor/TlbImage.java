package io.umbra.processor;

import io.umbra.x86.StateImage;

/** What a TLB holds, as words: for each cached translation its linear page, its machine address and its rights. What a flush made stale is not among them. */
final class TlbImage {
    private static final int READ = 1;
    private static final int WRITE = 2;

    /** Names are the TLB's own, so that an image need not make them each time. */
    private enum Names {
        USER("user TLB"),
        SUPERVISOR("supervisor TLB"),
        SUPERVISOR_WITH_AC("supervisor TLB with AC"),
        USER_CODE("user code TLB"),
        SUPERVISOR_CODE("supervisor code TLB");

        final String page;
        final String machineAddress;
        final String rights;

        Names(String tlb) {
            page = tlb + " page";
            machineAddress = tlb + " machine address";
            rights = tlb + " rights";
        }

        TlbView into(StateImage image, long machine) {
            return (slot, linear, place, read, write) -> {
                image.add(page, slot, linear);
                image.add(machineAddress, slot, place - machine);
                image.add(rights, slot, (read ? READ : 0) | (write ? WRITE : 0));
            };
        }
    }

    static void add(Cpu cpu, StateImage image) {
        MemoryUnit memory = cpu.memory;
        long machine = memory.machine().base();
        long generation = cpu.generation;
        memory.userBank().each(generation, Names.USER.into(image, machine));
        memory.supervisorBank(false).each(generation, Names.SUPERVISOR.into(image, machine));
        memory.supervisorBank(true).each(generation, Names.SUPERVISOR_WITH_AC.into(image, machine));
        memory.codeTlb(3).each(generation, Names.USER_CODE.into(image, machine));
        memory.codeTlb(0).each(generation, Names.SUPERVISOR_CODE.into(image, machine));
        image.add("TLB generation", generation);
        image.add("largest page in the TLB", memory.largestCached());
        TlbCounts counts = memory.counts();
        image.add("TLB misses", counts.misses());
        image.add("TLB rechecks", counts.rechecks());
        image.add("walks refused", counts.refusals());
        image.add("walk references", counts.references());
        image.add("TLB flushes", counts.flushes());
    }

    private TlbImage() {}
}
