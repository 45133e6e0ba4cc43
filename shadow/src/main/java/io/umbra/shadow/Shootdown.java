package io.umbra.shadow;

import io.umbra.x86.LongModeEntry;
import java.util.List;

/**
 * What the TLBs must be told: which shadow entries lost a right. An entry concerns the linear addresses that select its index at its level, whatever the tables above it, so the place in its table is
 * all that is kept; above level 2, or when there are many, everything goes. Xen, on hardware that can drop one page or all, flushes: {@code flush_tlb_mask}.
 *
 * <p>A leaf's lost right may stay in use until the guest flushes, as on hardware; what cannot wait for that (a link that was cut, a frame that must not be written to any more) makes all that
 * is owed {@linkplain #due due} before the guest runs on. So a load of CR3 has nothing to drop beside what is owed.
 */
final class Shootdown {
    /** More are not worth telling one by one. */
    private static final int MOST = 64;

    private static final int LEVEL_SHIFT = 16;

    private final Counters counters;
    private final int[] places = new int[MOST];
    private int count;
    private boolean all;
    private boolean isDue;

    Shootdown(Counters counters) {
        this.counters = counters;
    }

    /**
     * An entry lost a right.
     *
     * @param slot of a shadow, as {@link ShadowPage} numbers them
     */
    void lost(int level, int slot) {
        int place = level << LEVEL_SHIFT | slot & LongModeEntry.ENTRIES - 1;
        if (level > 2 || count == MOST) {
            all = true;
        } else if (count == 0 || places[count - 1] != place) {
            places[count++] = place;
        }
    }

    /** What is owed must be told before the guest runs on. */
    void due() {
        isDue = true;
    }

    /** Anything may have lost a right. */
    void lostAll() {
        all = true;
    }

    /** The same, and it is due. */
    void all() {
        lostAll();
        due();
    }

    /** Whether a TLB may hold more than the shadows grant. */
    boolean isOwed() {
        return all || count > 0;
    }

    /** Pays what is due. */
    void deliver(List<ShadowVcpu> vcpus) {
        if (isDue) {
            counters.add(Counter.FLUSH);
            counters.trace.flushed();
            pay(vcpus);
        }
    }

    /** Pays all that is owed, because the guest flushes a TLB. With one vCPU that is the guest's own flush, and none of the engine's. */
    void deliverAtFlush(List<ShadowVcpu> vcpus) {
        if (vcpus.size() > 1) {
            deliver(vcpus);
        }
        pay(vcpus);
    }

    /** All TLBs are empty: nothing is owed. */
    void forget() {
        isDue = false;
        all = false;
        count = 0;
    }

    private void pay(List<ShadowVcpu> vcpus) {
        if (all) {
            for (int i = 0; i < vcpus.size(); i++) {
                vcpus.get(i).tlb.flush();
            }
        } else {
            for (int n = 0; n < count; n++) {
                pay(vcpus, places[n] >>> LEVEL_SHIFT, places[n] & LongModeEntry.ENTRIES - 1);
            }
        }
        forget();
    }

    private void pay(List<ShadowVcpu> vcpus, int level, int index) {
        counters.add(Counter.SHOOTDOWN);
        counters.trace.shotDown(level, index);
        for (int i = 0; i < vcpus.size(); i++) {
            vcpus.get(i).tlb.invalidateEntry(level, index);
        }
    }
}
