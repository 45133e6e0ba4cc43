package io.umbra.shadow;

import io.umbra.x86.DefinitionWalker;
import io.umbra.x86.LongModeEntry;
import io.umbra.x86.PageSize;
import io.umbra.x86.PagingRegisters;
import io.umbra.x86.PhysicalMemory;
import io.umbra.x86.VcpuState;
import io.umbra.x86.Walk;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;

/**
 * The guest as the manuals have it: memory by guest-physical address, what each frame is, and the walk of {@link DefinitionWalker}. It knows nothing of shadows.
 *
 * <p>It also knows what a TLB may still hold. The guest's last flush of everything starts a journal; each change since is in it, so that memory can be seen as it was at any moment since.
 *
 * <ul>
 *   <li>Under write-protect the shadows are exact, and only the TLB is stale. A translation that is used without a walk of the shadow tables must have been the guest's own, whole,
 *       at one moment since the last flush that covers it: a flush of everything; INVLPG of an address in the page that the guest mapped then (large pages whole); a
 *       change of the P2M at a frame that the walk went through.
 *   <li>Under strict-tlb the shadows are themselves a cache of entries. A translation may come from entries of different moments, as in hardware with
 *       caches of paging structures: each entry as it was at some moment since the last flush, none older than the one above it.
 * </ul>
 *
 * <p>In both, entries whose A was clear at that moment, and for writes a leaf whose D was, can not have been used.
 */
final class GuestModel implements PhysicalMemory {
    /** The bytes of a frame, which stay with it while it is out of the guest's reach. */
    static final class Contents {
        private static final VarHandle LONG =
                MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);

        final byte[] bytes = new byte[4096];

        Contents copy() {
            Contents copy = new Contents();
            System.arraycopy(bytes, 0, copy.bytes, 0, bytes.length);
            return copy;
        }

        long get(int offset) {
            return (long) LONG.get(bytes, offset);
        }

        void set(int offset, long value) {
            LONG.set(bytes, offset, value);
        }
    }

    /** What a guest frame is. */
    record Frame(P2mType type, long mfn, Contents contents) {
        boolean isBacked() {
            return type.isBacked();
        }
    }

    private sealed interface Change {
        record Store(Contents contents, int offset, long before, long after) implements Change {}

        record Map(long gfn, Frame before, Frame after) implements Change {}

        record Invalidation(long linear) implements Change {}
    }

    private static final Frame HOLE = new Frame(P2mType.HOLE, -1, new Contents());

    private final VcpuState state;
    private final Map<Long, Frame> frames = new TreeMap<>();
    private final Map<Long, Long> gfns = new HashMap<>();
    private final List<Change> journal = new ArrayList<>();
    /** Bytes that devices were given, by guest-physical address. */
    final Map<Long, Byte> deviceBytes = new HashMap<>();

    GuestModel(VcpuState state) {
        this.state = state;
    }

    // ---- memory

    Frame frame(long gfn) {
        return frames.getOrDefault(gfn, HOLE);
    }

    Set<Map.Entry<Long, Frame>> frames() {
        return frames.entrySet();
    }

    void setFrame(long gfn, Frame frame) {
        Frame before = frame(gfn);
        journal.add(new Change.Map(gfn, before, frame));
        put(gfn, frame);
    }

    private void put(long gfn, Frame frame) {
        Frame before = frame(gfn);
        gfns.remove(before.mfn(), gfn);
        frames.put(gfn, frame);
        if (frame.isBacked()) {
            gfns.put(frame.mfn(), gfn);
        }
    }

    /** The gfn that a machine frame belongs to now, or -1. */
    long gfnOf(long mfn) {
        return gfns.getOrDefault(mfn, -1L);
    }

    @Override
    public int readInt(long guestPhysical) {
        throw new UnsupportedOperationException();
    }

    @Override
    public long readLong(long guestPhysical) {
        Frame frame = frame(guestPhysical >>> 12);
        return frame.isBacked() ? frame.contents().get((int) guestPhysical & 0xFFF) : 0;
    }

    @Override
    public boolean compareAndSetInt(long guestPhysical, int expected, int value) {
        throw new UnsupportedOperationException();
    }

    @Override
    public boolean compareAndSetLong(long guestPhysical, long expected, long value) {
        Frame frame = frame(guestPhysical >>> 12);
        if (frame.type() != P2mType.RAM || readLong(guestPhysical) != expected) {
            return false;
        }
        store(frame.contents(), (int) guestPhysical & 0xFFF, value);
        return true;
    }

    private void store(Contents contents, int offset, long value) {
        journal.add(new Change.Store(contents, offset, contents.get(offset), value));
        contents.set(offset, value);
    }

    byte readByte(long guestPhysical) {
        Frame frame = frame(guestPhysical >>> 12);
        return frame.isBacked() ? frame.contents().bytes[(int) guestPhysical & 0xFFF] : deviceByte(guestPhysical);
    }

    /** What devices answer. */
    static byte deviceByte(long guestPhysical) {
        return (byte) (guestPhysical * 31 + 7);
    }

    /** As the guest stores it: lost in read-only memory, given to a device where there is none. */
    void writeByte(long guestPhysical, byte value) {
        Frame frame = frame(guestPhysical >>> 12);
        if (frame.type() == P2mType.RAM) {
            int offset = (int) guestPhysical & 0xFFF;
            int shift = (offset & 7) * 8;
            long word = frame.contents().get(offset & ~7);
            store(frame.contents(), offset & ~7, word & ~(0xFFL << shift) | (value & 0xFFL) << shift);
        } else if (!frame.isBacked()) {
            deviceBytes.put(guestPhysical, value);
        }
    }

    // ---- translation as it is now

    /** The access is made: A and D are set if it is permitted. */
    Walk access(long linear, int access) {
        return DefinitionWalker.walk(registers(0), this, linear, access, true);
    }

    private PagingRegisters registers(long cr0) {
        PagingRegisters r = PagingRegisters.of(state, GuestWalker.MAX_PHYSICAL_ADDRESS, true, false);
        return new PagingRegisters(
                r.cr0() | cr0,
                r.cr3(),
                r.cr4(),
                r.efer(),
                r.pdpte(),
                r.alignmentCheck(),
                r.pkru(),
                r.maxPhysicalAddress(),
                r.gigabytePages(),
                r.pse36());
    }

    // ---- translation as a TLB may have it

    /** The guest flushed everything. */
    void flushed() {
        journal.clear();
    }

    void invalidated(long linear) {
        journal.add(new Change.Invalidation(linear));
    }

    /** Whether the tables as they are now let an access reach {@code mfn} with nothing left to set in them. */
    boolean explainsNow(long linear, int access, long mfn) {
        return reaches(new Recorder(), linear, access, mfn);
    }

    /** Whether some moment since the last flush that covers the page does. */
    boolean explainsAtOneMoment(long linear, int access, long mfn) {
        boolean explained = false;
        int at = journal.size();
        for (; at >= 0 && !explained; at--) {
            if (at < journal.size()) {
                undo(journal.get(at));
            }
            Recorder recorder = new Recorder();
            explained = reaches(recorder, linear, access, mfn) && !isCovered(recorder, linear, at);
        }
        for (int i = at + 1; i < journal.size(); i++) {
            redo(journal.get(i));
        }
        return explained;
    }

    /** Whether a change after {@code moment} drops what a TLB had of the recorded walk. */
    private boolean isCovered(Recorder walk, long linear, int moment) {
        for (Change change : journal.subList(moment, journal.size())) {
            boolean covers = switch (change) {
                case Change.Store _ -> false;
                case Change.Map map -> walk.wentThrough(map.gfn());
                case Change.Invalidation(long address) -> address >>> walk.size.shift() == linear >>> walk.size.shift();
            };
            if (covers) {
                return true;
            }
        }
        return false;
    }

    /** Whether entries of moments since the last flush, none older than the one above it, do. */
    boolean explainsByEntries(long linear, int access, long mfn) {
        Recorder recorder = new Mixture(momentOfInvalidation(linear));
        do {
            if (reaches(recorder, linear, access, mfn)) {
                return true;
            }
        } while (recorder.next());
        return false;
    }

    /** The moment of the last INVLPG of the page, before which nothing counts. */
    private int momentOfInvalidation(long linear) {
        for (int at = journal.size() - 1; at >= 0; at--) {
            if (journal.get(at) instanceof Change.Invalidation(long address) && address >>> 12 == linear >>> 12) {
                return at;
            }
        }
        return 0;
    }

    private boolean reaches(Recorder recorder, long linear, int access, long mfn) {
        recorder.restart();
        Walk walk = DefinitionWalker.walk(registers(io.umbra.x86.Cr0.WRITE_PROTECT), recorder, linear, access, false);
        if (!(walk instanceof Walk.Mapped mapped)) {
            return false;
        }
        boolean write = (access & io.umbra.x86.PageFaultCode.WRITE) != 0;
        long gfn = mapped.guestPhysical() >>> 12;
        recorder.size = mapped.size();
        recorder.gfns.add(gfn);
        // What is not the guest's to change is never stale: the frame is the P2M's of now.
        boolean reachesFrame = gfnOf(mfn) == gfn && (!write || frame(gfn).type() == P2mType.RAM);
        return reachesFrame && recorder.hasAccessed() && (!write || recorder.hasDirty());
    }

    private void undo(Change change) {
        switch (change) {
            case Change.Store store -> store.contents().set(store.offset(), store.before());
            case Change.Map map -> put(map.gfn(), map.before());
            case Change.Invalidation _ -> {}
        }
    }

    private void redo(Change change) {
        switch (change) {
            case Change.Store store -> store.contents().set(store.offset(), store.after());
            case Change.Map map -> put(map.gfn(), map.after());
            case Change.Invalidation _ -> {}
        }
    }

    /** Memory that remembers what a walk read from it. */
    private class Recorder implements PhysicalMemory {
        final List<Long> gfns = new ArrayList<>();
        final List<Boolean> readOnly = new ArrayList<>();
        final List<Long> entries = new ArrayList<>();
        PageSize size = PageSize.SIZE_4K;

        void restart() {
            gfns.clear();
            readOnly.clear();
            entries.clear();
        }

        boolean next() {
            return false;
        }

        boolean wentThrough(long gfn) {
            return gfns.contains(gfn);
        }

        /** In read-only memory A and D cannot be set, and do not count. */
        boolean hasAccessed() {
            for (int i = 0; i < entries.size(); i++) {
                if (!readOnly.get(i) && !LongModeEntry.isAccessed(entries.get(i))) {
                    return false;
                }
            }
            return true;
        }

        boolean hasDirty() {
            return entries.isEmpty() || readOnly.getLast() || LongModeEntry.isDirty(entries.getLast());
        }

        long value(long guestPhysical) {
            return GuestModel.this.readLong(guestPhysical);
        }

        @Override
        public long readLong(long guestPhysical) {
            long entry = value(guestPhysical);
            gfns.add(guestPhysical >>> 12);
            readOnly.add(frame(guestPhysical >>> 12).type() == P2mType.READ_ONLY);
            entries.add(entry);
            return entry;
        }

        @Override
        public int readInt(long guestPhysical) {
            throw new UnsupportedOperationException();
        }

        @Override
        public boolean compareAndSetInt(long guestPhysical, int expected, int value) {
            throw new UnsupportedOperationException();
        }

        @Override
        public boolean compareAndSetLong(long guestPhysical, long expected, long value) {
            throw new UnsupportedOperationException();
        }
    }

    /** One value and when it was there: from a moment until before another. */
    private record Version(long value, int from, int until) {}

    /** Gives each entry of a walk one of the values it had; {@link #next} takes the next combination. */
    private final class Mixture extends Recorder {
        private final List<Integer> choices = new ArrayList<>();
        private final List<Integer> options = new ArrayList<>();
        private int depth;
        private final int earliest;
        private int since;

        Mixture(int earliest) {
            this.earliest = earliest;
        }

        @Override
        void restart() {
            super.restart();
            depth = 0;
            since = earliest;
            options.clear();
        }

        @Override
        boolean next() {
            for (int i = options.size() - 1; i >= 0; i--) {
                if (choices.get(i) + 1 < options.get(i)) {
                    choices.set(i, choices.get(i) + 1);
                    choices.subList(i + 1, choices.size()).clear();
                    return true;
                }
            }
            return false;
        }

        @Override
        long value(long guestPhysical) {
            List<Version> versions = versions(guestPhysical, since);
            if (choices.size() == depth) {
                choices.add(0);
            }
            Version version = versions.get(choices.get(depth));
            options.add(versions.size());
            depth++;
            since = Math.max(since, version.from());
            return version.value();
        }
    }

    /** What the entry held at and after the moment, latest first. */
    private List<Version> versions(long guestPhysical, int since) {
        Frame frame = frame(guestPhysical >>> 12);
        List<Version> versions = new ArrayList<>();
        long value = GuestModel.this.readLong(guestPhysical);
        int until = journal.size() + 1;
        for (int at = journal.size() - 1; at >= 0 && until > since; at--) {
            if (journal.get(at) instanceof Change.Store store
                    && store.contents() == frame.contents()
                    && store.offset() == ((int) guestPhysical & 0xFFF)) {
                versions.add(new Version(value, at + 1, until));
                value = store.before();
                until = at + 1;
            }
        }
        if (until > since) {
            versions.add(new Version(value, 0, until));
        }
        return versions;
    }
}
