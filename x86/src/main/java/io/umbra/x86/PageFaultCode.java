package io.umbra.x86;

/**
 * The error code of #PF (Intel SDM vol. 3A, "Page-Fault Exceptions"). The bits {@link #WRITE}, {@link #USER},
 * {@link #FETCH} and the synthetic {@link #IMPLICIT} also describe an access before its outcome is known: an
 * <em>access</em> in this project is an {@code int} of those bits.
 */
public final class PageFaultCode {
    /** A translation existed and its rights, or a reserved bit, refused the access. */
    public static final int PRESENT = 1;

    public static final int WRITE = 1 << 1;
    /** The access was made at CPL 3 and not implicitly by the processor. */
    public static final int USER = 1 << 2;

    public static final int RESERVED = 1 << 3;
    public static final int FETCH = 1 << 4;
    public static final int PROTECTION_KEY = 1 << 5;

    /** Synthetic, never given to a guest: a supervisor access that the processor makes itself (descriptor tables, TSS). */
    public static final int IMPLICIT = 1 << 16;

    /** The bits that a guest may see. */
    public static final int ARCHITECTURAL = 0x3F;

    /** The access bits of a code: what was attempted, without what came of it. */
    public static int access(int code) {
        return code & (WRITE | USER | FETCH | IMPLICIT);
    }

    /** Short searchable form, as {@code P|W|U}; {@code 0} for a supervisor read of an absent page. */
    public static String describe(int code) {
        if (code == 0) {
            return "0";
        }
        StringBuilder text = new StringBuilder();
        append(text, code, PRESENT, "P");
        append(text, code, WRITE, "W");
        append(text, code, USER, "U");
        append(text, code, RESERVED, "RSVD");
        append(text, code, FETCH, "I");
        append(text, code, PROTECTION_KEY, "PK");
        append(text, code, IMPLICIT, "implicit");
        return text.toString();
    }

    private static void append(StringBuilder text, int code, int bit, String name) {
        if ((code & bit) != 0) {
            text.append(text.isEmpty() ? "" : "|").append(name);
        }
    }

    private PageFaultCode() {}
}
