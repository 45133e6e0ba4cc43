package io.umbra.shadow.pv;

import io.umbra.x86.FrameAllocator;
import io.umbra.x86.MachineMemory;

/** A machine that PV domains share: its frames, with what is known of each, and the M2P. Used by one thread at a time. */
public final class PvMachine {
    final MachineMemory memory;
    final FrameAllocator allocator;
    private final MachineFrames frames;
    private final MachineToPhys m2p;

    /**
     * @param allocator from which the M2P, the domains' memory and the hypervisor's own tables are taken
     * @throws IllegalStateException when it has too few frames for the M2P
     */
    public PvMachine(MachineMemory memory, FrameAllocator allocator) {
        this.memory = memory;
        this.allocator = allocator;
        this.frames = new MachineFrames(memory.frames());
        this.m2p = new MachineToPhys();
    }

    public MachineFrames frames() {
        return frames;
    }

    public MachineToPhys m2p() {
        return m2p;
    }
}
