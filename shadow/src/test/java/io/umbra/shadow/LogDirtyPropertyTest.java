package io.umbra.shadow;

import static io.umbra.shadow.SmallGuest.A;
import static io.umbra.shadow.SmallGuest.D;
import static io.umbra.shadow.SmallGuest.LARGE;
import static io.umbra.shadow.SmallGuest.P;
import static io.umbra.shadow.SmallGuest.READ;
import static io.umbra.shadow.SmallGuest.ROOT;
import static io.umbra.shadow.SmallGuest.RW;
import static io.umbra.shadow.SmallGuest.US;
import static io.umbra.shadow.SmallGuest.USER;
import static io.umbra.shadow.SmallGuest.WRITE;
import static org.assertj.core.api.Assertions.assertThat;

import io.umbra.shadow.FaultOutcome.GuestFault;
import io.umbra.shadow.ShadowPolicy.Coherence;
import io.umbra.shadow.ShadowPolicy.Populate;
import io.umbra.shadow.ShadowPolicy.WritableSearch;
import io.umbra.x86.Cr0;
import io.umbra.x86.LinearMemory;
import io.umbra.x86.LongModeEntry;
import io.umbra.x86.MachineMemory;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.function.LongPredicate;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * A guest that acts at random, while log-dirty and a tracked range are switched, asked and cleaned at random: what changed in memory between two cleans is what was reported, or
 * less. Its tables are mapped for itself to write to, its pages at several addresses, small, large and huge.
 */
class LogDirtyPropertyTest {
    private static final int SEQUENCES = Integer.getInteger("umbra.sequences", 30);
    private static final int STEPS = 400;
    private static final long FIRST_SEED = Long.getLong("umbra.seed", 1);

    static Stream<ShadowPolicy> policies() {
        List<ShadowPolicy> policies = new ArrayList<>();
        for (Coherence coherence : Coherence.values()) {
            for (Populate populate : Populate.values()) {
                ShadowPolicy policy =
                        new ShadowPolicy(coherence, populate, WritableSearch.REVERSE_MAP, ShadowPolicy.MINIMUM_POOL, 0);
                policies.add(policy);
                policies.add(policy.with(PolicyOption.DIRTY_CLEAN, "blow"));
                policies.add(policy.with(PolicyOption.PREFETCH, "0").with(PolicyOption.VIRTUAL_TLB, "off"));
            }
        }
        policies.add(new ShadowPolicy(Coherence.WRITE_PROTECT, Populate.ALL_LEVELS, WritableSearch.BRUTE_FORCE, 12, 0));
        return policies.stream();
    }

    @ParameterizedTest
    @MethodSource("policies")
    void whatChangedIsReported(ShadowPolicy policy) {
        for (long seed = FIRST_SEED; seed < FIRST_SEED + SEQUENCES; seed++) {
            try (Driver driver = new Driver(policy, seed)) {
                driver.run();
            }
        }
    }

    private static final class Driver implements AutoCloseable {
        private static final long SMALL_PAGES = 16;
        private static final long TABLES_AT = 0x10_0000;
        private static final long LARGE_AT = 0x20_0000;
        private static final long HUGE_AT = 0x4000_0000;
        private static final int TRACKED = 20;
        private static final long TRACKED_AT = 16;

        private final SmallGuest guest;
        private final Random random;
        private final long seed;
        private final LogDirty log;
        private final VramTracking vram;
        private final Map<Long, byte[]> atClean = new TreeMap<>();
        private final Map<Long, byte[]> atQuery = new TreeMap<>();
        private final long[] favourites = new long[4];
        /** It rarely does what flushes. */
        private final boolean isQuiet;

        private int step;

        Driver(ShadowPolicy policy, long seed) {
            this.guest = new SmallGuest(policy);
            this.random = new Random(seed);
            this.seed = seed;
            this.log = guest.engine.logDirty();
            this.vram = guest.engine.vram();
            this.isQuiet = random.nextBoolean();
            for (long page = 0; page < SMALL_PAGES; page++) {
                guest.map(page << 12, 16 + random.nextInt(20), flags());
            }
            for (long table = ROOT; table < 8; table++) {
                guest.map(TABLES_AT + (table << 12), table, flags() | RW);
            }
            guest.map(LARGE_AT, LARGE, flags(), 2);
            guest.map(HUGE_AT, 0, flags(), 3);
        }

        private long flags() {
            return P
                    | RW & -random.nextInt(4)
                    | US & -random.nextInt(2)
                    | A & -random.nextInt(2)
                    | D & -random.nextInt(2);
        }

        void run() {
            while (step++ < STEPS) {
                act();
                if (random.nextInt(10) == 0) {
                    observe();
                }
                if (random.nextInt(50) == 0) {
                    guest.engine.audit();
                }
            }
            checkLog(log.isOn() ? log.clean() : new DirtyRound.Complete(new DirtyBitmap(), 0));
        }

        // ---- the guest

        private void act() {
            if (random.nextInt(8) == 0) {
                favourites[random.nextInt(favourites.length)] = anywhere();
            }
            switch (isQuiet ? 5 + random.nextInt(19) : random.nextInt(24)) {
                case 0, 1 -> guest.loadCr3(ROOT);
                case 2, 3 -> guest.invalidatePage(linear());
                case 4 -> guest.engine.blow();
                case 5 -> guest.state.cr0 ^= Cr0.WRITE_PROTECT;
                case 6 -> byDevice();
                case 7 -> changeP2m();
                case 8, 9, 10 -> editTable();
                case 11, 12, 13, 14 -> guest.touch(linear(), READ | mode());
                default -> store(linear() & -8 | random.nextInt(8), random.nextLong(4));
            }
        }

        private int mode() {
            return random.nextInt(4) == 0 ? USER : 0;
        }

        /** It comes back to a few places again and again, so that what an old translation still permits is done. */
        private long linear() {
            return favourites[random.nextInt(favourites.length)];
        }

        private long anywhere() {
            long offset = random.nextInt(3) == 0 ? 0xFF8 : random.nextInt(4096);
            return switch (random.nextInt(8)) {
                case 0 -> LARGE_AT + ((long) random.nextInt(4) << 12) + offset;
                case 1 -> HUGE_AT + ((long) random.nextInt(66) << 12) + offset;
                case 2 -> TABLES_AT + ((3L + random.nextInt(4)) << 12) + offset;
                default -> ((long) random.nextInt((int) SMALL_PAGES) << 12) + offset;
            };
        }

        /** Up to 8 bytes, which may lie in two pages; what the guest's own tables forbid is not done. */
        private void store(long linear, long value) {
            int access = WRITE | mode();
            boolean crosses = (linear & 0xFFF) > 0xFF8;
            if (!mayTouch(linear, access) || crosses && !mayTouch((linear | 0xFFF) + 1, access)) {
                return;
            }
            if (!crosses) {
                guest.store(linear, value, access & USER);
            } else if (random.nextBoolean()) {
                emulateStore(linear, value);
            } else {
                storeByte(linear, value, access);
                storeByte((linear | 0xFFF) + 1, value, access);
            }
        }

        private void emulateStore(long linear, long value) {
            try {
                guest.emulateStore(linear, value);
            } catch (LinearMemory.Fault _) {
                // An old translation permitted what the tables forbid by now: the guest's own fault.
            }
        }

        private boolean mayTouch(long linear, int access) {
            return !(guest.touch(linear, access) instanceof GuestFault);
        }

        /** As hardware makes it, where it can. */
        private void storeByte(long linear, long value, int access) {
            long address = guest.hardware.translate(linear, access);
            if (address >= 0) {
                guest.memory.writeByte(address, (int) value);
            }
        }

        private void editTable() {
            long page = random.nextInt((int) SMALL_PAGES);
            long gfn = random.nextInt(30) == 0 ? 1 + random.nextInt(7) : 16 + random.nextInt(50);
            long entry = random.nextInt(6) == 0 ? 0 : LongModeEntry.of(gfn, flags());
            long levelOne = LongModeEntry.frame(guest.entry(3, 0));
            long place = TABLES_AT + (levelOne << 12) + page * 8;
            if (levelOne < 8 && mayTouch(place, WRITE)) {
                guest.store(place, entry, 0);
            }
        }

        private void byDevice() {
            long gfn = 16L + random.nextInt(40);
            long entry = guest.p2m.lookup(gfn);
            if (P2m.isBacked(entry)) {
                guest.memory.writeLong(P2m.mfn(entry) << 12, random.nextLong());
                guest.engine.memoryWritten(gfn << 12, 8);
            }
        }

        private void changeP2m() {
            long gfn = 16L + random.nextInt(30);
            long old = guest.p2m.lookup(gfn);
            switch (random.nextInt(4)) {
                case 0 -> guest.p2m.set(gfn, 1, 0, P2mType.HOLE);
                case 1 -> guest.p2m.set(gfn, 1, P2m.isBacked(old) ? P2m.mfn(old) : frame(), P2mType.READ_ONLY);
                default -> guest.p2m.set(gfn, 1, frame(), P2mType.RAM);
            }
        }

        private long frame() {
            return guest.allocator.allocate();
        }

        // ---- who watches

        private void observe() {
            switch (random.nextInt(8)) {
                case 0 -> {
                    log.off();
                    log.enable();
                    remember(atClean, 0, LARGE + 8);
                }
                case 1 -> log.off();
                case 2 -> {
                    vram.begin(TRACKED_AT, 0);
                    vram.begin(TRACKED_AT, TRACKED);
                    remember(atQuery, TRACKED_AT, TRACKED_AT + TRACKED);
                }
                case 3, 4 -> {
                    if (vram.isOn()) {
                        BitSet dirty = vram.query();
                        check(atQuery, gfn -> dirty.get((int) (gfn - TRACKED_AT)), "query");
                        remember(atQuery, TRACKED_AT, TRACKED_AT + TRACKED);
                    }
                }
                case 5 -> {
                    if (log.isOn()) {
                        checkLog(log.peek());
                    }
                }
                default -> {
                    if (log.isOn()) {
                        checkLog(log.clean());
                        remember(atClean, 0, LARGE + 8);
                    }
                }
            }
        }

        private void checkLog(DirtyRound round) {
            DirtyBitmap dirty = ((DirtyRound.Complete) round).frames();
            if (log.isOn()) {
                check(atClean, dirty::contains, "log");
            }
        }

        private void check(Map<Long, byte[]> before, LongPredicate isDirty, String what) {
            before.forEach((gfn, bytes) -> assertThat(isDirty.test(gfn) || Arrays.equals(bytes, bytes(gfn)))
                    .as("%s: gfn %x changed and is not reported, seed %d, step %d", what, gfn, seed, step)
                    .isTrue());
        }

        private void remember(Map<Long, byte[]> into, long from, long to) {
            into.clear();
            for (long gfn = from; gfn < to; gfn++) {
                into.put(gfn, bytes(gfn));
            }
        }

        private byte[] bytes(long gfn) {
            long entry = guest.p2m.lookup(gfn);
            byte[] bytes = new byte[MachineMemory.FRAME_BYTES];
            if (!P2m.isBacked(entry)) {
                return new byte[0];
            }
            guest.memory.read(P2m.mfn(entry) << 12, bytes, 0, bytes.length);
            return bytes;
        }

        @Override
        public void close() {
            guest.close();
        }
    }
}
