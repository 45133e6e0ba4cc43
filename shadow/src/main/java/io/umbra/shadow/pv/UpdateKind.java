package io.umbra.shadow.pv;

/** How a table entry is stored. The low bits of a request of {@code mmu_update}. */
public enum UpdateKind {
    /** {@code MMU_NORMAL_PT_UPDATE}, and {@code MMU_PT_UPDATE_NO_TRANSLATE}, which differs for translated foreign domains only. */
    NORMAL,
    /** The A and D bits that the old entry has when it is exchanged stay set. {@code MMU_PT_UPDATE_PRESERVE_AD}. */
    PRESERVE_AD
}
