package io.umbra.shadow.pv;

import io.umbra.shadow.pv.PvOperation.Kind;
import java.util.SplittableRandom;

/** Draws operations that mostly make sense: frames have a level that they are mostly used at, entries mostly name a frame of the next one. The rest is hostile. */
final class PvOperationSource {
    private static final long P = 1;
    private static final long RW = 2;
    private static final long US = 4;
    private static final int[] SLOTS = {0, 0, 0, 1, 1, 2, 255, 256, 260, 271, 272, 511};
    private static final long[] ODD_FLAGS = {
        1L << 3, 1L << 4, 1L << 5, 1L << 6, 1L << 7, 1L << 8, 1L << 9, 1L << 52, 1L << 62, 1L << 63, 1L << 59, 0
    };
    private static final Kind[] KINDS = Kind.values();

    private final SplittableRandom random;

    PvOperationSource(long seed) {
        this.random = new SplittableRandom(seed);
    }

    PvOperation next() {
        Kind kind = kind();
        boolean mapsData = kind == Kind.UPDATE_VA || kind == Kind.DIRECT_STORE || kind == Kind.DIRECT_EXCHANGE;
        int level = mapsData && random.nextInt(4) != 0 ? 1 : 1 + random.nextInt(4);
        boolean sensible = random.nextInt(8) != 0;
        int frame = sensible && !mapsData && kind != Kind.HARDWARE_WRITE ? frameOfLevel(level) : anyFrame();
        int target = sensible ? frameOfLevel(level - 1) : anyFrame();
        if (random.nextInt(10) == 0) {
            target = frameOfLevel(level);
        }
        int slot = random.nextInt(10) == 0 ? random.nextInt(512) : SLOTS[random.nextInt(SLOTS.length)];
        int patience = random.nextInt(3) == 0 ? random.nextInt(3) : -1;
        return new PvOperation(kind, random.nextInt(2), frame, slot, target, flags(level), patience);
    }

    private Kind kind() {
        return switch (random.nextInt(24)) {
            case 0, 1, 2, 3, 4, 5 -> Kind.UPDATE;
            case 6, 7 -> Kind.PIN;
            case 8, 9 -> Kind.UNPIN;
            case 10 -> random.nextBoolean() ? Kind.NEW_BASE : Kind.NEW_USER_BASE;
            case 11, 12, 13 -> Kind.UPDATE_VA;
            case 14 -> Kind.HARDWARE_READ;
            case 15, 16, 17 -> Kind.HARDWARE_WRITE;
            case 18 -> Kind.DIRECT_STORE;
            case 19 -> Kind.DIRECT_EXCHANGE;
            default -> KINDS[random.nextInt(KINDS.length)];
        };
    }

    private long flags(int level) {
        long flags = random.nextInt(10) == 0 ? 0 : P;
        flags |= random.nextInt(level == 1 ? 2 : 4) == 0 ? 0 : RW;
        flags |= random.nextInt(3) == 0 ? 0 : US;
        return random.nextInt(8) == 0 ? flags | ODD_FLAGS[random.nextInt(ODD_FLAGS.length)] : flags;
    }

    private int anyFrame() {
        return random.nextInt(PvGuest.POOL + PvGuest.STRANGE);
    }

    /** Of the pool's four per level; level 0 is data. */
    private int frameOfLevel(int level) {
        return level * PvGuest.PER_LEVEL + random.nextInt(PvGuest.PER_LEVEL);
    }
}
