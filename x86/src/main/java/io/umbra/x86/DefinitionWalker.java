package io.umbra.x86;

import java.util.ArrayList;
import java.util.List;

/**
 * The page walk as the manuals define it: every other translation in Umbra is held against this one. It is written to be compared with
 * the text of the manuals, not to be fast: it allocates, it caches nothing, it starts from the registers each time.
 *
 * <ol>
 *   <li>The linear address must be canonical. Intel SDM vol. 1, "Canonical Addressing".
 *   <li>From the root, each level's entry is read; the walk ends at an absent entry, at one with a reserved bit set, or at the page.
 *       SDM vol. 3A, "Paging" (a section for each mode); AMD APM vol. 2, "Page Translation and Protection". See {@link ReservedBits}.
 *   <li>What all entries grant together is held against the access. SDM vol. 3A, "Determination of Access Rights". See
 *       {@link AccessRights}.
 *   <li>If the access is permitted, A is set in every entry used, and for a write D in the last. SDM vol. 3A, "Accessed and Dirty Flags".
 *       (It allows a processor to set A also before the rights are known; this one never does.)
 *   <li>Else there is #PF. SDM vol. 3A, "Page-Fault Exceptions".
 * </ol>
 */
public final class DefinitionWalker {

    private static final int ACCESS =
            PageFaultCode.WRITE | PageFaultCode.USER | PageFaultCode.FETCH | PageFaultCode.IMPLICIT;

    /**
     * What becomes of an access to the byte at {@code linear}. Outside long mode only bits 31..0 of the address count.
     *
     * <p>An entry that another processor changes between its read and the update of its A or D bit makes the walk start again.
     *
     * @param access bits {@link PageFaultCode#WRITE}, {@link PageFaultCode#USER}, {@link PageFaultCode#FETCH} and
     *     {@link PageFaultCode#IMPLICIT}; none of them is an explicit supervisor read
     * @param setAccessedDirty whether the access really takes place; if false, memory is only read, and the answer is the same
     * @throws IllegalArgumentException when {@code access} has other bits, is both a write and a fetch, or implicit and anything but a
     *     supervisor's data access
     */
    public static Walk walk(
            PagingRegisters registers, PhysicalMemory memory, long linear, int access, boolean setAccessedDirty) {
        checkAccess(access);
        PagingMode mode = registers.mode();
        if (mode == PagingMode.NONE) {
            return new Walk.Mapped(linear & 0xFFFF_FFFFL, PageSize.SIZE_4K, true, true, true);
        }
        if (!mode.isCanonical(linear)) {
            return new Walk.NonCanonical();
        }
        while (true) {
            List<WalkStep> steps = descend(registers, memory, linear);
            Walk answer = decide(registers, steps, linear, access);
            boolean marks = setAccessedDirty && answer instanceof Walk.Mapped;
            if (!marks || markUsed(memory, steps, access)) {
                return answer;
            }
        }
    }

    /**
     * An account of a walk for people: the registers that matter, then level by level the entry's place, value and flags and what it
     * decides, then the outcome and its reason. Memory is only read. Lines end in a newline; their wording is not for programs.
     */
    public static String explain(PagingRegisters registers, PhysicalMemory memory, long linear, int access) {
        checkAccess(access);
        PagingMode mode = registers.mode();
        boolean walks = mode != PagingMode.NONE && mode.isCanonical(linear);
        List<WalkStep> steps = walks ? descend(registers, memory, linear) : List.of();
        Walk outcome =
                walks ? decide(registers, steps, linear, access) : walk(registers, memory, linear, access, false);
        return new WalkExplanation(registers, linear, access, steps, outcome).text();
    }

    private static void checkAccess(int access) {
        boolean other = (access & ~ACCESS) != 0;
        boolean writeAndFetch = hasAll(access, PageFaultCode.WRITE | PageFaultCode.FETCH);
        boolean implicitUser = hasAll(access, PageFaultCode.IMPLICIT | PageFaultCode.USER);
        boolean implicitFetch = hasAll(access, PageFaultCode.IMPLICIT | PageFaultCode.FETCH);
        if (other || writeAndFetch || implicitUser || implicitFetch) {
            throw new IllegalArgumentException("not an access: " + PageFaultCode.describe(access));
        }
    }

    private static boolean hasAll(int access, int bits) {
        return (access & bits) == bits;
    }

    /** The entries used, from the root to the one at which the walk ends. */
    private static List<WalkStep> descend(PagingRegisters registers, PhysicalMemory memory, long linear) {
        List<WalkStep> steps = new ArrayList<>();
        int level = registers.mode().levels();
        WalkStep step = WalkStep.read(registers, memory, root(registers), level, linear);
        steps.add(step);
        while (!step.isLast()) {
            level--;
            step = WalkStep.read(registers, memory, step.table(), level, linear);
            steps.add(step);
        }
        return steps;
    }

    private static long root(PagingRegisters registers) {
        return switch (registers.mode()) {
            case NONE, PAE -> 0;
            case TWO_LEVEL -> registers.cr3() & TwoLevelEntry.FRAME_MASK;
            case FOUR_LEVEL, FIVE_LEVEL -> registers.cr3() & LongModeEntry.FRAME_MASK;
        };
    }

    private static Walk decide(PagingRegisters registers, List<WalkStep> steps, long linear, int access) {
        WalkStep last = steps.getLast();
        if (!last.isPresent()) {
            return fault(registers, access, 0, last);
        }
        if (last.reservedSet() != 0) {
            return fault(registers, access, PageFaultCode.PRESENT | PageFaultCode.RESERVED, last);
        }
        Walk.Mapped page = page(steps, linear);
        if (AccessRights.keyRefuses(registers, page, last.key(), access)) {
            return fault(registers, access, PageFaultCode.PRESENT | PageFaultCode.PROTECTION_KEY, last);
        }
        return switch (AccessRights.of(registers, page, access)) {
            case PERMITTED -> page;
            case SUPERVISOR_PAGE, READ_ONLY, NO_EXECUTE, SMEP, SMAP ->
                fault(registers, access, PageFaultCode.PRESENT, last);
        };
    }

    /** The page that the last entry maps, with what all entries grant. */
    static Walk.Mapped page(List<WalkStep> steps, long linear) {
        WalkStep leaf = steps.getLast();
        PageSize size = leaf.mode().pageSize(leaf.level());
        return new Walk.Mapped(
                leaf.page() + size.offset(linear),
                size,
                steps.stream().allMatch(WalkStep::isWritable),
                steps.stream().allMatch(WalkStep::isUser),
                steps.stream().allMatch(WalkStep::isExecutable));
    }

    /** A fetch is reported as such only where a fetch can be refused: with NX in force, or with SMEP. */
    private static Walk fault(PagingRegisters registers, int access, int cause, WalkStep step) {
        boolean fetchIsReported = registers.noExecute() || registers.smep();
        int reported = PageFaultCode.WRITE | PageFaultCode.USER | (fetchIsReported ? PageFaultCode.FETCH : 0);
        return new Walk.Fault(access & reported | cause, step.level());
    }

    /** Sets A and D. @return false when an entry is no longer what was read */
    private static boolean markUsed(PhysicalMemory memory, List<WalkStep> steps, int access) {
        boolean write = (access & PageFaultCode.WRITE) != 0;
        for (WalkStep step : steps) {
            long dirty = write && step.mapsPage() ? LongModeEntry.DIRTY : 0;
            if (step.hasRights() && !step.set(memory, LongModeEntry.ACCESSED | dirty)) {
                return false;
            }
        }
        return true;
    }

    private DefinitionWalker() {}
}
