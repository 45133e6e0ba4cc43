package io.umbra.vmm.apic;

import io.umbra.vmm.device.MemoryDevice;

/**
 * The xAPIC's page: a register each 16 bytes, of which the first four count. Reads may be narrower or wider than a register and give 0 beyond its four bytes; a write must be one of
 * four bytes, aligned, or has no effect, which is one of the things that the SDM permits.
 */
final class ApicWindow implements MemoryDevice {
    /** Bytes of the page. */
    static final int LENGTH = 0x1000;

    private static final int SPACING = 16;
    private static final int WIDTH = 4;

    private final LocalApic apic;
    private final ApicRegisters registers;

    ApicWindow(LocalApic apic, ApicRegisters registers) {
        this.apic = apic;
        this.registers = registers;
    }

    @Override
    public long read(long offset, int size) {
        int register = (int) offset / SPACING;
        int within = (int) offset % SPACING;
        if (!exists(register) || within >= WIDTH) {
            return 0;
        }
        return registers.read(register) >>> 8 * within;
    }

    @Override
    public void write(long offset, int size, long value) {
        int register = (int) offset / SPACING;
        if (exists(register) && size == WIDTH && offset % SPACING == 0) {
            registers.write(register, value);
        }
    }

    private boolean exists(int register) {
        boolean exists = ApicRegisters.existsInPage(register);
        if (!exists) {
            apic.error(ErrorStatus.ILLEGAL_REGISTER);
        }
        return exists;
    }
}
