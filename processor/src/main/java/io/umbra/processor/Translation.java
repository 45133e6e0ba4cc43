package io.umbra.processor;

/**
 * Whether and when code is translated.
 *
 * @param threshold how often a block is interpreted before a region is made around it; 0: never
 * @param isSynchronous the region is there before the next block; else another thread makes it. Machine code is always made at once
 * @param target what is made
 * @param room for machine code, in bytes; when it is full, all of it is made anew
 */
public record Translation(int threshold, boolean isSynchronous, Target target, long room) {
    /** What is made of hot code. */
    public enum Target {
        /** Classes, which the JVM compiles. */
        BYTECODE,
        /** Machine code of an x86-64 host. */
        HOST
    }

    private static final long ROOM = 64L << 20;

    /** Everything is interpreted. */
    public static final Translation OFF = new Translation(0, false, Target.BYTECODE, ROOM);
    /**
     * What is worth while where the JIT compiler shares two cores with the guest: in a Debian boot 250 of 64,000 blocks are so hot, and they are four fifths of all
     * that is executed. With a lower threshold more code is compiled than the boot has time to gain from.
     */
    public static final Translation HOT_CLASSES = new Translation(30_000, false, Target.BYTECODE, ROOM);

    /** Machine code costs little to make, so that it is worth while for what is executed some dozens of times. */
    private static final Translation MACHINE = new Translation(50, true, Target.HOST, ROOM);

    public Translation {
        if (threshold < 0) {
            throw new IllegalArgumentException("a threshold of " + threshold);
        }
    }

    /** The fastest that this host can do: machine code on x86-64 with Linux, if the host gives executable memory; else classes. */
    public static Translation fastest() {
        return HostEntry.isAvailable() && HostFlags.logicAgrees() ? MACHINE : HOT_CLASSES;
    }

    public boolean translates() {
        return threshold > 0;
    }

    /** The same, with every block translated before it is executed again: for tests. */
    public Translation eager() {
        return new Translation(1, true, target, room);
    }

    /** The same with so much room. */
    public Translation withRoom(long bytes) {
        return new Translation(threshold, isSynchronous, target, bytes);
    }
}
