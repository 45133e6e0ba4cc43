package io.umbra.x86;

/**
 * What leaves guest mode, as the intercept vectors of a VMCB. Port accesses, CPUID, foreign MSRs, HLT and hypercalls always do.
 *
 * @param exceptions a bit for each vector
 * @param controlRegisterWrites a bit for each of CR0, CR3, CR4 and CR8, {@link #EFER} and {@link #TIME_STAMP_COUNTER}
 * @param invalidatePage whether INVLPG and INVPCID are told; the processor drops the translations from its TLB in any case
 * @param timeStamp whether RDTSC and RDTSCP are
 * @param systemEntries whether SYSCALL and the software interrupts are, as where the hypervisor's own IDT and LSTAR are in force
 */
public record Intercepts(
        int exceptions, int controlRegisterWrites, boolean invalidatePage, boolean timeStamp, boolean systemEntries) {
    /** In {@link #controlRegisterWrites()}: writes to EFER. */
    public static final int EFER = 1 << 31;

    /** In {@link #controlRegisterWrites()}: writes to the time-stamp counter's MSR. */
    public static final int TIME_STAMP_COUNTER = 1 << 30;

    /** In {@link #controlRegisterWrites()}: writes to CR8. */
    public static final int TASK_PRIORITY = 1 << 8;

    /** The guest is deprivileged: whatever would enter the hypervisor through its IDT or LSTAR leaves guest mode. */
    public static final Intercepts DEPRIVILEGED = new Intercepts(-1, 0, false, false, true);

    /** Paging is virtualised with shadows: page faults, every paging register, INVLPG. */
    public static final Intercepts SHADOW =
            new Intercepts(1 << Vector.PAGE_FAULT, 1 << 0 | 1 << 3 | 1 << 4 | EFER, true, false);

    /** The processor walks the guest's tables itself. */
    public static final Intercepts NESTED = new Intercepts(0, 0, false, false);

    /** System entries go through the guest's own tables. */
    public Intercepts(int exceptions, int controlRegisterWrites, boolean invalidatePage, boolean timeStamp) {
        this(exceptions, controlRegisterWrites, invalidatePage, timeStamp, false);
    }

    /** The same, with RDTSC and RDTSCP told or not. */
    public Intercepts withTimeStamp(boolean told) {
        return new Intercepts(exceptions, controlRegisterWrites, invalidatePage, told, systemEntries);
    }

    /** The same, with further bits of {@link #controlRegisterWrites()}. */
    public Intercepts withWrites(int registers) {
        return new Intercepts(exceptions, controlRegisterWrites | registers, invalidatePage, timeStamp, systemEntries);
    }

    public boolean exception(int vector) {
        return (exceptions >>> vector & 1) != 0;
    }

    public boolean controlRegister(int number) {
        return (controlRegisterWrites >>> number & 1) != 0;
    }
}
