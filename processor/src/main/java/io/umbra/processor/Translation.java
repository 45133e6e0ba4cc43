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
    /** What is worth while: a region costs some milliseconds to make and to compile. */
    public static final Translation HOT = new Translation(1000, false);

    public Translation {
        if (threshold < 0) {
            throw new IllegalArgumentException("a threshold of " + threshold);
        }
    }
}
