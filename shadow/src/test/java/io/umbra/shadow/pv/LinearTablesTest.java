package io.umbra.shadow.pv;

import static io.umbra.shadow.pv.PvWorld.P;
import static io.umbra.shadow.pv.PvWorld.RW;
import static io.umbra.shadow.pv.PvWorld.US;
import static io.umbra.shadow.pv.PvWorld.entry;
import static org.assertj.core.api.Assertions.assertThat;

import io.umbra.shadow.pv.PvWorld.Tree;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Entries that name a table of their own level. */
class LinearTablesTest {
    private static final int SLOT = 9;

    private final PvWorld world = new PvWorld();
    private final PvTables tables = world.tables;
    private final MachineFrames frames = world.frames;
    private final Tree a = world.tree();
    private final Tree b = world.tree();
    private final Tree c = world.tree();

    @AfterEach
    void nothingIsLeft() {
        world.check();
        assertThat(tables.destroy()).isZero();
        world.check();
        world.close();
    }

    private long link(Tree from, Tree to, int level) {
        return world.update(PvWorld.address(from.table(level), SLOT), entry(to.table(level), P | US));
    }

    private void pinAll() {
        for (Tree tree : new Tree[] {a, b, c}) {
            assertThat(tables.pin(4, tree.level4)).isZero();
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {2, 3, 4})
    void tableMayNameItselfForReading(int level) {
        pinAll();
        int count = frames.count(a.table(level));
        assertThat(link(a, a, level)).isZero();
        assertThat(frames.count(a.table(level))).isEqualTo(count);
        assertThat(frames.linear(a.table(level))).isZero();
        world.check();
    }

    @Test
    void tableThatNamesItselfIsValidatedAsAWhole() {
        world.poke(a.level4, SLOT, entry(a.level4, P | US));
        assertThat(tables.pin(4, a.level4)).isZero();
        assertThat(frames.typeCount(a.level4)).isEqualTo(1);
    }

    /** Chains of tables of one level were cleaned up by recursion as deep as the chain. */
    @ParameterizedTest
    @ValueSource(ints = {2, 3, 4})
    void xsa240ChainOfTwoIsRefused(int level) {
        pinAll();
        assertThat(link(a, b, level)).isZero();
        assertThat(frames.linear(a.table(level))).isEqualTo(1);
        assertThat(frames.linear(b.table(level))).isEqualTo(-1);
        assertThat(link(b, c, level)).isEqualTo(Errno.EINVAL);
        assertThat(link(c, a, level)).isEqualTo(Errno.EINVAL);
        assertThat(link(c, b, level)).isZero();
        world.check();
        assertThat(world.update(PvWorld.address(a.table(level), SLOT), 0)).isZero();
        assertThat(link(c, a, level)).isEqualTo(Errno.OK);
        assertThat(frames.linear(c.table(level))).isEqualTo(1);
    }

    /** As anything is that an entry names. */
    @Test
    void tableThatNobodyUsesIsTakenForOneOfTheLevelBelow() {
        assertThat(tables.pin(4, a.level4)).isZero();
        assertThat(link(a, b, 4)).isZero();
        assertThat(frames.type(b.level4)).isEqualTo(FrameType.L3);
        assertThat(frames.linear(b.level4)).isZero();
    }

    @Test
    void namedTableOutlivesItsPin() {
        pinAll();
        link(a, b, 4);
        tables.unpin(b.level4);
        assertThat(frames.typeCount(b.level4)).isEqualTo(1);
        world.check();
        assertThat(world.update(PvWorld.address(a.level4, SLOT), 0)).isZero();
        assertThat(frames.typeCount(b.level4)).isZero();
        assertThat(frames.linear(b.level4)).isZero();
    }

    /** The count was lost when devalidation was interrupted. */
    @Test
    void xsa309CountsSurvivePreemption() {
        pinAll();
        link(a, b, 4);
        tables.unpin(b.level4);
        world.host.patience = 0;
        assertThat(tables.unpin(a.level4)).isZero();
        for (int i = 0; tables.vcpu(0).hasParked(); i++) {
            assertThat(i).isLessThan(100);
            world.check();
            tables.schedule(1);
            assertThat(frames.linear(b.level4)).isLessThanOrEqualTo(0);
            tables.schedule(0);
            tables.machphys(a.data, 1);
        }
        assertThat(frames.linear(a.level4)).isZero();
        assertThat(frames.linear(b.level4)).isZero();
        world.host.patience = -1;
    }

    @Test
    void theyCanBeForbidden() {
        try (PvWorld strict = new PvWorld(new PvPolicy(false, IoSpace.NONE))) {
            Tree tree = strict.loadedTree();
            assertThat(strict.update(PvWorld.address(tree.level4, SLOT), entry(tree.level4, P | US)))
                    .isEqualTo(Errno.EINVAL);
        }
    }

    @Test
    void writableOnesAreRefused() {
        pinAll();
        assertThat(world.update(PvWorld.address(a.level4, SLOT), entry(b.level4, P | US | RW)))
                .isEqualTo(Errno.EINVAL);
    }
}
