package io.umbra.processor.fp;

/**
 * Rounding, masks and sticky exception flags of one operation's environment: shared by x87 (control and status word) and
 * SSE (MXCSR). Mutable, one per processor.
 *
 * <p>The flags are those of Intel SDM vol. 1, 8.1.3.3 and 10.2.3.1, at their bit positions there. A caller clears {@link
 * #flags} before an instruction, and afterwards moves them to the status register that it keeps.
 */
public final class FloatEnvironment {
    public static final int INVALID = 1;
    public static final int DENORMAL = 2;
    public static final int DIVIDE_BY_ZERO = 4;
    public static final int OVERFLOW = 8;
    public static final int UNDERFLOW = 16;
    public static final int INEXACT = 32;

    /** All six exceptions: the value of {@link #masked} after reset. */
    public static final int ALL = 63;

    /** The exceptions found by looking at operands, before anything is computed. */
    public static final int PRE_COMPUTATION = INVALID | DENORMAL | DIVIDE_BY_ZERO;

    /** Values of {@link #rounding}. */
    public static final int NEAREST = 0;

    public static final int DOWN = 1;
    public static final int UP = 2;
    public static final int TOWARD_ZERO = 3;

    /** The RC encoding: nearest-even, down, up, toward zero. */
    public int rounding = NEAREST;

    /** The x87's PC as significant bits: 24, 53 or 64. SSE ignores it. */
    public int precision = 64;

    /** A set bit masks the exception. */
    public int masked = ALL;

    /** MXCSR.DAZ; the x87 ignores it. */
    public boolean denormalsAreZero;

    /** MXCSR.FTZ; the x87 ignores it. */
    public boolean flushToZero;

    /** Exceptions raised since the caller last cleared this, masked or not. */
    public int flags;

    /** x87 C1: the last x87 operation was inexact and rounded up in magnitude. After SSE it means nothing. */
    public boolean roundedUp;

    /** Raises exceptions, and says whether one of them is unmasked. */
    boolean raise(int exceptions) {
        flags |= exceptions;
        return (exceptions & ~masked) != 0;
    }

    /** Whether one of these exceptions is raised and unmasked. */
    public boolean isUnmasked(int exceptions) {
        return (flags & ~masked & exceptions) != 0;
    }

    /**
     * What a packed SSE instruction reports, given the union of its elements' flags: when a pre-computation exception of
     * any element is unmasked, no element gets as far as a post-computation exception. Intel SDM vol. 1, 11.5.3.
     */
    public static int ofPackedInstruction(int elementFlags, int masked) {
        return (elementFlags & ~masked & PRE_COMPUTATION) != 0 ? elementFlags & PRE_COMPUTATION : elementFlags;
    }

    /**
     * Whether rounding adds one unit to the magnitude that is kept.
     *
     * @param odd whether the last bit kept is 1
     * @param below what is cut off, as a fraction of that unit in 2⁻⁶⁴; any inexact tail is or-ed into bit 0
     */
    boolean roundsAway(boolean negative, boolean odd, long below) {
        return roundsAway(rounding, negative, odd, below);
    }

    /** The same in a given rounding mode. */
    static boolean roundsAway(int rounding, boolean negative, boolean odd, long below) {
        return switch (rounding) {
            case NEAREST -> below < 0 && (odd || below != Long.MIN_VALUE);
            case DOWN -> negative && below != 0;
            case UP -> !negative && below != 0;
            default -> false;
        };
    }

    /** Whether an overflow becomes infinity rather than the largest finite number. */
    boolean overflowsToInfinity(boolean negative) {
        return rounding == NEAREST || rounding == (negative ? DOWN : UP);
    }
}
