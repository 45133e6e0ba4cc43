package io.umbra.shadow;

import io.umbra.x86.LongModeEntry;
import java.util.SplittableRandom;

/**
 * The small world in which sequences take place: few frames, few places in few tables, so that operations meet. Any frame below {@link #TABLES} may serve as a table of any
 * level, of several at once, and of itself.
 *
 * <pre>
 *  gfn 0 .. 11      tables                 gfn 40 .. 43    devices
 *      12 .. 31     memory                 gfn 512 .. 1023 memory, one 2 MiB run of machine frames
 *      32 .. 35     read-only memory       all others      nothing
 * </pre>
 */
final class GuestLayout {
    static final int TABLES = 12;
    static final int MEMORY = 32;
    static final int READ_ONLY = 36;
    static final int FIRST_DEVICE = 40;
    static final int DEVICES = 44;
    static final int LARGE = 512;
    static final int END = 1024;

    /** The places in each table that are used. */
    static final int[] SLOTS = {0, 1, 2, 511};

    private final SplittableRandom random;

    GuestLayout(long seed) {
        random = new SplittableRandom(seed);
    }

    static P2mType type(long gfn) {
        if (gfn < MEMORY || gfn >= LARGE && gfn < END) {
            return P2mType.RAM;
        }
        if (gfn < READ_ONLY) {
            return P2mType.READ_ONLY;
        }
        return gfn >= FIRST_DEVICE && gfn < DEVICES ? P2mType.MMIO : P2mType.HOLE;
    }

    int below(int bound) {
        return random.nextInt(bound);
    }

    boolean chance(int percent) {
        return random.nextInt(100) < percent;
    }

    long any() {
        return random.nextLong();
    }

    int slot() {
        return SLOTS[random.nextInt(SLOTS.length)];
    }

    /** Mostly a table. */
    long gfn() {
        int kind = random.nextInt(100);
        if (kind < 90) {
            return random.nextInt(TABLES);
        }
        if (kind < 93) {
            return random.nextInt(MEMORY);
        }
        return kind < 95 ? random.nextInt(DEVICES + 4) : LARGE + random.nextInt(8);
    }

    /** Page aligned, canonical. */
    long page() {
        long linear = 0;
        for (int level = 1; level <= 4; level++) {
            linear |= (long) slot() << LongModeEntry.indexShift(level);
        }
        return linear << 16 >> 16;
    }

    /** A plausible entry, sometimes a bad one. */
    long entry() {
        if (chance(3)) {
            return chance(50) ? 0 : any() & ~LongModeEntry.PRESENT;
        }
        long flags = LongModeEntry.PRESENT;
        flags |= flag(92, LongModeEntry.WRITABLE) | flag(88, LongModeEntry.USER) | flag(60, LongModeEntry.ACCESSED);
        flags |= flag(50, LongModeEntry.DIRTY) | flag(5, LongModeEntry.NO_EXECUTE) | flag(10, LongModeEntry.GLOBAL);
        flags |= flag(5, LongModeEntry.WRITE_THROUGH) | flag(5, 0x7FL << 52);
        flags |= below(200) == 0 ? 1L << 45 : 0;
        long gfn = gfn();
        if (chance(6)) {
            flags |= LongModeEntry.PAGE_SIZE;
            gfn = chance(50) ? 0 : chance(85) ? LARGE : gfn;
            flags |= flag(10, LongModeEntry.LARGE_PAT);
        }
        return LongModeEntry.of(gfn, flags);
    }

    private long flag(int percent, long bits) {
        return chance(percent) ? bits : 0;
    }
}
