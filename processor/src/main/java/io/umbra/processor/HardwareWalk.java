package io.umbra.processor;

/** What one walk of the processor's came to. */
public sealed interface HardwareWalk {
    /** Permitted; A and D are set as the access demands. */
    record Mapped(long machineAddress) implements HardwareWalk {}

    /**
     * Refused by the linear tables.
     *
     * @param code with the implicit bit, which the guest does not see
     */
    record PageFault(int code) implements HardwareWalk {}

    /**
     * Refused by the P2M.
     *
     * @param access what was wanted of the guest-physical address: the guest's own access, or an implicit one of the walk's to a table
     */
    record NestedFault(long guestPhysical, int access) implements HardwareWalk {}
}
