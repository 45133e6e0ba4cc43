package io.umbra.vmm.apic;

import io.umbra.vmm.device.MemoryBus;
import io.umbra.vmm.state.Persistent;
import io.umbra.vmm.state.StateException;
import io.umbra.vmm.state.StateReader;
import io.umbra.vmm.state.StateWriter;
import io.umbra.x86.Msr;
import java.util.OptionalLong;

/**
 * The APIC's model-specific registers: IA32_APIC_BASE, which says whether, how and where the APIC is reached, IA32_TSC_DEADLINE, and 0x800 to 0x8ff of the x2APIC. What raises #GP is
 * told from the rest as the SDM tells it: reserved bits, registers that are absent or of the other direction, transitions that are illegal.
 */
public final class ApicModelRegisters implements Persistent {
    /** Where the xAPIC's page lies after power-up. */
    public static final long DEFAULT_BASE = 0xFEE0_0000L;

    private static final int FIRST = 0x800;
    private static final int LAST = 0x8FF;
    private static final long BOOTSTRAP_PROCESSOR = 1 << 8;
    private static final long EXTENDED = 1 << 10;
    private static final long ENABLED = 1 << 11;
    private static final long FLAGS = BOOTSTRAP_PROCESSOR | EXTENDED | ENABLED;

    private final LocalApic apic;
    private final ApicRegisters registers;
    private final ApicWindow window;
    private final MemoryBus bus;
    private final long writableBase;
    private long base = DEFAULT_BASE | BOOTSTRAP_PROCESSOR | ENABLED;

    /** @param physicalAddressBits MAXPHYADDR */
    public ApicModelRegisters(LocalApic apic, MemoryBus bus, int physicalAddressBits) {
        this.apic = apic;
        this.registers = new ApicRegisters(apic);
        this.window = new ApicWindow(apic, registers);
        this.bus = bus;
        this.writableBase = (1L << physicalAddressBits) - ApicWindow.LENGTH | FLAGS;
        bus.place(DEFAULT_BASE, ApicWindow.LENGTH, window);
    }

    /** Whether the register is the APIC's. */
    public static boolean has(int index) {
        return index == Msr.APIC_BASE || index == Msr.TSC_DEADLINE || index >= FIRST && index <= LAST;
    }

    /** Empty when RDMSR raises #GP. */
    public OptionalLong read(int index) {
        if (index == Msr.APIC_BASE) {
            return OptionalLong.of(base);
        }
        if (index == Msr.TSC_DEADLINE) {
            return OptionalLong.of(apic.timer.deadline());
        }
        int register = index - FIRST;
        boolean readable = apic.mode() == ApicMode.X2APIC && ApicRegisters.isReadableByMsr(register);
        return readable ? OptionalLong.of(registers.read(register)) : OptionalLong.empty();
    }

    /** @return false when WRMSR raises #GP */
    public boolean write(int index, long value) {
        if (index == Msr.APIC_BASE) {
            return writeBase(value);
        }
        if (index == Msr.TSC_DEADLINE) {
            apic.timer.deadline(value);
            return true;
        }
        int register = index - FIRST;
        if (apic.mode() != ApicMode.X2APIC
                || !ApicRegisters.isWritableByMsr(register)
                || (value & ApicRegisters.reservedByMsr(register)) != 0) {
            return false;
        }
        registers.write(register, value);
        return true;
    }

    private boolean writeBase(long value) {
        boolean isInvalid = (value & (ENABLED | EXTENDED)) == EXTENDED;
        if ((value & ~writableBase) != 0 || isInvalid || !apic.mode().mayBecome(modeOf(value))) {
            return false;
        }
        base = value;
        apic.mode(modeOf(value));
        placeWindow();
        return true;
    }

    private void placeWindow() {
        if (modeOf(base) == ApicMode.XAPIC) {
            bus.place(base & ~FLAGS, ApicWindow.LENGTH, window);
        } else {
            bus.remove(window);
        }
    }

    private static ApicMode modeOf(long base) {
        if ((base & ENABLED) == 0) {
            return ApicMode.DISABLED;
        }
        return (base & EXTENDED) != 0 ? ApicMode.X2APIC : ApicMode.XAPIC;
    }

    @Override
    public String stateName() {
        return "apic-base";
    }

    /** The APIC's own state is a part of its own, to be restored before. */
    @Override
    public void save(StateWriter out) {
        out.quad(base);
    }

    @Override
    public void restore(StateReader in) throws StateException {
        base = in.quadBits(writableBase);
        if ((base & (ENABLED | EXTENDED)) == EXTENDED) {
            throw in.refuse("an x2APIC that is disabled");
        }
        if (modeOf(base) != apic.mode()) {
            throw in.refuse("the APIC is in another mode");
        }
        placeWindow();
    }
}
