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
    HOLE,
    /** Memory whose next write must be told. Made of {@link #RAM} and back again under nested paging, and never given by {@link P2m#set}. Xen: {@code p2m_ram_logdirty}. */
    LOG_DIRTY,
    /** Memory that reads as zeros and gets a frame when it is first used. Xen: {@code p2m_populate_on_demand}. */
    POPULATE_ON_DEMAND,
    /** Memory whose bytes are elsewhere until it is used. Xen: {@code p2m_ram_paged}. */
    PAGED_OUT,
    /** Memory whose frame others have too; a copy is made for who writes. Xen: {@code p2m_ram_shared}. */
    SHARED;

    static final P2mType[] ALL = values();

    /** There is a machine frame behind it. */
    public boolean isBacked() {
        return this == RAM || this == READ_ONLY || this == LOG_DIRTY || this == SHARED;
    }
}
