package io.umbra.vmm.firmware;

import io.umbra.processor.CpuFeatures;
import io.umbra.processor.CpuFeatures.Leaf;
import io.umbra.vmm.apic.ApicModelRegisters;
import io.umbra.vmm.apic.IoApic;
import io.umbra.vmm.loader.GuestPhysicalMemory;
import io.umbra.vmm.loader.LoadException;

/** The tables of the multiprocessor specification 1.4, chapter 4. */
final class MpTables {
    /** The I/O APIC's ID in the tables; the processor's APIC has 0. */
    static final int IO_APIC_ID = 1;

    private static final long FLOATING_POINTER = 0xF_0000;
    private static final long CONFIGURATION = FLOATING_POINTER + 0x10;
    private static final int CHECKSUM = 7;
    private static final int LENGTH_FIELD = 4;
    private static final int COUNT_FIELD = 34;
    private static final int FLOATING_POINTER_CHECKSUM = 10;

    private static final int PROCESSOR = 0;
    private static final int BUS = 1;
    private static final int IO_APIC = 2;
    private static final int IO_INTERRUPT = 3;
    private static final int LOCAL_INTERRUPT = 4;

    private static final int ISA_BUS = 0;
    private static final int TIMER_PIN = 2;
    private static final int ENABLED_BOOT_PROCESSOR = 3;
    private static final int EVERY_APIC = 0xFF;
    private static final int VECTORED = 0;
    private static final int NMI = 1;
    private static final int EXTERNAL = 3;
    /** Polarity and trigger mode as the bus has them. */
    private static final int CONFORMING = 0;
    /** Active high, level-triggered: the SCI. */
    private static final int LEVEL = 0b1101;

    private static final int SCI = 9;

    private final TableBytes table = new TableBytes();
    private int entries;

    private MpTables() {}

    static void write(GuestPhysicalMemory memory) throws LoadException {
        byte[] configuration = new MpTables().configuration();
        memory.write(CONFIGURATION, configuration, 0, configuration.length);
        byte[] pointer = new TableBytes()
                .text("_MP_", 4, ' ')
                .u32(CONFIGURATION)
                .u8(1, 4, 0) // in paragraphs; revision 1.4; the sum follows
                .u8(0) // no default configuration: the table counts
                .u8(0) // starts in virtual wire mode
                .zeroes(3)
                .sumAt(FLOATING_POINTER_CHECKSUM, 0, 16)
                .bytes();
        memory.write(FLOATING_POINTER, pointer, 0, pointer.length);
    }

    private byte[] configuration() {
        table.text("PCMP", 4, ' ')
                .u16(0)
                .u8(4, 0)
                .text("UMBRA", 8, ' ')
                .text("UMBRA PC", 12, ' ')
                .u32(0)
                .u16(0)
                .u16(0)
                .u32(ApicModelRegisters.DEFAULT_BASE)
                .u32(0);
        Leaf identity = CpuFeatures.cpuid(1, 0, 0);
        entry(PROCESSOR)
                .u8(0, 0x14, ENABLED_BOOT_PROCESSOR)
                .u32(identity.eax())
                .u32(identity.edx())
                .u64(0);
        entry(BUS).u8(ISA_BUS).text("ISA", 6, ' ');
        entry(IO_APIC).u8(IO_APIC_ID, 0x11, 1).u32(IoApic.BASE);
        interrupt(IO_INTERRUPT, EXTERNAL, CONFORMING, 0, IO_APIC_ID, 0);
        for (int irq = 0; irq < 16; irq++) {
            if (irq != TIMER_PIN) {
                int pin = irq == 0 ? TIMER_PIN : irq;
                interrupt(IO_INTERRUPT, VECTORED, irq == SCI ? LEVEL : CONFORMING, irq, IO_APIC_ID, pin);
            }
        }
        interrupt(LOCAL_INTERRUPT, EXTERNAL, CONFORMING, 0, EVERY_APIC, 0);
        interrupt(LOCAL_INTERRUPT, NMI, CONFORMING, 0, EVERY_APIC, 1);
        return table.u16At(LENGTH_FIELD, table.length())
                .u16At(COUNT_FIELD, entries)
                .sumAt(CHECKSUM, 0, table.length())
                .bytes();
    }

    private TableBytes entry(int type) {
        entries++;
        return table.u8(type);
    }

    private void interrupt(int type, int kind, int flags, int irq, int apic, int pin) {
        entry(type).u8(kind).u16(flags).u8(ISA_BUS, irq, apic, pin);
    }
}
