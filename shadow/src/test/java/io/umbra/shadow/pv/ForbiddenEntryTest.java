package io.umbra.shadow.pv;

import static io.umbra.shadow.pv.PvWorld.DOMAIN;
import static io.umbra.shadow.pv.PvWorld.LINEAR;
import static io.umbra.shadow.pv.PvWorld.P;
import static io.umbra.shadow.pv.PvWorld.RW;
import static io.umbra.shadow.pv.PvWorld.US;
import static io.umbra.shadow.pv.PvWorld.entry;
import static org.assertj.core.api.Assertions.assertThat;

import io.umbra.shadow.pv.PvWorld.Tree;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * The matrix of what must be refused: each kind of bad entry, at each level, by each way of writing it. The error is the right one, the entry is what it was, no count has changed, and all rules hold.
 */
class ForbiddenEntryTest {
    /** A second L1 entry, through which the kernel sees its L1 table. */
    private static final long ALIAS = LINEAR + 0x1000;

    /** What is wrong with an entry. */
    enum Bad {
        WRITE_THROUGH(1, 4, Errno.EINVAL),
        CACHE_DISABLE(1, 4, Errno.EINVAL),
        PAGE_SIZE_OR_PAT(1, 4, Errno.EINVAL),
        GLOBAL(2, 4, Errno.EINVAL),
        BIT_52(2, 4, Errno.EINVAL),
        BIT_59(2, 4, Errno.EINVAL),
        BIT_62(2, 4, Errno.EINVAL),
        /** The hypervisor's own. */
        OF_THE_HYPERVISOR(1, 4, Errno.EBUSY),
        /** Free. */
        OF_NOBODY(1, 4, Errno.EBUSY),
        OF_ANOTHER_DOMAIN(1, 4, Errno.EBUSY),
        /** No memory, and no permission for what is there. */
        BEYOND_MEMORY(1, 4, Errno.EPERM),
        /** The last frame number that fits. */
        HIGHEST_FRAME(1, 4, Errno.EPERM),
        WRITABLE_TABLE(1, 1, Errno.EBUSY),
        WRITABLE_DESCRIPTORS(1, 1, Errno.EBUSY),
        WRITABLE_LENT_FOR_READING(1, 1, Errno.EBUSY),
        /** Data that is mapped writable. */
        WRITABLE_DATA_AS_TABLE(2, 4, Errno.EINVAL),
        DESCRIPTORS_AS_TABLE(2, 4, Errno.EINVAL),
        LENT_FRAME_AS_TABLE(2, 4, Errno.EINVAL),
        TABLE_TWO_LEVELS_DOWN(3, 4, Errno.EINVAL),
        TABLE_OF_A_HIGHER_LEVEL(2, 3, Errno.EINVAL),
        WRITABLE_TABLE_OF_ITS_LEVEL(2, 4, Errno.EINVAL),
        ITSELF_WRITABLE(2, 4, Errno.EINVAL),
        /** A table of the right kind that holds a bad entry. */
        TABLE_WITH_A_BAD_ENTRY(2, 4, Errno.EINVAL);

        final int lowest;
        final int highest;
        /** At level 1; what is wrong with a table is always {@link Errno#EINVAL}. */
        final int error;

        Bad(int lowest, int highest, int error) {
            this.lowest = lowest;
            this.highest = highest;
            this.error = error;
        }
    }

    /** How it is written. */
    enum Way {
        UPDATE,
        PRESERVE_AD,
        UPDATE_VA,
        STORE,
        STORE_OF_A_HALF,
        EXCHANGE
    }

    static Stream<Arguments> matrix() {
        List<Arguments> matrix = new ArrayList<>();
        for (Bad bad : Bad.values()) {
            for (int level = bad.lowest; level <= bad.highest; level++) {
                for (Way way : Way.values()) {
                    if (level == 1 || way == Way.UPDATE || way == Way.PRESERVE_AD) {
                        matrix.add(Arguments.of(bad, level, way));
                    }
                }
            }
        }
        return matrix.stream();
    }

    static Stream<Arguments> badAtLevels() {
        return matrix().filter(arguments -> arguments.get()[2] == Way.UPDATE)
                .map(arguments -> Arguments.of(arguments.get()[0], arguments.get()[1]));
    }

    private static long bad(PvWorld world, Tree tree, Bad bad, int level) {
        long sound = entry(level == 1 ? world.frame() : world.tree().table(level - 1), P | RW | US);
        long flags = P | US | (level == 1 ? RW : 0);
        return switch (bad) {
            case WRITE_THROUGH -> sound | PvWorld.PWT;
            case CACHE_DISABLE -> sound | PvWorld.PCD;
            case PAGE_SIZE_OR_PAT -> sound | PvWorld.PS;
            case GLOBAL -> sound | PvWorld.G;
            case BIT_52 -> sound | 1L << 52;
            case BIT_59 -> sound | 1L << 59;
            case BIT_62 -> sound | 1L << 62;
            case OF_THE_HYPERVISOR -> entry(world.machine.ownFrame(), flags);
            case OF_NOBODY -> entry(world.allocator.allocate(), flags);
            case OF_ANOTHER_DOMAIN -> {
                long mfn = world.allocator.allocate();
                world.machine.adopt(mfn, PvWorld.HVM);
                yield entry(mfn, flags);
            }
            case BEYOND_MEMORY -> entry(world.frames.size(), flags);
            case HIGHEST_FRAME -> entry((1L << 40) - 1, flags);
            case WRITABLE_TABLE -> entry(tree.level2, flags);
            case WRITABLE_DESCRIPTORS, DESCRIPTORS_AS_TABLE -> {
                long gdt = world.frame();
                assertThat(world.tables.setGdt(new long[] {gdt}, 1)).isZero();
                yield entry(gdt, flags);
            }
            case WRITABLE_LENT_FOR_READING -> entry(world.tables.share(false), flags);
            case WRITABLE_DATA_AS_TABLE -> entry(tree.data, flags);
            case LENT_FRAME_AS_TABLE -> entry(world.tables.share(true), flags);
            case TABLE_TWO_LEVELS_DOWN -> entry(tree.table(level - 2), flags);
            case TABLE_OF_A_HIGHER_LEVEL -> entry(tree.table(level + 1), flags);
            case WRITABLE_TABLE_OF_ITS_LEVEL -> {
                long other = world.frame();
                assertThat(world.tables.pin(level, other)).isZero();
                yield entry(other, flags | RW);
            }
            case ITSELF_WRITABLE -> entry(tree.table(level), flags | RW);
            case TABLE_WITH_A_BAD_ENTRY -> {
                Tree other = world.tree();
                world.poke(other.table(level - 1), 511, entry(world.frames.size() - 1, P | PvWorld.PS | PvWorld.PCD));
                yield entry(other.table(level - 1), flags);
            }
        };
    }

    private static long write(PvWorld world, Tree tree, int level, Way way, long value) {
        PvTables tables = world.tables;
        long address = tree.address(level);
        long table = tables.tableByteAt(ALIAS);
        assertThat(table).isEqualTo(tree.level1 << 12);
        return switch (way) {
            case UPDATE -> world.update(address, value);
            case PRESERVE_AD -> tables.update(address, value, UpdateKind.PRESERVE_AD, DOMAIN, DOMAIN);
            case UPDATE_VA -> tables.updateVa(LINEAR, value);
            case STORE -> tables.storeToTable(address, 8, value);
            case STORE_OF_A_HALF -> storeHalves(world, address, value);
            case EXCHANGE -> tables.exchangeInTable(address, 8, world.memory.readLong(address), value);
        };
    }

    /** The upper half is stored while the entry is absent, as a careful kernel does; then the lower half makes it bad. */
    private static long storeHalves(PvWorld world, long address, long value) {
        long was = world.memory.readLong(address);
        assertThat(world.tables.storeToTable(address, 4, 0)).isZero();
        assertThat(world.tables.storeToTable(address + 4, 4, value >>> 32)).isZero();
        long result = world.tables.storeToTable(address, 4, value & 0xFFFF_FFFFL);
        if (result != 0) {
            assertThat(world.tables.storeToTable(address + 4, 4, was >>> 32)).isZero();
            assertThat(world.tables.storeToTable(address, 4, was & 0xFFFF_FFFFL))
                    .isZero();
        }
        return result;
    }

    @ParameterizedTest
    @MethodSource("matrix")
    void badEntryIsRefusedAndNothingChanges(Bad bad, int level, Way way) {
        try (PvWorld world = new PvWorld()) {
            Tree tree = world.tree();
            world.poke(tree.level1, 1, entry(tree.level1, P | US));
            assertThat(world.tables.pin(4, tree.level4)).isZero();
            assertThat(world.tables.newBase(tree.level4)).isZero();
            long value = bad(world, tree, bad, level);
            long was = world.memory.readLong(tree.address(level));
            String before = world.account();
            assertThat(write(world, tree, level, way, value)).isEqualTo(level == 1 ? bad.error : Errno.EINVAL);
            assertThat(world.memory.readLong(tree.address(level))).isEqualTo(was);
            assertThat(world.account()).isEqualTo(before);
            world.check();
        }
    }

    /** The same entries are refused where they are found in a table that is to be validated. */
    @ParameterizedTest
    @MethodSource("badAtLevels")
    void tableWithABadEntryIsNotValidated(Bad bad, int level) {
        try (PvWorld world = new PvWorld()) {
            Tree tree = world.tree();
            assertThat(world.tables.pin(4, tree.level4)).isZero();
            long value = bad(world, tree, bad, level);
            Tree other = world.tree();
            world.poke(other.table(level), 300, value);
            String before = world.account();
            long result = world.tables.pin(4, other.level4);
            assertThat(result).isEqualTo(level == 1 ? bad.error : Errno.EINVAL);
            assertThat(world.account()).isEqualTo(before);
            world.check();
        }
    }
}
