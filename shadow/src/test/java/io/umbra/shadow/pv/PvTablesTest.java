package io.umbra.shadow.pv;

import static io.umbra.shadow.pv.PvWorld.A;
import static io.umbra.shadow.pv.PvWorld.D;
import static io.umbra.shadow.pv.PvWorld.DOMAIN;
import static io.umbra.shadow.pv.PvWorld.G;
import static io.umbra.shadow.pv.PvWorld.LINEAR;
import static io.umbra.shadow.pv.PvWorld.NX;
import static io.umbra.shadow.pv.PvWorld.P;
import static io.umbra.shadow.pv.PvWorld.RW;
import static io.umbra.shadow.pv.PvWorld.US;
import static io.umbra.shadow.pv.PvWorld.entry;
import static org.assertj.core.api.Assertions.assertThat;

import io.umbra.shadow.pv.PvWorld.Tree;
import io.umbra.x86.LongModeEntry;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** What the calls do when all goes well, and the plain refusals. */
class PvTablesTest {
    private final PvWorld world = new PvWorld();
    private final PvTables tables = world.tables;
    private final MachineFrames frames = world.frames;

    @AfterEach
    void allRulesHoldAndEverythingReturnsToZero() {
        world.check();
        assertThat(tables.destroy()).isZero();
        world.check();
        for (long mfn = 0; mfn < frames.size(); mfn++) {
            assertThat(frames.owner(mfn)).isNotEqualTo(DOMAIN);
        }
        world.close();
    }

    @Test
    void pinOfARootValidatesAllBelow() {
        Tree tree = world.tree();
        assertThat(tables.pin(4, tree.level4)).isZero();
        for (int level = 1; level <= 4; level++) {
            assertThat(frames.type(tree.table(level))).isEqualTo(FrameType.table(level));
            assertThat(frames.typeCount(tree.table(level))).isEqualTo(1);
            assertThat(frames.count(tree.table(level))).isEqualTo(2);
            assertThat(frames.isValidated(tree.table(level))).isTrue();
        }
        assertThat(frames.type(tree.data)).isEqualTo(FrameType.WRITABLE);
        assertThat(frames.isPinned(tree.level4)).isTrue();
    }

    @Test
    void unpinUndoesIt() {
        Tree tree = world.tree();
        String before = world.account();
        tables.pin(4, tree.level4);
        assertThat(tables.unpin(tree.level4)).isZero();
        assertThat(world.account()).isEqualTo(before);
        assertThat(tables.unpin(tree.level4)).isEqualTo(Errno.EINVAL);
    }

    @Test
    void pinIsNotNested() {
        Tree tree = world.tree();
        tables.pin(4, tree.level4);
        String pinned = world.account();
        assertThat(tables.pin(4, tree.level4)).isEqualTo(Errno.EINVAL);
        assertThat(world.account()).isEqualTo(pinned);
    }

    @Test
    void entriesGetWhatXenAddsToThem() {
        Tree tree = world.tree();
        world.poke(tree.level1, 5, entry(world.frame(), P));
        world.poke(tree.level1, 6, entry(world.frame(), P | US));
        world.poke(tree.level2, 9, entry(world.frame(), P | NX));
        tables.pin(4, tree.level4);
        assertThat(world.peek(tree.level1, 5) & ~LongModeEntry.FRAME_MASK).isEqualTo(P | US | PvEntry.GUEST_KERNEL);
        assertThat(world.peek(tree.level1, 6) & ~LongModeEntry.FRAME_MASK).isEqualTo(P | US | G);
        assertThat(world.peek(tree.level2, 9) & ~LongModeEntry.FRAME_MASK).isEqualTo(P | US | NX);
        assertThat(world.peek(tree.level4, 0) & ~LongModeEntry.FRAME_MASK).isEqualTo(P | US | RW | A);
    }

    @Test
    void reservedSlotsAreTheHypervisors() {
        Tree tree = world.tree();
        long below = world.frame();
        for (int slot = 255; slot <= 272; slot++) {
            world.poke(tree.level4, slot, entry(below, P | RW | US));
        }
        assertThat(tables.pin(4, tree.level4)).isZero();
        for (int slot = 256; slot < 272; slot++) {
            assertThat(world.peek(tree.level4, slot))
                    .isEqualTo(tables.reservedSlots().entry(slot));
        }
        assertThat(frames.typeCount(below)).isEqualTo(2);
    }

    @Test
    void theM2pIsReadableThroughSlot256() {
        Tree tree = world.loadedTree();
        long mfn = tree.data;
        long at = MachineToPhys.LINEAR + 8 * mfn;
        long entry = world.peek(tree.level4, 256);
        for (int level = 3; level >= 1; level--) {
            assertThat(LongModeEntry.isUser(entry)).isTrue();
            assertThat(LongModeEntry.isWritable(entry)).isFalse();
            entry = world.peek(LongModeEntry.frame(entry), LongModeEntry.index(at, level));
        }
        assertThat(LongModeEntry.isWritable(entry)).isFalse();
        assertThat(world.memory.readLong((LongModeEntry.frame(entry) << 12) + (at & 0xFFF)))
                .isEqualTo(tables.pfnOf(mfn));
    }

    @Test
    void frameThatIsATableCannotBeMappedWritable() {
        Tree tree = world.loadedTree();
        assertThat(tables.updateVa(LINEAR, entry(tree.level1, P | RW | US))).isEqualTo(Errno.EBUSY);
        assertThat(tables.updateVa(LINEAR, entry(tree.level1, P | US))).isZero();
        assertThat(frames.typeCount(tree.data)).isZero();
    }

    @Test
    void frameThatIsMappedWritableCannotBecomeATable() {
        Tree tree = world.loadedTree();
        assertThat(tables.pin(1, tree.data)).isEqualTo(Errno.EINVAL);
        assertThat(tables.updateVa(LINEAR, 0)).isZero();
        int flushes = world.host.flushes;
        assertThat(tables.pin(1, tree.data)).isZero();
        assertThat(world.host.flushes).isEqualTo(flushes + 1);
    }

    @Test
    void updateReachesEveryLevel() {
        Tree tree = world.loadedTree();
        Tree other = world.tree();
        for (int level = 4; level >= 2; level--) {
            long was = world.memory.readLong(tree.address(level));
            assertThat(world.update(tree.address(level), entry(other.table(level - 1), P | RW | US)))
                    .isZero();
            assertThat(frames.typeCount(tree.table(level - 1))).isZero();
            assertThat(frames.typeCount(other.table(level - 1))).isEqualTo(1);
            assertThat(world.update(tree.address(level), was)).isZero();
            world.check();
        }
        assertThat(world.update(tree.address(1), entry(other.data, P | US | RW)))
                .isZero();
        assertThat(frames.typeCount(other.data)).isEqualTo(1);
    }

    @Test
    void updateOfAPlainFrameIsAStore() {
        long mfn = world.frame();
        assertThat(world.update((mfn << 12) + 0x10, 0x1234)).isZero();
        assertThat(world.peek(mfn, 2)).isEqualTo(0x1234);
        assertThat(world.update((mfn << 12) + 0x14, 0x1234)).isEqualTo(Errno.EINVAL);
        assertThat(frames.typeCount(mfn)).isZero();
    }

    @Test
    void preservedBitsAreThoseOfTheEntryThatIsReplaced() {
        Tree tree = world.loadedTree();
        world.memory.writeLong(tree.address(1), world.memory.readLong(tree.address(1)) | A | D);
        tables.update(tree.address(1), entry(tree.data, P | RW | US), UpdateKind.PRESERVE_AD, DOMAIN, DOMAIN);
        assertThat(world.memory.readLong(tree.address(1)) & (A | D)).isEqualTo(A | D);
        tables.update(tree.address(1), entry(tree.data, P | RW | US), UpdateKind.NORMAL, DOMAIN, DOMAIN);
        assertThat(world.memory.readLong(tree.address(1)) & (A | D)).isZero();
    }

    @Test
    void bitsThatConcernTheGuestAloneTakeNothing() {
        Tree tree = world.loadedTree();
        assertThat(tables.updateVa(LINEAR, entry(tree.data, P | RW | NX | A | 1L << 10)))
                .isZero();
        assertThat(world.memory.readLong(tree.address(1)))
                .isEqualTo(entry(tree.data, P | RW | NX | A | 1L << 10 | US | PvEntry.GUEST_KERNEL));
        assertThat(frames.typeCount(tree.data)).isEqualTo(1);
    }

    @Test
    void newBaseIsLoadedBeforeTheOldOneIsGivenUp() {
        Tree tree = world.loadedTree();
        tables.unpin(tree.level4);
        Tree other = world.tree();
        world.host.onMark = () -> {
            if (frames.typeCount(tree.level4) == 0) {
                assertThat(world.host.loaded.getLast()).isEqualTo(other.level4);
            }
        };
        assertThat(tables.newBase(other.level4)).isZero();
        assertThat(tables.kernelBase()).isEqualTo(other.level4);
        assertThat(frames.typeCount(tree.level4)).isZero();
        assertThat(tables.newBase(world.frames.size())).isEqualTo(Errno.EINVAL);
        assertThat(tables.newBase(0)).isEqualTo(Errno.EINVAL);
        world.host.onMark = null;
    }

    @Test
    void userBaseMayBeNone() {
        Tree tree = world.tree();
        assertThat(tables.newUserBase(tree.level4)).isZero();
        assertThat(tables.userBase()).isEqualTo(tree.level4);
        assertThat(world.host.loaded).isEmpty();
        assertThat(tables.newUserBase(0)).isZero();
        assertThat(frames.typeCount(tree.level4)).isZero();
    }

    @Test
    void eachVcpuHasItsOwnBases() {
        Tree tree = world.loadedTree();
        tables.schedule(1);
        assertThat(tables.kernelBase()).isZero();
        assertThat(tables.updateVa(LINEAR, 0)).isEqualTo(Errno.EINVAL);
        assertThat(tables.newBase(tree.level4)).isZero();
        assertThat(tables.updateVa(LINEAR, 0)).isZero();
        tables.schedule(0);
        assertThat(frames.typeCount(tree.level4)).isEqualTo(3);
    }

    @Test
    void addressesThatNoTableCoversAreRefused() {
        world.loadedTree();
        for (long linear : new long[] {LINEAR + (1L << 21), 1L << 39, 1L << 47, MachineToPhys.LINEAR, -1}) {
            assertThat(tables.updateVa(linear, 0)).isEqualTo(Errno.EINVAL);
        }
    }

    @Test
    void frameThatIsReleasedWhileMappedIsFreedWithItsLastMapping() {
        Tree tree = world.loadedTree();
        long free = world.allocator.freeFrames();
        assertThat(tables.release(tree.data)).isZero();
        assertThat(world.allocator.freeFrames()).isEqualTo(free);
        assertThat(tables.release(tree.data)).isEqualTo(Errno.EINVAL);
        assertThat(tables.updateVa(LINEAR, 0)).isZero();
        assertThat(world.allocator.freeFrames()).isEqualTo(free + 1);
        assertThat(world.machine.m2p().pfn(tree.data)).isEqualTo(MachineToPhys.NONE);
    }

    @Test
    void sharedFrameIsNeverATable() {
        Tree tree = world.loadedTree();
        long writable = tables.share(true);
        long readable = tables.share(false);
        assertThat(tables.updateVa(LINEAR, entry(writable, P | RW | US))).isZero();
        assertThat(tables.updateVa(LINEAR, entry(readable, P | RW | US))).isEqualTo(Errno.EBUSY);
        assertThat(tables.updateVa(LINEAR, entry(readable, P | US))).isZero();
        assertThat(tables.pin(1, writable)).isEqualTo(Errno.EINVAL);
        assertThat(tables.pin(1, readable)).isEqualTo(Errno.EINVAL);
        assertThat(tables.release(readable)).isEqualTo(Errno.EINVAL);
        assertThat(frames.typeCount(tree.data)).isZero();
    }

    @Test
    void bufferOfTheHypervisorsIsNoTableMeanwhile() {
        long mfn = world.frame();
        assertThat(tables.takeWritable(mfn)).isZero();
        world.check();
        assertThat(tables.pin(1, mfn)).isEqualTo(Errno.EINVAL);
        tables.dropWritable(mfn);
        assertThat(tables.pin(1, mfn)).isZero();
        assertThat(tables.takeWritable(mfn)).isEqualTo(Errno.EINVAL);
    }

    @Test
    void clearAndCopyNeedFramesThatMayBeWritten() {
        Tree tree = world.loadedTree();
        world.memory.writeLong(tree.data << 12, 77);
        long copy = world.frame();
        assertThat(tables.copyPage(copy, tree.data)).isZero();
        assertThat(world.peek(copy, 0)).isEqualTo(77);
        assertThat(tables.clearPage(copy)).isZero();
        assertThat(world.peek(copy, 0)).isZero();
        assertThat(tables.clearPage(tree.level1)).isEqualTo(Errno.EINVAL);
        assertThat(tables.copyPage(tree.level2, copy)).isEqualTo(Errno.EINVAL);
        assertThat(tables.copyPage(copy, world.frames.size() + 5)).isEqualTo(Errno.EINVAL);
    }
}
