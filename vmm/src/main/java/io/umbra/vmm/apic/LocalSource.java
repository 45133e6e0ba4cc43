package io.umbra.vmm.apic;

/** The entries of the local vector table, in the order of their registers from 0x32 on. */
enum LocalSource {
    TIMER(Bits.VECTOR | Bits.MASKED | Bits.TIMER_MODE),
    THERMAL(Bits.VECTOR | Bits.DELIVERY | Bits.MASKED),
    PERFORMANCE(Bits.VECTOR | Bits.DELIVERY | Bits.MASKED),
    LINT0(Bits.VECTOR | Bits.DELIVERY | Bits.PIN | Bits.MASKED),
    LINT1(Bits.VECTOR | Bits.DELIVERY | Bits.PIN | Bits.MASKED),
    ERROR(Bits.VECTOR | Bits.MASKED);

    /**
     * The layout of an entry.
     * <pre> 18..17 timer mode | 16 masked | 15 level-triggered | 14 remote IRR (ro) | 13 active low | 12 send pending (ro) | 10..8 delivery mode | 7..0 vector </pre>
     */
    static final class Bits {
        static final int VECTOR = 0xFF;
        static final int DELIVERY = 7 << 8;
        static final int SEND_PENDING = 1 << 12;
        static final int REMOTE_IRR = 1 << 14;
        static final int LEVEL = 1 << 15;
        static final int PIN = 1 << 13 | LEVEL;
        static final int MASKED = 1 << 16;
        static final int TIMER_MODE = 3 << 17;

        private Bits() {}
    }

    /** The bits that software writes. */
    final int writable;

    LocalSource(int writable) {
        this.writable = writable;
    }

    /** Neither written nor read-only. */
    int reserved() {
        int readOnly = Bits.SEND_PENDING | (isPin() ? Bits.REMOTE_IRR : 0);
        return ~(writable | readOnly);
    }

    boolean isPin() {
        return this == LINT0 || this == LINT1;
    }
}
