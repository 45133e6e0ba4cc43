package io.umbra.shadow;

import io.umbra.x86.InstructionEmulator;
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
    final GuestWalk walk = new GuestWalk();

    /** The shadow that hardware CR3 holds. */
    @Nullable
    ShadowPage root;

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
            EarlyUnshadow earlyUnshadow) {
        this.state = state;
        this.tlb = tlb;
        this.emulator = emulator;
        this.emulatedMemory = emulatedMemory;
        this.earlyUnshadow = earlyUnshadow;
    }

    ShadowPage loadedRoot() {
        ShadowPage loaded = root;
        if (loaded == null) {
            throw new io.umbra.x86.InvariantViolation("ROOT-1", "a vCPU runs without a root");
        }
        return loaded;
    }
}
