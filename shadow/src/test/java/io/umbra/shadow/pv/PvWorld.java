package io.umbra.shadow.pv;

import static org.assertj.core.api.Assertions.assertThat;

import io.umbra.x86.FrameAllocator;
import io.umbra.x86.LongModeEntry;
import io.umbra.x86.MachineMemory;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/** A small machine with one PV domain of two vCPUs, and what a test needs to build tables in it. */
final class PvWorld implements AutoCloseable {
    static final long P = LongModeEntry.PRESENT;
    static final long RW = LongModeEntry.WRITABLE;
    static final long US = LongModeEntry.USER;
    static final long A = LongModeEntry.ACCESSED;
    static final long D = LongModeEntry.DIRTY;
    static final long PS = LongModeEntry.PAGE_SIZE;
    static final long G = LongModeEntry.GLOBAL;
    static final long NX = LongModeEntry.NO_EXECUTE;
    static final long PWT = LongModeEntry.WRITE_THROUGH;
    static final long PCD = LongModeEntry.CACHE_DISABLE;

    static final int DOMAIN = 1;
    /** A domain without PV tables, over which {@link #DOMAIN} has power if the test says so. */
    static final int HVM = 7;
    /** A linear address of the first slot. */
    static final long LINEAR = 0x40_0000L;

    final MachineMemory memory = new MachineMemory(256);
    final FrameAllocator allocator = new FrameAllocator(256, 1);
    final PvMachine machine;
    final MachineFrames frames;
    final Host host = new Host();
    final PvTables tables;
    private long nextPfn = 0x100;

    /** What tables were to be hidden for; {@code wasStored}: it was in memory already. */
    record Hidden(int level, long maddr, long entry, boolean wasStored) {}

    /** Counts what it is asked for, and plays another vCPU when a test tells it to. */
    static final class Host implements PvHost {
        /** Of the world, for {@link Hidden#wasStored}. */
        @Nullable
        MachineMemory memory;
        /** Whether it takes tables from hardware. */
        boolean hides;

        final List<Hidden> hidden = new ArrayList<>();
        int flushes;
        final List<Long> invalidated = new ArrayList<>();
        final List<Long> loaded = new ArrayList<>();
        final TreeSet<Long> dirty = new TreeSet<>();
        final List<Long> unshadowed = new ArrayList<>();
        final TreeSet<Integer> power = new TreeSet<>();

        @Nullable
        Runnable onFlush;

        @Nullable
        Runnable onMark;
        /** Entries until the next preemption; negative = never. */
        int patience = -1;

        int preemptions;
        /** Records nothing, and so allocates nothing. */
        boolean isQuiet;

        @Override
        public void flushAll() {
            flushes++;
            run(onFlush);
        }

        private static void run(@Nullable Runnable what) {
            if (what != null) {
                what.run();
            }
        }

        @Override
        public void invalidate(int vcpu, long linear) {
            invalidated.add(linear);
        }

        @Override
        public void loadBase(int vcpu, long mfn) {
            loaded.add(mfn);
        }

        @Override
        public void markDirty(long mfn) {
            if (!isQuiet) {
                dirty.add(mfn);
            }
            run(onMark);
        }

        @Override
        public void removeShadows(long mfn) {
            if (!isQuiet) {
                unshadowed.add(mfn);
            }
        }

        @Override
        public boolean hideTables(int level, long maddr, long entry) {
            hidden.add(new Hidden(level, maddr, entry, memory != null && memory.readLong(maddr) == entry));
            return hides;
        }

        @Override
        public boolean isPreemptionDue() {
            if (patience < 0 || patience-- > 0) {
                return false;
            }
            preemptions++;
            patience = 0;
            return true;
        }

        @Override
        public boolean isPrivilegedOver(int other) {
            return power.contains(other);
        }
    }

    PvWorld() {
        this(PvPolicy.DEFAULT, 1 << 20);
    }

    PvWorld(PvPolicy policy) {
        this(policy, 1 << 20);
    }

    PvWorld(PvPolicy policy, int countLimit) {
        machine = new PvMachine(memory, allocator, countLimit);
        frames = machine.frames();
        host.memory = memory;
        tables = new PvTables(machine, DOMAIN, 2, host, policy);
    }

    @Override
    public void close() {
        memory.close();
    }

    /** A zeroed frame of the domain's. */
    long frame() {
        long mfn = tables.allocate(nextPfn++);
        assertThat(mfn).isPositive();
        return mfn;
    }

    static long entry(long mfn, long flags) {
        return LongModeEntry.of(mfn, flags);
    }

    static long address(long table, int slot) {
        return (table << 12) + 8L * slot;
    }

    /** As the builder or a loader does, before the frame is a table. */
    void poke(long table, int slot, long entry) {
        memory.writeLong(address(table, slot), entry);
    }

    long peek(long table, int slot) {
        return memory.readLong(address(table, slot));
    }

    /** A frame whose one entry is {@code entry}. */
    long tableOf(int slot, long entry) {
        long mfn = frame();
        poke(mfn, slot, entry);
        return mfn;
    }

    /** Tables from level 4 down to 1, one of each, for {@link #LINEAR}; only built. */
    final class Tree {
        final long data = frame();
        final long level1 = tableOf(LongModeEntry.index(LINEAR, 1), entry(data, P | RW | US));
        final long level2 = tableOf(LongModeEntry.index(LINEAR, 2), entry(level1, P | RW | US));
        final long level3 = tableOf(LongModeEntry.index(LINEAR, 3), entry(level2, P | RW | US));
        final long level4 = tableOf(LongModeEntry.index(LINEAR, 4), entry(level3, P | RW | US));

        long table(int level) {
            return switch (level) {
                case 1 -> level1;
                case 2 -> level2;
                case 3 -> level3;
                default -> level4;
            };
        }

        /** Where {@link #LINEAR} is in the table. */
        long address(int level) {
            return PvWorld.address(table(level), LongModeEntry.index(LINEAR, level));
        }
    }

    Tree tree() {
        return new Tree();
    }

    /** A tree that the scheduled vCPU runs on. */
    Tree loadedTree() {
        Tree tree = tree();
        assertThat(tables.pin(4, tree.level4)).isZero();
        assertThat(tables.newBase(tree.level4)).isZero();
        return tree;
    }

    long update(long maddr, long value) {
        return tables.update(maddr, value, UpdateKind.NORMAL, DOMAIN, DOMAIN);
    }

    /** Repeats a call while it is preempted. */
    static long complete(java.util.function.LongSupplier call) {
        for (int i = 0; i < 100_000; i++) {
            long result = call.getAsLong();
            if (result != Errno.RESTART) {
                return result;
            }
        }
        throw new AssertionError("the call makes no progress");
    }

    void check() {
        assertThat(PvAudit.breaches(machine)).isEmpty();
    }

    /** All that is known of every frame, for comparison. */
    String account() {
        StringBuilder text = new StringBuilder();
        for (long mfn = 0; mfn < frames.size(); mfn++) {
            if (frames.count(mfn) == 0) {
                continue;
            }
            boolean counts = frames.typeCount(mfn) > 0;
            text.append("%x owner %d count %d type %s %d linear %d flags %s%s%s%n"
                    .formatted(
                            mfn,
                            frames.owner(mfn),
                            frames.count(mfn),
                            counts ? frames.type(mfn) : "-",
                            frames.typeCount(mfn),
                            frames.linear(mfn),
                            counts && frames.isValidated(mfn) ? "V" : "",
                            frames.isPinned(mfn) ? "P" : "",
                            frames.isPartial(mfn) ? "p" + frames.done(mfn) : ""));
        }
        return text.toString();
    }
}
