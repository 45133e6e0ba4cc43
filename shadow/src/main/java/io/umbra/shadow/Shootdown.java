package io.umbra.shadow;

import io.umbra.x86.LongModeEntry;
import java.util.List;

/**
 * What the TLBs must be told before the guest runs on: which shadow entries lost a right. An entry concerns the linear addresses that select its index at its level, whatever the tables above it, so
 * the place in its table is all that is kept; above level 2, or when there are many, everything goes. So a TLB never holds more than the shadows grant while the guest runs, and a load of CR3
 * has nothing to drop. Xen, on hardware that can drop one page or all, flushes: {@code flush_tlb_mask}.
 */
final class Shootdown {
    /** More are not worth telling one by one. */
    private static final int MOST = 32;

    private static final int LEVEL_SHIFT = 16;

    private final Counters counters;
    private final int[] places = new int[MOST];
    private int count;
    private boolean all;

    Shootdown(Counters counters) {
        this.counters = counters;
    }

    /** Everything must go. */
    void all() {
        all = true;
    }

    /**
     * An entry lost a right.
     *
     * @param slot of a shadow, as {@link ShadowPage} numbers them
     */
    void at(int level, int slot) {
        int place = level << LEVEL_SHIFT | slot & LongModeEntry.ENTRIES - 1;
        if (level > 2 || count == MOST) {
            all = true;
        } else if (count == 0 || places[count - 1] != place) {
            places[count++] = place;
        }
    }

    /** Pays what is owed. */
    void deliver(List<ShadowVcpu> vcpus) {
        if (all) {
            counters.add(Counter.FLUSH);
            counters.trace.flushed();
            for (int i = 0; i < vcpus.size(); i++) {
                vcpus.get(i).tlb.flush();
            }
        } else {
            for (int n = 0; n < count; n++) {
                deliver(vcpus, places[n] >>> LEVEL_SHIFT, places[n] & LongModeEntry.ENTRIES - 1);
            }
        }
        all = false;
        count = 0;
    }

    private void deliver(List<ShadowVcpu> vcpus, int level, int index) {
        counters.add(Counter.SHOOTDOWN);
        counters.trace.shotDown(level, index);
        for (int i = 0; i < vcpus.size(); i++) {
            vcpus.get(i).tlb.invalidateEntry(level, index);
        }
    }
}
