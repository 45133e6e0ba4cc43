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
    final GuestWalk walk = new GuestWalk();

    /** The shadow that hardware CR3 holds. */
    @Nullable
    ShadowPage root;

    ShadowVcpu(VcpuState state, Tlb tlb, InstructionEmulator emulator, EmulatedMemory emulatedMemory) {
        this.state = state;
        this.tlb = tlb;
        this.emulator = emulator;
        this.emulatedMemory = emulatedMemory;
    }

    ShadowPage loadedRoot() {
        ShadowPage loaded = root;
        if (loaded == null) {
            throw new io.umbra.x86.InvariantViolation("ROOT-1", "a vCPU runs without a root");
        }
        return loaded;
    }
}
