package io.umbra.x86;

/** What the processor walks: the hypervisor's own paging registers, apart from the guest's. */
public sealed interface HardwarePaging {

    /**
     * Tables of machine frames made by the hypervisor (shadows), in long-mode format, whatever mode the guest believes in. WP and NXE are on.
     *
     * @param root machine address of the top table
     * @param levels 4, or 5 as with CR4.LA57
     * @param smep as in the guest's CR4, and off while it does not page
     * @param smap likewise
     * @param protectionKeys likewise; PKRU is the guest's own
     */
    record Shadow(long root, int levels, boolean smep, boolean smap, boolean protectionKeys) implements HardwarePaging {
        public Shadow {
            if (levels != 4 && levels != 5) {
                throw new IllegalArgumentException("long mode walks 4 or 5 levels, not " + levels);
            }
        }

        /** Four levels, without keys. */
        public Shadow(long root, boolean smep, boolean smap) {
            this(root, 4, smep, smap, false);
        }
    }

    /**
     * Tables of machine frames made by the hypervisor in PAE format, for guests that page with 32-bit linear addresses. WP and NXE are on. The four PDPTEs are given as
     * the processor's registers hold them; only their P bit and their address count.
     *
     * @param pdpte0 for linear addresses from 0; the others follow, 1 GiB each
     * @param smep as in the guest's CR4
     * @param smap likewise
     */
    record PaeShadow(long pdpte0, long pdpte1, long pdpte2, long pdpte3, boolean smep, boolean smap)
            implements HardwarePaging {}

    /**
     * The guest's own tables by its CR0, CR3, CR4 and EFER, each guest-physical address translated by a second four-level table, as
     * AMD's nested paging and Intel's EPT do. Entries of that table are in long-mode format; US is not looked at.
     *
     * @param root machine address of the P2M's top table
     */
    record Nested(long root) implements HardwarePaging {}
}
