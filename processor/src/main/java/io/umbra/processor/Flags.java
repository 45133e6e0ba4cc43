package io.umbra.processor;

import io.umbra.x86.RFlags;

/**
 * The six status flags, kept lazily: an instruction stores its result and its carries, a reader computes the flag it needs. Two words hold any
 * combination of the six, so there is no second representation to fall back to.
 *
 * <pre>
 *  result   the result, sign-extended to 64 bits: ZF = (result == 0), SF = bit 63 ^ carries bit 0, PF = parity of (result ^ carries >> 8) bits 7..0
 *  carries  63: carry out of the top bit (CF)   62: carry into the top bit (OF = 63 ^ 62)   3: carry out of bit 3 (AF)
 *           15..8: correction of PF             0: correction of SF
 * </pre>
 *
 * <p>For additions the carry vector of a + b = r is (a &amp; b) | ((a | b) &amp; ~r), for subtractions a - b = r the borrow vector
 * (~a &amp; b) | ((~a | b) &amp; r); bits size-1 and size-2 of it are moved to 63 and 62.
 */
final class Flags {
    private static final long CARRIES = 3L << 62;
    private static final long AUXILIARY = 1L << 3;

    long result = 1;
    long carries;

    /** After r = a + b (+ carry). Operands may have garbage above {@code bits} (8, 16, 32, 64). */
    void add(long a, long b, long r, int bits) {
        set((a & b) | ((a | b) & ~r), r, bits);
    }

    /** After r = a - b (- borrow). */
    void subtract(long a, long b, long r, int bits) {
        set((~a & b) | ((~a | b) & r), r, bits);
    }

    /** After AND, OR, XOR, TEST: CF = OF = AF = 0. */
    void logic(long r, int bits) {
        result = r << 64 - bits >> 64 - bits;
        carries = 0;
    }

    void add64(long a, long b, long r) {
        long vector = (a & b) | ((a | b) & ~r);
        result = r;
        carries = vector & (CARRIES | AUXILIARY);
    }

    void subtract64(long a, long b, long r) {
        long vector = (~a & b) | ((~a | b) & r);
        result = r;
        carries = vector & (CARRIES | AUXILIARY);
    }

    /** After INC: as add with b = 1, but CF stays. */
    void increment(long a, long r, int bits) {
        boolean carry = carry();
        add(a, 1, r, bits);
        carry(carry);
    }

    void decrement(long a, long r, int bits) {
        boolean carry = carry();
        subtract(a, 1, r, bits);
        carry(carry);
    }

    /** After a shift: CF and OF are given (0 or 1), AF is 1 as AMD's processors set it, the others follow from the result. */
    void shift(long r, int bits, long carry, long overflow) {
        result = r << 64 - bits >> 64 - bits;
        carries = carry << 63 | (carry ^ overflow) << 62 | AUXILIARY;
    }

    /** After DIV and IDIV, where all are undefined: AMD's processors set AF, clear SF, ZF and PF, and keep CF and OF. */
    void divide() {
        result = 1;
        carries = carries & CARRIES | AUXILIARY;
    }

    private void set(long vector, long r, int bits) {
        int shift = 64 - bits;
        result = r << shift >> shift;
        carries = vector << shift & CARRIES | vector & AUXILIARY;
    }

    boolean carry() {
        return carries < 0;
    }

    boolean zero() {
        return result == 0;
    }

    boolean sign() {
        return (result >>> 63 ^ carries & 1) != 0;
    }

    boolean overflow() {
        return (carries ^ carries << 1) < 0;
    }

    boolean auxiliary() {
        return (carries & AUXILIARY) != 0;
    }

    boolean parity() {
        return (Integer.bitCount((int) (result ^ carries >>> 8) & 0xFF) & 1) == 0;
    }

    /** Changes CF and leaves the other five as they are. */
    void carry(boolean value) {
        boolean flips = carry() != value;
        if (flips) {
            carries ^= CARRIES;
        }
    }

    /** Changes OF and leaves the other five as they are. */
    void overflow(boolean value) {
        if (overflow() != value) {
            carries ^= 1L << 62;
        }
    }

    /** Changes ZF and leaves the other five as they are. */
    void zero(boolean value) {
        if (zero() != value) {
            fromRFlags(toRFlags() ^ RFlags.ZERO);
        }
    }

    boolean belowOrEqual() {
        return carries < 0 || result == 0;
    }

    boolean less() {
        return sign() != overflow();
    }

    boolean lessOrEqual() {
        return result == 0 || sign() != overflow();
    }

    /** The condition codes of Jcc, SETcc and CMOVcc: O NO B AE E NE BE A S NS P NP L GE LE G. */
    boolean condition(int code) {
        return switch (code) {
            case 0 -> overflow();
            case 1 -> !overflow();
            case 2 -> carry();
            case 3 -> !carry();
            case 4 -> zero();
            case 5 -> !zero();
            case 6 -> belowOrEqual();
            case 7 -> !belowOrEqual();
            case 8 -> sign();
            case 9 -> !sign();
            case 10 -> parity();
            case 11 -> !parity();
            case 12 -> less();
            case 13 -> !less();
            case 14 -> lessOrEqual();
            default -> !lessOrEqual();
        };
    }

    /** The six flags in their places of RFLAGS; all other bits zero. */
    long toRFlags() {
        return (carry() ? RFlags.CARRY : 0)
                | (parity() ? RFlags.PARITY : 0)
                | (auxiliary() ? RFlags.AUXILIARY : 0)
                | (zero() ? RFlags.ZERO : 0)
                | (sign() ? RFlags.SIGN : 0)
                | (overflow() ? RFlags.OVERFLOW : 0);
    }

    /** Takes the six flags from a value of RFLAGS. */
    void fromRFlags(long rflags) {
        boolean zero = (rflags & RFlags.ZERO) != 0;
        boolean carry = (rflags & RFlags.CARRY) != 0;
        boolean overflow = (rflags & RFlags.OVERFLOW) != 0;
        long word = carry ? 1L << 63 : 0;
        if (carry != overflow) {
            word |= 1L << 62;
        }
        if ((rflags & RFlags.AUXILIARY) != 0) {
            word |= AUXILIARY;
        }
        if ((rflags & RFlags.SIGN) != 0) {
            word |= 1;
        }
        result = zero ? 0 : 1 << 1;
        boolean wantsParity = (rflags & RFlags.PARITY) != 0;
        boolean hasParity = zero;
        if (wantsParity != hasParity) {
            word |= 1 << 8;
        }
        carries = word;
    }

    /** As {@link HostState#FLAGS} has them. */
    int toHost() {
        int rflags = (int) toRFlags();
        return (rflags & 0xFF) << 8 | rflags >>> 11 & 1;
    }

    void fromHost(long word) {
        long carry = word >>> 8 & 1;
        long zero = word >>> 14 & 1;
        long parity = word >>> 10 & 1;
        result = zero ^ 1;
        carries = carry << 63
                | (carry ^ word & 1) << 62
                | (parity ^ zero) << 8
                | word >>> 9 & AUXILIARY
                | word >>> 15 & 1;
    }
}
