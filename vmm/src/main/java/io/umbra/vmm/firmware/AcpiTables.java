package io.umbra.vmm.firmware;

import io.umbra.vmm.apic.ApicModelRegisters;
import io.umbra.vmm.apic.IoApic;
import io.umbra.vmm.device.PowerManagement;
import io.umbra.vmm.loader.GuestPhysicalMemory;
import io.umbra.vmm.loader.LoadException;
import io.umbra.vmm.loader.MemoryMap;

/**
 * The ACPI tables of the machine. Source: ACPI specification 6.4, chapter 5; the FADT is that of ACPI 2.0.
 *
 * <p>It is a machine of full ACPI hardware without legacy mode: SMI_CMD is 0, so SCI_EN is set from the start. It has no PCI, no VGA, no buttons and no general-purpose events.
 */
final class AcpiTables {
    /** Where the root pointer lies. */
    static final long ROOT_POINTER = MemoryMap.ACPI_TABLES;

    private static final long FIRST_TABLE = ROOT_POINTER + 0x40;
    private static final int ALIGNMENT = 16;
    private static final int LENGTH = 4;
    private static final int CHECKSUM = 9;
    private static final int HEADER = 36;
    private static final int FIRST_POINTER_LENGTH = 20;
    private static final int EXTENDED_CHECKSUM = 32;

    private static final int SCI = 9;
    private static final int TIMER_PIN = 2;
    private static final int RESET_PORT = 0xCF9;
    private static final int RESET_VALUE = 0x06;
    private static final int CMOS_CENTURY = 0x32;
    private static final int NO_STATE = 0xFFFF;

    private static final int HAS_LEGACY_DEVICES = 1 << 0;
    private static final int HAS_8042 = 1 << 1;
    private static final int NO_VGA = 1 << 2;
    private static final int NO_MSI = 1 << 3;

    private static final int WBINVD_WORKS = 1 << 0;
    private static final int C1_WORKS = 1 << 2;
    private static final int NO_FIXED_POWER_BUTTON = 1 << 4;
    private static final int NO_FIXED_SLEEP_BUTTON = 1 << 5;
    private static final int NO_FIXED_RTC_WAKE = 1 << 6;
    private static final int HAS_RESET_REGISTER = 1 << 10;

    private static final int HAS_8259 = 1;
    private static final int ENABLED = 1;
    private static final int CONFORMING = 0b0000;
    private static final int ACTIVE_HIGH_LEVEL = 0b1101;
    private static final int EVERY_PROCESSOR = 0xFF;

    private final GuestPhysicalMemory memory;
    private long next = FIRST_TABLE;

    private AcpiTables(GuestPhysicalMemory memory) {
        this.memory = memory;
    }

    static void write(GuestPhysicalMemory memory) throws LoadException {
        new AcpiTables(memory).write();
    }

    private void write() throws LoadException {
        put(MemoryMap.ACPI_STORAGE, sharedMemory());
        long description = place(table("DSDT", 2, description()));
        long fixed = place(table("FACP", 3, fixedDescription(description)));
        long interrupts = place(table("APIC", 3, interrupts()));
        long shortRoot = place(
                table("RSDT", 1, new TableBytes().u32(fixed).u32(interrupts).bytes()));
        long longRoot = place(
                table("XSDT", 1, new TableBytes().u64(fixed).u64(interrupts).bytes()));
        put(ROOT_POINTER, rootPointer(shortRoot, longRoot));
    }

    private long place(byte[] table) throws LoadException {
        long address = next;
        put(address, table);
        next = address + table.length + ALIGNMENT - 1 & -ALIGNMENT;
        return address;
    }

    private void put(long address, byte[] bytes) throws LoadException {
        memory.write(address, bytes, 0, bytes.length);
    }

    private static byte[] rootPointer(long shortRoot, long longRoot) {
        return new TableBytes()
                .text("RSD PTR ", 8, ' ')
                .u8(0)
                .text("UMBRA", 6, ' ')
                .u8(2)
                .u32(shortRoot)
                .u32(HEADER)
                .u64(longRoot)
                .u8(0)
                .zeroes(3)
                .sumAt(8, 0, FIRST_POINTER_LENGTH)
                .sumAt(EXTENDED_CHECKSUM, 0, HEADER)
                .bytes();
    }

    private static byte[] table(String signature, int revision, byte[] body) {
        TableBytes table = new TableBytes()
                .text(signature, 4, ' ')
                .u32(HEADER + body.length)
                .u8(revision, 0)
                .text("UMBRA", 6, ' ')
                .text("UMBRAPC", 8, ' ')
                .u32(1)
                .text("UMBR", 4, ' ')
                .u32(1)
                .raw(body);
        return table.sumAt(CHECKSUM, 0, table.length()).bytes();
    }

    /** FACS: the global lock and the waking vectors, 64 bytes, without a checksum. */
    private static byte[] sharedMemory() {
        TableBytes facs =
                new TableBytes().text("FACS", LENGTH, ' ').u32(64).zeroes(24).u8(1);
        return facs.zeroes(64 - facs.length()).bytes();
    }

    /** FADT without its header. */
    private static byte[] fixedDescription(long description) {
        return new TableBytes()
                .u32(MemoryMap.ACPI_STORAGE)
                .u32(description)
                .u8(0, 0)
                .u16(SCI)
                .u32(0) // SMI_CMD: there is no other mode
                .u8(0, 0, 0, 0)
                .u32(PowerManagement.EVENTS)
                .u32(0)
                .u32(PowerManagement.CONTROL)
                .u32(0)
                .u32(0)
                .u32(PowerManagement.TIMER)
                .u32(0)
                .u32(0)
                .u8(4, 2, 0, 4, 0, 0, 0, 0)
                .u16(NO_STATE)
                .u16(NO_STATE)
                .u16(0)
                .u16(0)
                .u8(0, 0, 0, 0, CMOS_CENTURY)
                .u16(HAS_LEGACY_DEVICES | HAS_8042 | NO_VGA | NO_MSI)
                .u8(0)
                .u32(WBINVD_WORKS
                        | C1_WORKS
                        | NO_FIXED_POWER_BUTTON
                        | NO_FIXED_SLEEP_BUTTON
                        | NO_FIXED_RTC_WAKE
                        | HAS_RESET_REGISTER)
                .raw(port(RESET_PORT, 1))
                .u8(RESET_VALUE)
                .zeroes(3)
                .u64(0) // the FACS has a 32-bit address, given above
                .u64(description)
                .raw(port(PowerManagement.EVENTS, 4))
                .raw(port(0, 0))
                .raw(port(PowerManagement.CONTROL, 2))
                .raw(port(0, 0))
                .raw(port(0, 0))
                .raw(port(PowerManagement.TIMER, 4))
                .raw(port(0, 0))
                .raw(port(0, 0))
                .bytes();
    }

    /** A generic address in the space of ports, of {@code width} bytes accessed as one; a width of 0 is no register. */
    private static byte[] port(int port, int width) {
        int accessSize = width == 0 ? 0 : 1 + Integer.numberOfTrailingZeros(width);
        return new TableBytes()
                .u8(width == 0 ? 0 : 1, 8 * width, 0, accessSize)
                .u64(port)
                .bytes();
    }

    /** MADT without its header. */
    private static byte[] interrupts() {
        return new TableBytes()
                .u32(ApicModelRegisters.DEFAULT_BASE)
                .u32(HAS_8259)
                .u8(0, 8, 0, 0) // processor 0 has APIC 0
                .u32(ENABLED)
                .u8(1, 12, MpTables.IO_APIC_ID, 0)
                .u32(IoApic.BASE)
                .u32(0)
                .raw(interruptOverride(0, TIMER_PIN, CONFORMING))
                .raw(interruptOverride(SCI, SCI, ACTIVE_HIGH_LEVEL))
                .u8(4, 6, EVERY_PROCESSOR)
                .u16(CONFORMING)
                .u8(1) // NMI is on LINT1
                .bytes();
    }

    private static byte[] interruptOverride(int irq, int pin, int flags) {
        return new TableBytes().u8(2, 10, 0, irq).u32(pin).u16(flags).bytes();
    }

    /** DSDT without its header. The same as source stands in the page on the platform. */
    private static byte[] description() {
        return Aml.join(
                Aml.named(
                        "\\_S5",
                        Aml.elements(
                                Aml.integer(PowerManagement.SOFT_OFF),
                                Aml.integer(PowerManagement.SOFT_OFF),
                                Aml.integer(0),
                                Aml.integer(0))),
                Aml.scope(
                        "\\_SB",
                        Aml.device(
                                "CPU0", Aml.named("_HID", Aml.string("ACPI0007")), Aml.named("_UID", Aml.integer(0))),
                        device("PIC", "PNP0000", Aml.ports(0x20, 2), Aml.ports(0xA0, 2), Aml.ports(0x4D0, 2)),
                        device("TIMR", "PNP0100", Aml.ports(0x40, 4), Aml.interrupt(0)),
                        device("RTC", "PNP0B00", Aml.ports(0x70, 2), Aml.interrupt(8)),
                        device("KBD", "PNP0303", Aml.ports(0x60, 1), Aml.ports(0x64, 1), Aml.interrupt(1)),
                        device("MOU", "PNP0F13", Aml.interrupt(12)),
                        device("COM1", "PNP0501", Aml.ports(0x3F8, 8), Aml.interrupt(4))));
    }

    private static byte[] device(String name, String id, byte[]... resources) {
        return Aml.device(name, Aml.named("_HID", Aml.eisaId(id)), Aml.named("_CRS", Aml.resources(resources)));
    }
}
