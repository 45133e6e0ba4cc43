package io.umbra.tools.matrix;

import java.util.List;

/**
 * All cases of one mode, numbered from 0. The numbering is stable as long as the matrix is: a case is named by its mode and number.
 *
 * <p>What is left out, and why that loses nothing, is argued in {@code docs/access-matrix.md}.
 */
public final class AccessMatrix {
    private final MatrixMode mode;
    private final List<Block> blocks;
    private final long[] ends;

    public AccessMatrix(MatrixMode mode) {
        this.mode = mode;
        this.blocks = Block.of(mode);
        this.ends = new long[blocks.size()];
        long end = 0;
        for (int i = 0; i < ends.length; i++) {
            end += blocks.get(i).cases();
            ends[i] = end;
        }
    }

    public MatrixMode mode() {
        return mode;
    }

    public long cases() {
        return ends[ends.length - 1];
    }

    /** @param number from 0 to {@link #cases} - 1 */
    public AccessCase at(long number) {
        int block = blockOf(number);
        long first = block == 0 ? 0 : ends[block - 1];
        return blocks.get(block).at(number - first, number);
    }

    /** The name of the block that a case belongs to. */
    public String blockName(long number) {
        return blocks.get(blockOf(number)).name();
    }

    private int blockOf(long number) {
        if (number < 0 || number >= cases()) {
            throw new IndexOutOfBoundsException("case " + number + " of " + cases());
        }
        int block = 0;
        while (number >= ends[block]) {
            block++;
        }
        return block;
    }

    List<Block> blocks() {
        return blocks;
    }
}
