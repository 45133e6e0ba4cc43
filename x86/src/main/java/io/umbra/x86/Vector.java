package io.umbra.x86;

/** The exception vectors and how two exceptions combine. Intel SDM vol. 3A, "Interrupt and Exception Handling". */
public final class Vector {
    public static final int DIVIDE_ERROR = 0;
    public static final int DEBUG = 1;
    public static final int NMI = 2;
    public static final int BREAKPOINT = 3;
    public static final int OVERFLOW = 4;
    public static final int BOUND_RANGE = 5;
    public static final int INVALID_OPCODE = 6;
    public static final int DEVICE_NOT_AVAILABLE = 7;
    public static final int DOUBLE_FAULT = 8;
    public static final int INVALID_TSS = 10;
    public static final int SEGMENT_NOT_PRESENT = 11;
    public static final int STACK_FAULT = 12;
    public static final int GENERAL_PROTECTION = 13;
    public static final int PAGE_FAULT = 14;
    public static final int FLOATING_POINT = 16;
    public static final int ALIGNMENT_CHECK = 17;
    public static final int MACHINE_CHECK = 18;
    public static final int SIMD_FLOATING_POINT = 19;

    private static final int WITH_ERROR_CODE = 1 << DOUBLE_FAULT
            | 1 << INVALID_TSS
            | 1 << SEGMENT_NOT_PRESENT
            | 1 << STACK_FAULT
            | 1 << GENERAL_PROTECTION
            | 1 << PAGE_FAULT
            | 1 << ALIGNMENT_CHECK;

    private static final int CONTRIBUTORY = 1 << DIVIDE_ERROR
            | 1 << INVALID_TSS
            | 1 << SEGMENT_NOT_PRESENT
            | 1 << STACK_FAULT
            | 1 << GENERAL_PROTECTION;

    private static final String[] NAMES = {
        "#DE", "#DB", "NMI", "#BP", "#OF", "#BR", "#UD", "#NM", "#DF", "#9", "#TS", "#NP", "#SS", "#GP", "#PF", "#15",
        "#MF", "#AC", "#MC", "#XM"
    };

    public static boolean hasErrorCode(int vector) {
        return vector < 32 && (WITH_ERROR_CODE >>> vector & 1) != 0;
    }

    /** What becomes of {@code second} raised while {@code first} was being delivered (SDM table "Conditions for Generating a Double Fault"). */
    public enum Combination {
        /** The second is delivered; the first is re-raised by restarting. */
        SERIAL,
        DOUBLE_FAULT,
        /** The processor shuts down. */
        TRIPLE_FAULT
    }

    public static Combination combine(int first, int second) {
        if (first == DOUBLE_FAULT) {
            return isContributory(second) || second == PAGE_FAULT ? Combination.TRIPLE_FAULT : Combination.SERIAL;
        }
        boolean doubled = isContributory(first) && isContributory(second)
                || first == PAGE_FAULT && (isContributory(second) || second == PAGE_FAULT);
        return doubled ? Combination.DOUBLE_FAULT : Combination.SERIAL;
    }

    private static boolean isContributory(int vector) {
        return vector < 32 && (CONTRIBUTORY >>> vector & 1) != 0;
    }

    /** {@code #PF} and so on; {@code int 0x80} for vectors without a name. */
    public static String name(int vector) {
        return vector < NAMES.length ? NAMES[vector] : "int 0x" + Integer.toHexString(vector);
    }

    private Vector() {}
}
