package io.umbra.shadow;

import io.umbra.x86.InvariantViolation;
import io.umbra.x86.MachineMemory;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Level-1 tables that the guest writes directly, though they are shadowed: their shadows fall behind, as a TLB does, and catch up when the guest flushes. Xen: {@code oos}.
 *
 * <ol>
 *   <li>Only a frame that is shadowed as one level-1 type, and as nothing else, goes out of sync; becoming a table of another kind ends it.
 *   <li>Only while every vCPU pages.
 *   <li>A flush by a vCPU ends it for the frames that this vCPU brought out of sync, and brings the contents of the others' up to date.
 *   <li>A fault and INVLPG may bring one entry up to date; the <em>snapshot</em> keeps, for each entry, the guest's entry from which the shadow's was derived.
 *   <li>A table linked at a new place must be up to date: the guest owes no flush for making an entry present.
 * </ol>
 *
 * <p>Each vCPU has a few slots. A frame lives in the slot that its number gives, or in the next; who must leave is brought back into sync. At most {@value #FIXUPS} leaves map such a frame writable.
 */
final class OutOfSync {
    /** Writable leaves of one frame that are kept. */
    static final int FIXUPS = 2;

    private static final long NONE = -1;

    /** A frame that is out of sync. */
    private static final class Slot {
        long mfn = NONE;
        /** The guest's entries from which the shadow's present entries were derived. */
        final long[] snapshot = new long[GuestFormat.TWO_LEVEL.entries()];
        /** Nodes of the reverse map: the leaves that map the frame writable, the oldest first; or -1. */
        final int[] fixups = {-1, -1};
    }

    private final ShadowTables tables;
    private final MachineMemory memory;
    private final Counters counters;
    private final int slotsPerVcpu;
    private Slot[] slots = new Slot[0];

    OutOfSync(ShadowTables tables, MachineMemory memory, Counters counters, int slotsPerVcpu) {
        this.tables = tables;
        this.memory = memory;
        this.counters = counters;
        this.slotsPerVcpu = slotsPerVcpu;
    }

    void addVcpu() {
        Slot[] more = new Slot[slots.length + slotsPerVcpu];
        System.arraycopy(slots, 0, more, 0, slots.length);
        for (int i = slots.length; i < more.length; i++) {
            more[i] = new Slot();
        }
        slots = more;
    }

    boolean isOutOfSync(long mfn) {
        return tables.frames.isOutOfSync(mfn);
    }

    /** Rules 1 and 2. */
    boolean mayLeaveSync(long mfn, List<ShadowVcpu> vcpus) {
        if (slotsPerVcpu == 0 || !isLevelOneOnly(tables.frames.shadowTypes(mfn))) {
            return false;
        }
        for (ShadowVcpu vcpu : vcpus) {
            if (!vcpu.state.isPaging()) {
                return false;
            }
        }
        return true;
    }

    private static boolean isLevelOneOnly(int types) {
        return types == ShadowType.L1_64.bit() || types == ShadowType.L1_PAE.bit() || types == ShadowType.L1_32.bit();
    }

    private ShadowPage shadowOf(long mfn) {
        ShadowType type = ShadowType.ALL[Integer.numberOfTrailingZeros(tables.frames.shadowTypes(mfn))];
        ShadowPage page = tables.find(mfn, type);
        if (page == null) {
            throw new InvariantViolation("HASH-2", "frame 0x" + Long.toHexString(mfn) + " has no shadow");
        }
        return page;
    }

    // ---- going and coming back
    // ---------------------------------------------------------------------------------------

    /** The guest may write to the frame from now on; the caller maps it writable. Xen: {@code sh_unsync}. */
    void leaveSync(int vcpu, long mfn) {
        counters.add(Counter.UNSYNC);
        counters.trace.leftSync(vcpu, mfn);
        Slot slot = makeRoom(vcpu, mfn);
        slot.mfn = mfn;
        slot.fixups[0] = -1;
        slot.fixups[1] = -1;
        GuestFormat format = shadowOf(mfn).liveType().format();
        for (int index = 0; index < format.entries(); index++) {
            slot.snapshot[index] = format.read(memory, mfn, index);
        }
        tables.frames.outOfSync(mfn, true);
        tables.walks.tableChanged(mfn);
    }

    /** A slot for the frame: its home, from which an occupant at home moves on to the next; one who was there already leaves. */
    private Slot makeRoom(int vcpu, long mfn) {
        int first = vcpu * slotsPerVcpu;
        int home = first + (int) (mfn % slotsPerVcpu);
        int next = first + (int) ((mfn + 1) % slotsPerVcpu);
        Slot occupant = slots[home];
        if (occupant.mfn == NONE) {
            return occupant;
        }
        boolean isAtHome = first + (int) (occupant.mfn % slotsPerVcpu) == home;
        if (!isAtHome || next == home) {
            resync(occupant);
            return occupant;
        }
        if (slots[next].mfn != NONE) {
            resync(slots[next]);
        }
        Slot free = slots[next];
        slots[next] = occupant;
        slots[home] = free;
        return free;
    }

    /** Back into sync: write access is taken away and every entry that changed is derived anew. Xen: {@code sh_resync}. */
    void resync(long mfn) {
        Slot slot = find(mfn);
        if (slot != null) {
            resync(slot);
        }
    }

    private void resync(Slot slot) {
        counters.add(Counter.RESYNC);
        long mfn = slot.mfn;
        counters.trace.resynced(mfn);
        tables.removeWriteAccess(mfn);
        refresh(slot);
        forget(mfn);
    }

    /** The frame is no table any more, or its shadow is gone. */
    void forget(long mfn) {
        Slot slot = find(mfn);
        if (slot != null) {
            slot.mfn = NONE;
        }
        tables.frames.outOfSync(mfn, false);
    }

    private @Nullable Slot find(long mfn) {
        if (isOutOfSync(mfn)) {
            for (Slot slot : slots) {
                if (slot.mfn == mfn) {
                    return slot;
                }
            }
        }
        return null;
    }

    /** For the auditor. */
    boolean hasSlot(long mfn) {
        return find(mfn) != null;
    }

    /** Rule 3. */
    void flushedBy(int vcpu) {
        for (int i = 0; i < slots.length; i++) {
            if (slots[i].mfn == NONE) {
                continue;
            }
            if (i / slotsPerVcpu == vcpu) {
                resync(slots[i]);
            } else {
                refresh(slots[i]);
            }
        }
    }

    /** Every frame comes back into sync. */
    void resyncAll() {
        for (Slot slot : slots) {
            if (slot.mfn != NONE) {
                resync(slot);
            }
        }
    }

    // ---- contents
    // ----------------------------------------------------------------------------------------------------

    /** Rule 5: {@code child} is linked at a place where it was not. */
    void linked(ShadowPage child) {
        if (child.liveType().level() > 1) {
            for (Slot slot : slots) {
                if (slot.mfn != NONE) {
                    refresh(slot);
                }
            }
        } else if (child.liveType().shadowsTable()) {
            Slot slot = find(child.frame);
            if (slot != null) {
                refresh(slot);
            }
        }
    }

    /** Derives the present shadow entries anew whose guest entries have changed; absent ones fault in. */
    private void refresh(Slot slot) {
        ShadowPage page = shadowOf(slot.mfn);
        GuestFormat format = page.liveType().format();
        for (int index = 0; index < format.entries(); index++) {
            if (tables.entry(page, index) != 0 && format.read(memory, slot.mfn, index) != slot.snapshot[index]) {
                counters.add(Counter.RESYNC_ENTRY);
                tables.revalidation.revalidate(page, index);
            }
        }
    }

    /** The shadow of one entry was derived from {@code guest}. */
    void derived(long mfn, int index, long guest) {
        Slot slot = find(mfn);
        if (slot != null) {
            slot.snapshot[index] = guest;
        }
    }

    /** What the shadow's entry was derived from: for the auditor. The frame is out of sync. */
    long snapshot(long mfn, int index) {
        Slot slot = find(mfn);
        return slot == null ? 0 : slot.snapshot[index];
    }

    // ---- fixups
    // ------------------------------------------------------------------------------------------------------

    /** A leaf maps the frame, which is out of sync, writable now. It takes the place of one that no longer does; where there is none, the oldest loses the right. */
    void mappedWritable(long mfn, int node) {
        Slot slot = find(mfn);
        if (slot == null || slot.fixups[0] == node || slot.fixups[1] == node) {
            return;
        }
        if (!tables.mapsWritable(slot.fixups[1], mfn)) {
            slot.fixups[1] = node;
            return;
        }
        int oldest = slot.fixups[0];
        if (tables.mapsWritable(oldest, mfn)) {
            counters.add(Counter.FIXUP_EVICT);
            tables.makeReadOnly(oldest, mfn);
        }
        slot.fixups[0] = slot.fixups[1];
        slot.fixups[1] = node;
    }
}
