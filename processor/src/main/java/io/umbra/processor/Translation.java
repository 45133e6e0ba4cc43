package io.umbra.processor;

/**
 * Whether and when code is translated.
 *
 * @param threshold how often a block is interpreted before a region is made around it; 0: never
 * @param isSynchronous the region is there before the next block; else another thread makes it
 */
public record Translation(int threshold, boolean isSynchronous) {
    /** Everything is interpreted. */
    public static final Translation OFF = new Translation(0, false);
    /**
     * What is worth while where the JIT compiler shares two cores with the guest: in a Debian boot 250 of 64,000 blocks are so hot, and they are four fifths of all
     * that is executed. With a lower threshold more code is compiled than the boot has time to gain from.
     */
    public static final Translation HOT = new Translation(30_000, false);

    public Translation {
        if (threshold < 0) {
            throw new IllegalArgumentException("a threshold of " + threshold);
        }
    }
}
