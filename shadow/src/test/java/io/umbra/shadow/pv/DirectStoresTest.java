package io.umbra.shadow.pv;

import static io.umbra.shadow.pv.PvWorld.LINEAR;
import static io.umbra.shadow.pv.PvWorld.P;
import static io.umbra.shadow.pv.PvWorld.US;
import static io.umbra.shadow.pv.PvWorld.entry;
import static org.assertj.core.api.Assertions.assertThat;

import io.umbra.shadow.pv.PvWorld.Tree;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

/** A direct store has the effect of the hypercall that would store the same entry. */
class DirectStoresTest {
    private static final long SEED = Long.getLong("umbra.seed", 11);
    private static final int STORES = 3000;

    @Test
    void storeEqualsTheUpdateOfTheWholeEntry() {
        try (PvWorld stored = new PvWorld();
                PvWorld updated = new PvWorld()) {
            Tree tree = stored.loadedTree();
            assertThat(updated.loadedTree().level1).isEqualTo(tree.level1);
            long[] frames = new long[8];
            for (int i = 0; i < 5; i++) {
                frames[i] = stored.frame();
                assertThat(updated.frame()).isEqualTo(frames[i]);
            }
            frames[5] = tree.level2;
            frames[6] = tree.level1;
            frames[7] = stored.machine.emptyFrame();
            SplittableRandom random = new SplittableRandom(SEED);
            int refused = 0;
            for (int i = 0; i < STORES; i++) {
                long maddr = PvWorld.address(tree.level1, random.nextInt(4));
                long value = entry(
                        frames[random.nextInt(8)],
                        random.nextInt(8) | (random.nextLong() & 0xFF0L) * (random.nextInt(6) / 5));
                long expected = random.nextInt(4) == 0 ? value : stored.memory.readLong(maddr);
                boolean exchanges = random.nextBoolean();
                long byStore = exchanges
                        ? stored.tables.exchangeInTable(maddr, 8, expected, value)
                        : stored.tables.storeToTable(maddr, 8, value);
                boolean differs = exchanges && expected != updated.memory.readLong(maddr);
                long byUpdate = differs ? 1 : updated.update(maddr, value);
                assertThat(byStore)
                        .as("seed %d, store %d of 0x%x", SEED, i, value)
                        .isEqualTo(byUpdate);
                assertThat(stored.memory.readLong(maddr)).isEqualTo(updated.memory.readLong(maddr));
                refused += byStore < 0 ? 1 : 0;
            }
            assertThat(stored.account()).isEqualTo(updated.account());
            assertThat(refused).isBetween(STORES / 20, STORES / 2);
            stored.check();
        }
    }

    @Test
    void onlyReadOnlyMappingsOfLevelOneTablesAreStoredTo() {
        try (PvWorld world = new PvWorld()) {
            Tree tree = world.loadedTree();
            PvTables tables = world.tables;
            assertThat(tables.tableByteAt(LINEAR)).as("writable data").isEqualTo(-1);
            assertThat(tables.tableByteAt(LINEAR + 0x1000)).as("absent").isEqualTo(-1);
            for (int level = 1; level <= 4; level++) {
                assertThat(tables.updateVa(LINEAR, entry(tree.table(level), P | US)))
                        .isZero();
                assertThat(tables.tableByteAt(LINEAR + 0x123)).isEqualTo(level == 1 ? (tree.level1 << 12) + 0x123 : -1);
                assertThat(tables.storeToTable(tree.address(level) & ~7, 8, 0))
                        .isEqualTo(level == 1 ? 0 : Errno.EINVAL);
                tables.updateVa(LINEAR, 0);
            }
            assertThat(tables.updateVa(LINEAR, entry(tree.data, P | US))).isZero();
            assertThat(tables.tableByteAt(LINEAR)).as("read-only data").isEqualTo(-1);
            assertThat(tables.storeToTable(tree.data << 12, 8, 0)).isEqualTo(Errno.EINVAL);
            assertThat(tables.tableByteAt(MachineToPhys.LINEAR)).isEqualTo(-1);
            assertThat(tables.tableByteAt(1L << 50)).isEqualTo(-1);
        }
    }
}
