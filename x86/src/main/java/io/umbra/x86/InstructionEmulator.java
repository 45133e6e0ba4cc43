package io.umbra.x86;

/** Executes a single guest instruction by the same definition as the processor, but against a {@link LinearMemory}. */
public interface InstructionEmulator {
    /**
     * Executes the instruction at the guest's RIP, or one iteration of it when it has a REP prefix. It counts as retired when complete.
     * Instructions that need the hypervisor themselves (ports, control registers, MSRs, HLT, far transfers, …) are unhandleable.
     */
    Emulation emulate(LinearMemory memory);

    /** What became of it. Nothing has changed unless it says so. */
    sealed interface Emulation {
        /** Complete; or one iteration of a REP is, and RIP still stands on it. */
        enum Done implements Emulation {
            COMPLETE,
            ITERATION
        }

        /** The guest must get this exception; for #PF, CR2 shall be {@code linear}. */
        record Raised(Event event, long linear) implements Emulation {}

        enum Failed implements Emulation {
            UNHANDLEABLE
        }
    }
}
