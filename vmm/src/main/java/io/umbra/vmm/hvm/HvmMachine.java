package io.umbra.vmm.hvm;

import io.umbra.shadow.P2m;
import io.umbra.shadow.Paging;
import io.umbra.vmm.apic.LocalApic;
import io.umbra.vmm.device.InterruptLine;
import io.umbra.vmm.device.VirtualClock;
import io.umbra.vmm.loader.MemoryMap;
import io.umbra.x86.FrameAllocator;
import io.umbra.x86.MachineMemory;
import io.umbra.x86.PhysicalMemory;
import io.umbra.x86.VcpuState;
import java.util.function.IntFunction;

/**
 * What Xen's interface needs of the machine that it is added to.
 *
 * @param physical the guest's memory; it tells {@code paging} of what is written
 * @param clock system time
 * @param lines the ISA interrupts
 * @param flush drops all translations of the processor's
 * @param map of the guest's memory; there are places for the special pages in it
 */
public record HvmMachine(
        VcpuState state,
        MachineMemory memory,
        FrameAllocator frames,
        PhysicalMemory physical,
        P2m p2m,
        Paging paging,
        VirtualClock clock,
        LocalApic apic,
        IntFunction<InterruptLine> lines,
        Runnable flush,
        MemoryMap map) {}
