package io.umbra.processor;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Straight-line code of one frame in one code mode, decoded once and executed from its start. Knows machine memory only: whoever maps the frame
 * at whatever linear address executes the same block.
 */
final class Block {
    /** At most so many operations. */
    static final int LONGEST = 48;

    final Op[] ops;
    /** In its frame: of the first byte, and of the byte behind the last. */
    final int start;

    final int end;
    /** 16, 32 or 64. */
    final int mode;

    final long mfn;
    /** The last operation sets RIP itself. */
    final boolean endsWithControl;
    /**
     * Bytes of a block's only instruction that lie in the next page. They are compared at each execution, because which frame follows is a matter of the linear
     * address. Null for a block that lies in its frame.
     */
    final byte @Nullable [] spill;

    /** Where its first byte is in {@link io.umbra.x86.HostMemory}; -1 once it is dropped, which no code's place equals. */
    long host;

    /** How often it was interpreted since it was last looked at for translation. */
    int heat;
    /** The region that the run loop enters here, and the number under which. */
    @Nullable
    Region region;

    int entry;
    /** All regions that it is a part of. */
    List<Region> regions = List.of();

    /** The next in its frame's chain. */
    @Nullable
    Block next;

    /** @param frame where its frame begins in {@link io.umbra.x86.HostMemory} */
    Block(Op[] ops, long mfn, long frame, int mode, byte @Nullable [] spill) {
        this.ops = ops;
        this.mfn = mfn;
        this.mode = mode;
        this.spill = spill;
        Op last = ops[ops.length - 1];
        this.start = ops[0].offset;
        this.host = frame + start;
        this.end = last.offset + last.length;
        this.endsWithControl = last.endsBlock();
    }

    /** Its bytes are about to change, or are no longer what it was decoded from. */
    void drop() {
        host = -1;
        for (Region stale : regions) {
            stale.leaveUse();
        }
    }

    void joins(Region made) {
        List<Region> all = new ArrayList<>(regions);
        all.add(made);
        regions = all;
    }

    void leaves(Region gone) {
        List<Region> others = new ArrayList<>(regions);
        others.remove(gone);
        regions = others.isEmpty() ? List.of() : others;
        if (region == gone) {
            region = null;
        }
        heat = 0;
    }

    boolean isTranslated() {
        return !regions.isEmpty();
    }

    boolean isDropped() {
        return host < 0;
    }

    boolean overlaps(int from, int to) {
        return start < to && from < end;
    }
}
