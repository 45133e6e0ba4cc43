package io.umbra.processor;

/**
 * Whether and when code is translated.
 *
 * @param threshold how often a block is interpreted before a region is made around it; 0: never
 * @param isSynchronous the region is there before the next block; else another thread makes it
 * @param target what is made
 */
public record Translation(int threshold, boolean isSynchronous, Target target) {
    /** What is made of hot code. */
    public enum Target {
        /** Classes, which the JVM compiles. */
        BYTECODE,
        /** Machine code of an x86-64 host. */
        HOST
    }

    /** Everything is interpreted. */
    public static final Translation OFF = new Translation(0, false, Target.BYTECODE);
    /**
     * What is worth while where the JIT compiler shares two cores with the guest: in a Debian boot 250 of 64,000 blocks are so hot, and they are four fifths of all
     * that is executed. With a lower threshold more code is compiled than the boot has time to gain from.
     */
    public static final Translation HOT = new Translation(30_000, false, Target.BYTECODE);
    /** Machine code costs little to make, so that it is worth while for what is executed some dozens of times. */
    public static final Translation MACHINE = new Translation(50, true, Target.HOST);

    public Translation {
        if (threshold < 0) {
            throw new IllegalArgumentException("a threshold of " + threshold);
        }
    }
}
