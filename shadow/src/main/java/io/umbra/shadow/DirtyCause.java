package io.umbra.shadow;

import java.util.Locale;

/** Why a frame was marked dirty. */
public enum DirtyCause {
    /** A store of the guest's faulted, and may now be made. */
    STORE("a store of the guest's"),
    /** A walk of the guest's tables set A or D in one of them. */
    WALK("A or D set in a table by a walk"),
    /** An instruction was emulated: a write to a shadowed table, or beside device memory. */
    EMULATED("a store that was emulated"),
    /** Somebody other than the guest's instructions wrote: a device, a loader. */
    EXTERNAL("a write by a device or a loader"),
    /** The P2M gives other memory than before. */
    P2M_CHANGE("a change of the P2M");

    private final String description;

    DirtyCause(String description) {
        this.description = description;
    }

    public String description() {
        return description;
    }

    /** As in reports: {@code p2m_change}. */
    public String label() {
        return name().toLowerCase(Locale.ROOT);
    }
}
