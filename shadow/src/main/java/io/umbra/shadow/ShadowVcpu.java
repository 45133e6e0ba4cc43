package io.umbra.shadow;

import io.umbra.x86.InstructionEmulator;
import io.umbra.x86.PaeEntry;
import io.umbra.x86.Tlb;
import io.umbra.x86.VcpuState;
import org.jspecify.annotations.Nullable;

/** What the engine keeps for each vCPU. */
final class ShadowVcpu {
    final VcpuState state;
    final Tlb tlb;
    final InstructionEmulator emulator;
    final EmulatedMemory emulatedMemory;
    final EarlyUnshadow earlyUnshadow;
    final TableWrites tableWrites;
    final EmulationHint hint;
    final Prefetch.Stream stream = new Prefetch.Stream();
    final GuestWalk walk = new GuestWalk();
    final ShadowPath path;

    /** The shadows that hardware CR3 or, for 32-bit guests, its PDPTEs hold. One, or up to four with PAE paging; the same one may be there twice. */
    final @Nullable ShadowPage[] roots = new ShadowPage[PaeEntry.POINTERS];

    /** For {@link Roots}, while they are being replaced. */
    final @Nullable ShadowPage[] rootsBefore = new ShadowPage[PaeEntry.POINTERS];

    /** Of the guest's roots, whether it has them or not. */
    ShadowType rootType = ShadowType.UNPAGED_L4;

    /** Machine frame of the table that the instruction to be emulated writes to. */
    long writeTarget = -1;
    /** RIP of the last instruction whose write unshadowed a frame, or -1. */
    long unshadowedBy = -1;
    /** Instructions retired when the last one was met that could not be emulated, and how often the frame it wrote to was unshadowed for it. */
    long unhandledAt = -1;

    int unhandledTries;
    /** The last fault for which nothing was missing, and how often it came in a row. */
    long spuriousLinear;

    int spuriousCode;
    int spuriousCount;

    ShadowVcpu(
            VcpuState state,
            Tlb tlb,
            InstructionEmulator emulator,
            EmulatedMemory emulatedMemory,
            EarlyUnshadow earlyUnshadow,
            TableWrites tableWrites,
            EmulationHint hint,
            ShadowPath path) {
        this.state = state;
        this.tlb = tlb;
        this.emulator = emulator;
        this.emulatedMemory = emulatedMemory;
        this.earlyUnshadow = earlyUnshadow;
        this.tableWrites = tableWrites;
        this.hint = hint;
        this.path = path;
    }

    /** The root above {@code linear}, or null where the guest has none. */
    @Nullable
    ShadowPage findRootOf(long linear) {
        return rootType == ShadowType.L2_PAE ? roots[(int) (linear >>> 30) & 3] : roots[0];
    }

    ShadowPage rootOf(long linear) {
        return present(findRootOf(linear));
    }

    ShadowPage loadedRoot() {
        return present(roots[0]);
    }

    private static ShadowPage present(@Nullable ShadowPage loaded) {
        if (loaded == null) {
            throw new io.umbra.x86.InvariantViolation("ROOT-1", "a vCPU runs without a root");
        }
        return loaded;
    }
}
