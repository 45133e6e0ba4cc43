package io.umbra.vmm.apic;

/** What an interrupt message does to its destination. The order is that of the encoding in bits 10..8. */
public enum DeliveryMode {
    FIXED,
    LOWEST_PRIORITY,
    SMI,
    RESERVED,
    NMI,
    INIT,
    STARTUP,
    /** The vector comes from the 8259. */
    EXTERNAL;

    private static final DeliveryMode[] BY_CODE = values();

    /** The mode in bits 10..8 of a redirection entry, a local vector or an interrupt command. */
    static DeliveryMode of(int register) {
        return BY_CODE[register >>> 8 & 7];
    }
}
