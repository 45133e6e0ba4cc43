package io.umbra.shadow.pv;

import static io.umbra.shadow.pv.PvWorld.DOMAIN;
import static io.umbra.shadow.pv.PvWorld.LINEAR;
import static io.umbra.shadow.pv.PvWorld.P;
import static io.umbra.shadow.pv.PvWorld.PS;
import static io.umbra.shadow.pv.PvWorld.RW;
import static io.umbra.shadow.pv.PvWorld.US;
import static io.umbra.shadow.pv.PvWorld.entry;
import static org.assertj.core.api.Assertions.assertThat;

import io.umbra.shadow.pv.PvWorld.Tree;
import io.umbra.x86.LongModeEntry;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * XSA-273, L1 terminal fault: each kind of absent entry, at each level, by each way in which an entry comes into a table in use. One that names what may be cached takes the domain's tables from hardware before it is there,
 * or is refused; one that a guest with the mitigations of its own makes does nothing.
 */
class AbsentEntriesTest {
    private static final long ALIAS = LINEAR + 0x1000;
    private static final int ADDRESS_BITS = 40;
    private static final long MEMORY_END = 256L << 12;
    private static final AbsentEntries AUDITED = AbsentEntries.audited(ADDRESS_BITS, MEMORY_END);
    private static final long TOP_QUARTER = 3L << ADDRESS_BITS - 2;

    enum Kind {
        /** As PROT_NONE without the inversion. */
        PRESENT_CLEARED(false),
        LOWEST_FRAME(false),
        OF_THE_HYPERVISOR(false),
        BEYOND_MEMORY(false),
        LAST_BEFORE_THE_TOP_QUARTER(false),
        /** The bits above the cache's reach do not help. */
        RAM_WITH_HIGH_BITS(false),
        PS_ALONE(false),
        PS_AND_INVERTED(false),
        EMPTY(true),
        /** Software's bits, and A and D left behind. */
        SMALL_NUMBER(true),
        /** Bits 51..12 inverted. Linux: {@code protnone_mask}. */
        LINUX_PROT_NONE(true),
        /** The type in bits 63..59, the offset inverted in 58..9. Linux: {@code __swp_entry}. */
        LINUX_SWAP(true),
        FIRST_OF_THE_TOP_QUARTER(true),
        BITS_ABOVE_THE_CACHES_ONLY(true);

        final boolean isSafe;

        Kind(boolean isSafe) {
            this.isSafe = isSafe;
        }

        boolean existsAt(int level) {
            return level > 1 || this != PS_ALONE && this != PS_AND_INVERTED;
        }

        long entry(PvWorld world, Tree tree) {
            long data = PvWorld.entry(tree.data, RW | US);
            return switch (this) {
                case PRESENT_CLEARED -> data;
                case LOWEST_FRAME -> 0x1000;
                case OF_THE_HYPERVISOR -> PvWorld.entry(world.machine.emptyFrame(), 0);
                case BEYOND_MEMORY -> MEMORY_END + 0x5000;
                case LAST_BEFORE_THE_TOP_QUARTER -> TOP_QUARTER - 0x1000;
                case RAM_WITH_HIGH_BITS -> data | 0xFFFL << 40;
                case PS_ALONE -> PS;
                case PS_AND_INVERTED -> data ^ LongModeEntry.FRAME_MASK | PS;
                case EMPTY -> 0;
                case SMALL_NUMBER -> 0xF7E;
                case LINUX_PROT_NONE -> (data ^ LongModeEntry.FRAME_MASK) | PvWorld.G;
                case LINUX_SWAP -> 3L << 59 | ~0x1234L << 14 >>> 5 & -1L >>> 5;
                case FIRST_OF_THE_TOP_QUARTER -> TOP_QUARTER;
                case BITS_ABOVE_THE_CACHES_ONLY -> 0xFFFL << 40;
            };
        }
    }

    enum Way {
        UPDATE,
        PRESERVE_AD,
        UPDATE_VA,
        STORE,
        STORE_OF_HALVES,
        STORE_OF_BYTES,
        EXCHANGE,
        PIN,
        LINK,
        NEW_BASE,
        /** With the validation stopped behind each entry. */
        PREEMPTED_PIN;

        boolean existsAt(int level) {
            return switch (this) {
                case UPDATE, PRESERVE_AD, PIN, NEW_BASE, PREEMPTED_PIN -> true;
                case UPDATE_VA, STORE, STORE_OF_HALVES, STORE_OF_BYTES, EXCHANGE -> level == 1;
                case LINK -> level < 4;
            };
        }

        boolean isOfWholeTables() {
            return this == PIN || this == LINK || this == NEW_BASE || this == PREEMPTED_PIN;
        }
    }

    static Stream<Arguments> matrix() {
        List<Arguments> matrix = new ArrayList<>();
        for (Kind kind : Kind.values()) {
            for (int level = 1; level <= 4; level++) {
                for (Way way : Way.values()) {
                    if (kind.existsAt(level) && way.existsAt(level)) {
                        matrix.add(Arguments.of(kind, level, way));
                    }
                }
            }
        }
        return matrix.stream().filter(AbsentEntriesTest::isOneStep);
    }

    static Stream<Arguments> vulnerable() {
        return matrix().filter(arguments -> !((Kind) arguments.get()[0]).isSafe);
    }

    /** On the way to a safe entry in pieces, a frame number that is no longer all zero may well be one of memory: that is a guest's own mistake. */
    private static boolean isOneStep(Arguments arguments) {
        Kind kind = (Kind) arguments.get()[0];
        boolean isWhole = kind == Kind.EMPTY || kind == Kind.SMALL_NUMBER || kind == Kind.BITS_ABOVE_THE_CACHES_ONLY;
        return arguments.get()[2] != Way.STORE_OF_BYTES && arguments.get()[2] != Way.STORE_OF_HALVES
                || !kind.isSafe
                || isWhole;
    }

    private record Place(long maddr, int level) {}

    /** A world whose host hides tables, or does not, with the place that is to be written and how. */
    private static final class Case implements AutoCloseable {
        final PvWorld world;
        final Tree tree;
        final Tree other;
        final Place place;
        private final Way way;

        Case(AbsentEntries policy, int level, Way way, boolean hides) {
            this.way = way;
            world = new PvWorld(PvPolicy.DEFAULT.with(policy));
            world.host.hides = hides;
            tree = world.tree();
            world.poke(tree.level1, 1, entry(tree.level1, P | US));
            assertThat(world.tables.pin(4, tree.level4)).isZero();
            assertThat(world.tables.newBase(tree.level4)).isZero();
            other = world.tree();
            if (way == Way.STORE_OF_BYTES || way == Way.STORE_OF_HALVES) {
                assertThat(world.tables.storeToTable(tree.address(1), 8, 0)).isZero();
            }
            place = way.isOfWholeTables()
                    ? new Place(PvWorld.address(other.table(level), 77), level)
                    : new Place(tree.address(level), level);
        }

        long write(long value) {
            PvTables tables = world.tables;
            long at = place.maddr;
            assertThat(tables.tableByteAt(ALIAS)).isEqualTo(tree.level1 << 12);
            if (way.isOfWholeTables()) {
                world.memory.writeLong(at, value);
            }
            return switch (way) {
                case UPDATE -> world.update(at, value);
                case PRESERVE_AD -> tables.update(at, value, UpdateKind.PRESERVE_AD, DOMAIN, DOMAIN);
                case UPDATE_VA -> tables.updateVa(LINEAR, value);
                case STORE -> tables.storeToTable(at, 8, value);
                case STORE_OF_HALVES -> store(value, 4);
                case STORE_OF_BYTES -> store(value, 1);
                case EXCHANGE -> tables.exchangeInTable(at, 8, world.memory.readLong(at), value);
                case PIN -> tables.pin(place.level, other.table(place.level));
                case LINK -> world.update(tree.address(place.level + 1), entry(other.table(place.level), P | RW | US));
                case NEW_BASE -> tables.newBase(other.level4);
                case PREEMPTED_PIN -> {
                    world.host.patience = 0;
                    long result = PvWorld.complete(() -> tables.pin(place.level, other.table(place.level)));
                    world.host.patience = -1;
                    yield result;
                }
            };
        }

        /** The lowest bytes first, into an empty entry. */
        private long store(long value, int size) {
            long result = 0;
            for (int at = 0; at < 8 && result == 0; at += size) {
                long mask = -1L >>> 64 - 8 * size;
                result = world.tables.storeToTable(place.maddr + at, size, value >>> 8 * at & mask);
            }
            return result;
        }

        @Override
        public void close() {
            world.check();
            world.close();
        }
    }

    @ParameterizedTest
    @MethodSource("matrix")
    void xsa273VulnerableEntryTakesTheTablesFromHardwareAndASafeOneDoesNot(Kind kind, int level, Way way) {
        try (Case test = new Case(AUDITED, level, way, true)) {
            long value = kind.entry(test.world, test.tree);
            assertThat(LongModeEntry.isPresent(value)).isFalse();
            assertThat(test.write(value)).isZero();
            long kept = way == Way.PRESERVE_AD ? PvWorld.A | PvWorld.D : 0;
            assertThat(test.world.memory.readLong(test.place.maddr) & ~kept).isEqualTo(value & ~kept);
            if (kind.isSafe) {
                assertThat(test.world.host.hidden).isEmpty();
            } else {
                assertThat(test.world.host.hidden).hasSize(1);
                PvWorld.Hidden hidden = test.world.host.hidden.getFirst();
                assertThat(hidden.level()).isEqualTo(level);
                assertThat(hidden.maddr()).isEqualTo(test.place.maddr);
                assertThat(hidden.wasStored()).isEqualTo(way.isOfWholeTables());
            }
        }
    }

    @ParameterizedTest
    @MethodSource("vulnerable")
    void xsa273WhereTablesCannotBeHiddenTheEntryIsRefusedAndNothingChanges(Kind kind, int level, Way way) {
        try (Case test = new Case(AUDITED, level, way, false)) {
            long value = kind.entry(test.world, test.tree);
            String before = test.world.account();
            assertThat(PvWorld.complete(() -> test.write(value))).isEqualTo(Errno.EINVAL);
            assertThat(test.world.account()).isEqualTo(before);
            if (!way.isOfWholeTables()) {
                long left = test.world.memory.readLong(test.place.maddr);
                assertThat(LongModeEntry.isPresent(left) || AUDITED.areSafeWith(left, level))
                        .as("0x%x", left)
                        .isTrue();
            }
        }
    }

    @ParameterizedTest
    @EnumSource(Way.class)
    void withoutTheAuditAbsentEntriesMayHoldAnything(Way way) {
        try (Case test = new Case(AbsentEntries.ANY, 1, way, false)) {
            assertThat(test.write(Kind.PRESENT_CLEARED.entry(test.world, test.tree)))
                    .isZero();
            assertThat(test.world.host.hidden).isEmpty();
        }
    }

    @Test
    void hiddenTablesAreAskedForOnce() {
        try (Case test = new Case(AUDITED, 1, Way.UPDATE, true)) {
            for (Kind kind : Kind.values()) {
                if (kind.existsAt(1)) {
                    assertThat(test.write(kind.entry(test.world, test.tree))).isZero();
                }
            }
            assertThat(test.world.host.hidden).hasSize(1);
        }
    }

    @Test
    void compareThatFailsStoresNothingAndAsksNothing() {
        try (Case test = new Case(AUDITED, 1, Way.EXCHANGE, true)) {
            assertThat(test.world.tables.exchangeInTable(test.place.maddr, 8, 1, 0x1000))
                    .isEqualTo(1);
            assertThat(test.world.host.hidden).isEmpty();
        }
    }

    /** The hypervisor overwrites its slots of an L4, whatever the guest left there. */
    @Test
    void slotsOfTheHypervisorsAreNotLookedAt() {
        try (Case test = new Case(AUDITED, 4, Way.PIN, false)) {
            test.world.poke(test.other.level4, ReservedSlots.FIRST + 3, 0x5000);
            assertThat(test.world.tables.pin(4, test.other.level4)).isZero();
        }
    }

    @Test
    void memoryInTheTopQuarterIsVulnerableToo() {
        AbsentEntries rule = AbsentEntries.audited(ADDRESS_BITS, TOP_QUARTER + (1L << 30));
        assertThat(rule.areSafeWith(TOP_QUARTER, 1)).isFalse();
        assertThat(rule.areSafeWith(TOP_QUARTER + (1L << 30), 1)).isTrue();
        assertThat(AbsentEntries.audited(52, 0).addressMask()).isEqualTo(LongModeEntry.FRAME_MASK);
    }

    @Test
    void whatWasAuditedIsCounted() {
        try (Case test = new Case(AUDITED, 1, Way.UPDATE, true)) {
            AuditCounts counts = test.world.tables.counts();
            assertThat(counts.validations()).isEqualTo(4);
            long updates = counts.updates();
            long flushes = counts.flushes();
            assertThat(test.write(0)).isZero();
            assertThat(test.world.tables.pin(1, test.other.level1)).isZero();
            test.world.tables.flush();
            assertThat(counts.updates()).isEqualTo(updates + 1);
            assertThat(counts.validations()).isEqualTo(5);
            assertThat(counts.flushes()).isGreaterThan(flushes);
        }
    }
}
