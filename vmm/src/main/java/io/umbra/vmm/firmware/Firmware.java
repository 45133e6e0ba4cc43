package io.umbra.vmm.firmware;

import io.umbra.vmm.loader.GuestPhysicalMemory;
import io.umbra.vmm.loader.LoadException;

/** What a PC's firmware leaves in memory before it starts an operating system. */
public final class Firmware {
    /** Guest-physical address of ACPI's root pointer. */
    public static final long ACPI_ROOT_POINTER = AcpiTables.ROOT_POINTER;

    private Firmware() {}

    /** Writes the tables. The memory must have the layout of a {@link io.umbra.vmm.loader.MemoryMap}. */
    public static void writeTables(GuestPhysicalMemory memory) throws LoadException {
        AcpiTables.write(memory);
        MpTables.write(memory);
    }
}
