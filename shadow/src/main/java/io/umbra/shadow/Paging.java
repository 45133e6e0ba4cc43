package io.umbra.shadow;

import io.umbra.x86.InstructionEmulator;
import io.umbra.x86.InstructionEmulator.Emulation;
import io.umbra.x86.Intercepts;
import io.umbra.x86.Tlb;
import io.umbra.x86.VcpuState;

/**
 * How a domain's memory is virtualised. The virtual machine monitor calls it at each event that concerns paging; it keeps the tables that hardware walks, and tells each
 * vCPU's {@link Tlb} what must be forgotten. Calls for one domain come from one thread at a time.
 */
public sealed interface Paging permits ShadowPaging, NestedPaging, DirectPaging, PvPaging {

    /** What the processor must leave guest mode for. */
    Intercepts intercepts();

    /** Adds a vCPU, numbered from 0 in the order of the calls, and loads its first root. */
    void attach(VcpuState state, Tlb tlb, InstructionEmulator emulator);

    /**
     * The hardware walk of the tables given to the processor failed. Does not touch the guest's registers, so it may be called in the middle of an instruction.
     *
     * @param linear canonical
     * @param code of the hardware walk
     */
    FaultOutcome pageFault(int vcpu, long linear, int code);

    /** Under nested paging: the P2M refused an access to {@code guestPhysical}. */
    FaultOutcome nestedFault(int vcpu, long guestPhysical, int access);

    /**
     * Emulates the instruction at the guest's RIP, as {@code reason} asks, and perhaps some behind it. Must not be called inside an instruction.
     *
     * @param budget instructions that may be emulated before something else is due, at least 1
     */
    Emulation emulate(int vcpu, FaultOutcome.Emulate reason, long budget);

    /**
     * The last {@link #pageFault} of the vCPU, at {@code linear}, was by the delivery of an event and must be emulated: if it is a write to a shadowed table, the frame
     * stops being one, so that the delivery can be tried again.
     *
     * @return false when hardware cannot make the delivery: it must be made otherwise. A CR3 holds the frame, or the frame is needed as a table to reach itself, or it is no table
     */
    boolean unshadowForEvent(int vcpu, long linear);

    /** The vCPU's registers were set from outside, any of them: by a loader, or from a saved state. Nothing that was known of its address space holds any more. */
    void reset(int vcpu);

    /** CR0, CR3 or CR4 has been written. */
    void controlRegisterWritten(int vcpu, int number, long old);

    void eferWritten(int vcpu, long old);

    /** The guest executed INVLPG; the processor has dropped its own translation already. */
    void invalidatePage(int vcpu, long linear);

    /** The guest executed INVPCID, of whatever type. */
    void invalidateContext(int vcpu);

    /**
     * An instruction loads the PDPTE registers.
     *
     * @param cr3 what they are loaded from
     * @param target receives the four entries when all are good
     * @return false when a present one has a reserved bit: #GP(0)
     */
    boolean readPdptes(int vcpu, long cr3, long[] target);

    /** A hint of the guest's: the address space whose top table lies at {@code guestPhysical} is about to end. Xen: {@code HVMOP_pagetable_dying}. */
    void pagetableDying(int vcpu, long guestPhysical);

    /**
     * Somebody other than the guest's own instructions (a device, the monitor) has written to guest memory.
     *
     * @param guestPhysical of the first byte
     * @param length in bytes
     */
    void memoryWritten(long guestPhysical, long length);

    /** Which frames are written to. */
    LogDirty logDirty();

    /** Which frames of one range are written to. */
    VramTracking vram();

    /** Throws away everything that can be made again. Changes nothing but the cost. */
    void blow();

    /** Whether a TLB that was told everything holds nothing that the tables do not grant: no news of a lowered right is owed to it. */
    default boolean tlbsAreCurrent() {
        return false;
    }

    /**
     * Checks every numbered rule of the package. Costs about as much as reading all shadows; changes nothing.
     *
     * @throws io.umbra.x86.InvariantViolation that names the first rule that does not hold
     */
    void audit();

    Counters counters();

    /** Returns what this paging took from the frame allocator. The P2M is the domain's. */
    void close();
}
