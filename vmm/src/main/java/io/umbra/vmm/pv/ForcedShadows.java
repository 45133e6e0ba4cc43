package io.umbra.vmm.pv;

/**
 * That and why a PV domain lost the right to have its own tables walked by hardware: it made an absent entry that names what may be cached (L1TF, XSA-273).
 *
 * @param instructions retired by then
 * @param by what stored the entry, or had its table validated: a hypercall's name, or {@link PvCounts#DIRECT_STORE}
 * @param level of the entry's table
 * @param machine address of the entry
 * @param entry that is absent
 */
public record ForcedShadows(long instructions, String by, int level, long machine, long entry) {
    /** One line. */
    public String text() {
        return "after %d instructions %s made an absent level-%d entry that names memory: 0x%016x at machine address 0x%x (L1TF)"
                .formatted(instructions, by, level, entry, machine);
    }
}
