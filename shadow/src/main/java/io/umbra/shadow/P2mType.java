package io.umbra.shadow;

/** What a guest frame is. Xen's {@code p2m_type_t}. */
public enum P2mType {
    /** Ordinary memory. Xen: {@code p2m_ram_rw}. */
    RAM,
    /** Memory whose writes are discarded, such as a ROM. Xen: {@code p2m_ram_ro}. */
    READ_ONLY,
    /** Accesses go to a device model. Xen: {@code p2m_mmio_dm}. */
    MMIO,
    /** Nothing: as MMIO that no device claims. Xen: {@code p2m_invalid}. */
    HOLE;

    static final P2mType[] ALL = values();

    /** There is a machine frame behind it. */
    public boolean isBacked() {
        return this == RAM || this == READ_ONLY;
    }
}
