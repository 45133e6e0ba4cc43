package io.umbra.x86;

/** What the guest's own tables say about an access. */
public sealed interface Walk {

    /**
     * The access is permitted. The rights are what the entries of all levels grant together; CR0.WP, CR4.SMEP, CR4.SMAP and protection
     * keys, which depend on who accesses, are not part of them.
     *
     * @param guestPhysical of the byte accessed
     * @param size of the page; {@link PageSize#SIZE_4K} without paging
     * @param writable R/W is 1 in every entry
     * @param user U/S is 1 in every entry
     * @param executable NX is in force in no entry
     */
    record Mapped(long guestPhysical, PageSize size, boolean writable, boolean user, boolean executable)
            implements Walk {}

    /**
     * The access raises #PF.
     *
     * @param code as the guest finds it on its stack: bits of {@link PageFaultCode#ARCHITECTURAL}
     * @param level of the entry that is absent or has a reserved bit; of the leaf when rights refuse the access
     */
    record Fault(int code, int level) implements Walk {
        @Override
        public String toString() {
            return "#PF(" + PageFaultCode.describe(code) + ") at level " + level;
        }
    }

    /** The address is not canonical: #GP(0), or #SS(0) for a stack access, and no walk takes place. */
    record NonCanonical() implements Walk {}
}
