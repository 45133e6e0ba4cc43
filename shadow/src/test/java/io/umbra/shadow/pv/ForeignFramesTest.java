package io.umbra.shadow.pv;

import static io.umbra.shadow.pv.PvWorld.DOMAIN;
import static io.umbra.shadow.pv.PvWorld.HVM;
import static io.umbra.shadow.pv.PvWorld.LINEAR;
import static io.umbra.shadow.pv.PvWorld.P;
import static io.umbra.shadow.pv.PvWorld.PCD;
import static io.umbra.shadow.pv.PvWorld.RW;
import static io.umbra.shadow.pv.PvWorld.US;
import static io.umbra.shadow.pv.PvWorld.entry;
import static org.assertj.core.api.Assertions.assertThat;

import io.umbra.shadow.pv.PvWorld.Tree;
import io.umbra.x86.LongModeEntry;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Frames of others, and of the hypervisor's. */
class ForeignFramesTest {
    private static final int OTHER = 2;

    private final PvWorld world = new PvWorld();
    private final PvTables tables = world.tables;
    private final MachineFrames frames = world.frames;
    private final PvWorld.Host otherHost = new PvWorld.Host();
    private final PvTables other = new PvTables(world.machine, OTHER, 1, otherHost, PvPolicy.DEFAULT);
    private final Tree tree = world.loadedTree();

    @AfterEach
    void nothingIsLeft() {
        world.check();
        assertThat(other.destroy()).isZero();
        world.check();
        assertThat(tables.destroy()).isZero();
        world.check();
        world.close();
    }

    private long update(long value, int dataOwner) {
        return tables.update(tree.address(1), value, UpdateKind.NORMAL, DOMAIN, dataOwner);
    }

    @Test
    void foreignFrameIsMappedWithPowerOverItsOwnerOnly() {
        long mfn = other.allocate(1);
        assertThat(update(entry(mfn, P | RW | US), OTHER)).isEqualTo(Errno.EPERM);
        assertThat(tables.updateVa(LINEAR, entry(mfn, P), OTHER)).isEqualTo(Errno.EPERM);
        world.host.power.add(OTHER);
        assertThat(update(entry(mfn, P | RW | US), DOMAIN)).isEqualTo(Errno.EBUSY);
        assertThat(update(entry(world.frame(), P | RW | US), OTHER)).isEqualTo(Errno.EBUSY);
        assertThat(update(entry(mfn, P | RW | US), OTHER)).isZero();
        assertThat(frames.typeCount(mfn)).isEqualTo(1);
        world.check();
        assertThat(other.pin(1, mfn)).isEqualTo(Errno.EINVAL);
        assertThat(tables.updateVa(LINEAR, entry(mfn, P | US), OTHER)).isZero();
        int flushes = world.host.flushes;
        assertThat(other.pin(1, mfn)).isZero();
        assertThat(world.host.flushes).as("the mapper's TLB has it").isGreaterThan(flushes);
        assertThat(tables.updateVa(LINEAR, 0)).isZero();
    }

    @Test
    void writableMappingOfAFrameOfADomainWithoutPvTablesTakesNoType() {
        long mfn = world.allocator.allocate();
        world.machine.adopt(mfn, HVM);
        world.host.power.add(HVM);
        assertThat(update(entry(mfn, P | RW | US), HVM)).isZero();
        assertThat(frames.typeCount(mfn)).isZero();
        assertThat(frames.count(mfn)).isEqualTo(2);
        world.machine.abandon(mfn);
        assertThat(world.allocator.isAllocated(mfn)).isTrue();
        world.check();
        assertThat(update(0, DOMAIN)).isZero();
        assertThat(world.allocator.isAllocated(mfn)).isFalse();
    }

    @Test
    void foreignDataOwnerIsForLevelOneOnly() {
        world.host.power.add(OTHER);
        for (int level = 2; level <= 4; level++) {
            for (long mfn : new long[] {other.allocate(1), world.frame()}) {
                assertThat(tables.update(tree.address(level), entry(mfn, P), UpdateKind.NORMAL, DOMAIN, OTHER))
                        .isEqualTo(Errno.EINVAL);
            }
        }
    }

    @Test
    void privilegedDomainUpdatesTablesOfAnother() {
        long mfn = other.allocate(1);
        long table = other.allocate(2);
        assertThat(other.pin(1, table)).isZero();
        long entry = entry(mfn, P | RW | US);
        assertThat(tables.update(table << 12, entry, UpdateKind.NORMAL, OTHER, OTHER))
                .isEqualTo(Errno.EPERM);
        world.host.power.add(OTHER);
        assertThat(tables.update(table << 12, entry, UpdateKind.NORMAL, OTHER, OTHER))
                .isZero();
        assertThat(LongModeEntry.frame(world.peek(table, 0))).isEqualTo(mfn);
        assertThat(otherHost.dirty).contains(table);
        assertThat(tables.update(table << 12, entry, UpdateKind.NORMAL, DOMAIN, OTHER))
                .isEqualTo(Errno.EINVAL);
        assertThat(tables.update(mfn << 12, 5, UpdateKind.NORMAL, OTHER, OTHER)).isZero();
        assertThat(world.peek(mfn, 0)).isEqualTo(5);
    }

    @Test
    void frameOfADeadDomainLivesAsLongAsItIsMapped() {
        world.host.power.add(OTHER);
        long mfn = other.allocate(1);
        assertThat(update(entry(mfn, P | RW | US), OTHER)).isZero();
        assertThat(other.destroy()).isZero();
        assertThat(frames.owner(mfn)).isEqualTo(OTHER);
        assertThat(frames.typeCount(mfn)).isEqualTo(1);
        world.check();
        assertThat(update(0, DOMAIN)).isZero();
        assertThat(frames.owner(mfn)).isEqualTo(MachineFrames.NOBODY);
    }

    @Test
    void howTheHypervisorsFrameIsCachedIsNotTheGuestsChoice() {
        IoSpace device = new IoSpace() {
            @Override
            public boolean mayMap(long mfn) {
                return false;
            }

            @Override
            public boolean isReadOnly(long mfn) {
                return false;
            }

            @Override
            public boolean mayChooseCaching() {
                return true;
            }
        };
        try (PvWorld with = new PvWorld(new PvPolicy(true, device))) {
            with.loadedTree();
            long shared = with.tables.share(true);
            assertThat(with.tables.updateVa(LINEAR, entry(shared, P | US | RW | PCD)))
                    .isEqualTo(Errno.EACCES);
            assertThat(with.tables.updateVa(LINEAR, entry(shared, P | US | RW))).isZero();
            assertThat(with.tables.updateVa(LINEAR, entry(with.frame(), P | US | PCD)))
                    .isZero();
            with.check();
        }
    }
}
