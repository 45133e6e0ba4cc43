package io.umbra.x86;

/** What the processor walks: the hypervisor's own paging registers, apart from the guest's. */
public sealed interface HardwarePaging {

    /**
     * Four-level tables of machine frames made by the hypervisor (shadows), whatever mode the guest believes in. WP and NXE are on.
     *
     * @param root machine address of the top table
     * @param smep as in the guest's CR4, and off while it does not page
     * @param smap likewise
     */
    record Shadow(long root, boolean smep, boolean smap) implements HardwarePaging {}

    /**
     * The guest's own tables by its CR0, CR3, CR4 and EFER, each guest-physical address translated by a second four-level table, as
     * AMD's nested paging and Intel's EPT do. Entries of that table are in long-mode format; US is not looked at.
     *
     * @param root machine address of the P2M's top table
     */
    record Nested(long root) implements HardwarePaging {}
}
