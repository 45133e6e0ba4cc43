package io.umbra.shadow.pv;

import java.util.Arrays;

/**
 * What is known of each frame of a machine: whose it is, how many refer to it, and as what. Xen: {@code struct page_info}.
 *
 * <p>A frame's <em>count</em> says how many hold it: it is freed with the last. Its <em>type count</em> says how many rely on its type: the type can change only while there is none. Who relies on the type
 * also holds the frame.
 *
 * <p>A frame of type L1 to L4 is in one of four states:
 *
 * <pre>
 *   idle           type count 0                    no entry holds anything
 *   in work        type count 1                    being validated or devalidated right now; only visible from within a call
 *   partial        type count 1, PARTIAL           entries 0 … done-1 hold what they name, and entry done holds the bare frame if CHILD_PARTIAL
 *   validated      type count 1 or more, VALIDATED all present entries hold what they name
 * </pre>
 */
public final class MachineFrames {
    /** Owner of a frame that no domain has. */
    public static final int NOBODY = -1;
    /** Owner of what the hypervisor keeps for itself: no domain can map it. */
    public static final int HYPERVISOR = -2;

    static final int VALIDATED = 1;
    static final int PINNED = 1 << 1;
    static final int PARTIAL = 1 << 2;
    /** The child that entry {@code done} names is partial itself, and its frame is held. */
    static final int CHILD_PARTIAL = 1 << 3;
    /** The owner's own reference, which {@link PvTables#release} gives up. Xen: {@code PGC_allocated}. */
    static final int ALLOCATED = 1 << 4;
    /** The hypervisor's, lent to its owner for good. Xen: {@code PGC_xen_heap}. */
    static final int SPECIAL = 1 << 5;

    /** What a count reaches at most. The last place is for a reference that must not be refused: that of a partial frame, or of an update under way. */
    private final int limit;

    private final int[] owners;
    private final int[] counts;
    private final int[] typeCounts;
    private final byte[] types;
    private final byte[] flags;
    private final short[] done;
    private final int[] linear;
    private final int[] stamps;
    private final int[] held;

    MachineFrames(long frames, int limit) {
        int size = Math.toIntExact(frames);
        this.limit = limit;
        owners = new int[size];
        Arrays.fill(owners, NOBODY);
        counts = new int[size];
        typeCounts = new int[size];
        types = new byte[size];
        flags = new byte[size];
        done = new short[size];
        linear = new int[size];
        stamps = new int[size];
        held = new int[size];
    }

    /** Frames in the machine: mfns from there on are no memory. */
    public long size() {
        return owners.length;
    }

    public boolean contains(long mfn) {
        return mfn >= 0 && mfn < owners.length;
    }

    /** A domain's number, {@link #NOBODY} or {@link #HYPERVISOR}. */
    public int owner(long mfn) {
        return owners[(int) mfn];
    }

    /** What the frame is used as or, with a type count of 0, was last. */
    public FrameType type(long mfn) {
        return FrameType.ALL[types[(int) mfn]];
    }

    /** References of the frame's type. */
    public int typeCount(long mfn) {
        return typeCounts[(int) mfn];
    }

    /** References of any kind: it is not freed before there is none. */
    public int count(long mfn) {
        return counts[(int) mfn];
    }

    public boolean isValidated(long mfn) {
        return has(mfn, VALIDATED);
    }

    public boolean isPinned(long mfn) {
        return has(mfn, PINNED);
    }

    /** Validation or its undoing was interrupted. */
    public boolean isPartial(long mfn) {
        return has(mfn, PARTIAL);
    }

    /** Entries of its own level that the table has; negative: such entries of other tables that name it. Xen: {@code linear_pt_count}. */
    public int linear(long mfn) {
        return linear[(int) mfn];
    }

    /** Of a partial table: how many entries, from the first, hold what they name. */
    public int done(long mfn) {
        return done[(int) mfn];
    }

    boolean has(long mfn, int flag) {
        return (flags[(int) mfn] & flag) != 0;
    }

    /** The table is in use as such, whole: its entries may be changed one by one. */
    boolean isLiveTable(long mfn) {
        return typeCounts[(int) mfn] > 0 && has(mfn, VALIDATED) && type(mfn).isTable();
    }

    boolean isOwnedBy(long mfn, int domain) {
        return contains(mfn) && owners[(int) mfn] == domain;
    }

    /** References, and of type WRITABLE, that whoever uses {@link PvTables#takeWritable} has. */
    int held(long mfn) {
        return held[(int) mfn];
    }

    // ---- changes
    // -----------------------------------------------------------------------------------------------------------------------

    void set(long mfn, int flag, boolean is) {
        flags[(int) mfn] = (byte) (is ? flags[(int) mfn] | flag : flags[(int) mfn] & ~flag);
    }

    /** The frame, of which nothing is known yet, has an owner and one reference. */
    void assign(long mfn, int domain, int flag) {
        owners[(int) mfn] = domain;
        counts[(int) mfn] = 1;
        flags[(int) mfn] = (byte) flag;
        stamps[(int) mfn] = -1;
    }

    /** Nothing is known of the frame any more. */
    void clear(long mfn) {
        int at = (int) mfn;
        owners[at] = NOBODY;
        counts[at] = 0;
        typeCounts[at] = 0;
        types[at] = 0;
        flags[at] = 0;
        done[at] = 0;
        linear[at] = 0;
        held[at] = 0;
    }

    /** @return false when nobody has the frame, or too many */
    boolean take(long mfn) {
        int count = counts[(int) mfn];
        if (count == 0 || count >= limit - 1) {
            return false;
        }
        counts[(int) mfn] = count + 1;
        return true;
    }

    /** By one who holds the frame already, and for a reference that exists at most once for each frame at a time. */
    void takeSpare(long mfn) {
        counts[(int) mfn]++;
    }

    /** @return how many are left; see {@link PvMachine#drop} */
    int drop(long mfn) {
        return --counts[(int) mfn];
    }

    void type(long mfn, FrameType type) {
        types[(int) mfn] = (byte) type.ordinal();
    }

    void typeCount(long mfn, int count) {
        typeCounts[(int) mfn] = count;
    }

    boolean isTypeCountFull(long mfn) {
        return typeCounts[(int) mfn] >= limit - 1;
    }

    void linear(long mfn, int count) {
        linear[(int) mfn] = count;
    }

    boolean isLinearFull(long mfn) {
        return Math.abs(linear[(int) mfn]) >= limit - 1;
    }

    void held(long mfn, int count) {
        held[(int) mfn] = count;
    }

    /** Where work on a table stopped. */
    void progress(long mfn, int entries, boolean childPartial) {
        done[(int) mfn] = (short) entries;
        set(mfn, CHILD_PARTIAL, childPartial);
    }

    /** When a mapping of the frame was last removed, by the machine's clock of flushes; -1 = never. Xen: {@code tlbflush_timestamp}. */
    int stamp(long mfn) {
        return stamps[(int) mfn];
    }

    void stamp(long mfn, int clock) {
        stamps[(int) mfn] = clock;
    }
}
