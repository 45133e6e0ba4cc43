package io.umbra.x86;

/**
 * Whether an access to a page that is mapped is permitted, and the rule that says so. Intel SDM vol. 3A, "Determination of Access Rights"
 * and "Protection Keys".
 *
 * <pre>
 *                 supervisor page             user page (U/S = 1 in every entry)
 *  by supervisor
 *    read         yes                         unless SMAP stands
 *    write        R/W, or CR0.WP = 0          unless SMAP stands; and R/W, or CR0.WP = 0
 *    fetch        no NX                       no NX, and CR4.SMEP = 0
 *  by user
 *    read         no                          yes
 *    write        no                          R/W
 *    fetch        no                          no NX
 *
 *  SMAP stands: CR4.SMAP = 1, and EFLAGS.AC = 0 or the access is implicit
 * </pre>
 *
 * <p>Protection keys can refuse a data access to a user page beside this ({@link #keyRefuses}). CET's shadow stacks, supervisor protection
 * keys and HLAT are not covered: Umbra offers them to no guest.
 */
enum AccessRights {
    PERMITTED("permitted"),
    SUPERVISOR_PAGE("a user access to a supervisor page"),
    READ_ONLY("a write to a page that some level makes read-only"),
    NO_EXECUTE("a fetch from a page that some level makes NX"),
    SMEP("a supervisor fetch from a user page, with CR4.SMEP"),
    SMAP("a supervisor access to a user page, with CR4.SMAP and without a permitting EFLAGS.AC");

    private final String text;

    AccessRights(String text) {
        this.text = text;
    }

    static AccessRights of(PagingRegisters registers, Walk.Mapped page, int access) {
        return isUser(access) ? ofUser(page, access) : ofSupervisor(registers, page, access);
    }

    private static AccessRights ofUser(Walk.Mapped page, int access) {
        if (!page.user()) {
            return SUPERVISOR_PAGE;
        }
        if (isWrite(access) && !page.writable()) {
            return READ_ONLY;
        }
        return isFetch(access) && !page.executable() ? NO_EXECUTE : PERMITTED;
    }

    private static AccessRights ofSupervisor(PagingRegisters registers, Walk.Mapped page, int access) {
        if (isFetch(access)) {
            if (page.user() && registers.smep()) {
                return SMEP;
            }
            return page.executable() ? PERMITTED : NO_EXECUTE;
        }
        boolean smapStands = registers.smap() && (!registers.alignmentCheck() || isImplicit(access));
        if (page.user() && smapStands) {
            return SMAP;
        }
        return isWrite(access) && !page.writable() && registers.writeProtect() ? READ_ONLY : PERMITTED;
    }

    /** Whether the page's protection key refuses the access, whatever the other rights say: #PF then has PK. */
    static boolean keyRefuses(PagingRegisters registers, Walk.Mapped page, int key, int access) {
        if (!registers.protectionKeys() || !page.user() || isFetch(access)) {
            return false;
        }
        boolean writeCounts = isUser(access) || registers.writeProtect();
        return registers.keyDisablesAccess(key) || isWrite(access) && writeCounts && registers.keyDisablesWrite(key);
    }

    private static boolean isWrite(int access) {
        return (access & PageFaultCode.WRITE) != 0;
    }

    private static boolean isUser(int access) {
        return (access & PageFaultCode.USER) != 0;
    }

    private static boolean isFetch(int access) {
        return (access & PageFaultCode.FETCH) != 0;
    }

    private static boolean isImplicit(int access) {
        return (access & PageFaultCode.IMPLICIT) != 0;
    }

    /** What the rule refuses, or {@code permitted}. */
    @Override
    public String toString() {
        return text;
    }
}
