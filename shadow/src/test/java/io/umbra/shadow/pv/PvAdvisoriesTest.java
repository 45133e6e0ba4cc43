package io.umbra.shadow.pv;

import static io.umbra.shadow.pv.PvWorld.A;
import static io.umbra.shadow.pv.PvWorld.D;
import static io.umbra.shadow.pv.PvWorld.DOMAIN;
import static io.umbra.shadow.pv.PvWorld.HVM;
import static io.umbra.shadow.pv.PvWorld.LINEAR;
import static io.umbra.shadow.pv.PvWorld.NX;
import static io.umbra.shadow.pv.PvWorld.P;
import static io.umbra.shadow.pv.PvWorld.PCD;
import static io.umbra.shadow.pv.PvWorld.PS;
import static io.umbra.shadow.pv.PvWorld.PWT;
import static io.umbra.shadow.pv.PvWorld.RW;
import static io.umbra.shadow.pv.PvWorld.US;
import static io.umbra.shadow.pv.PvWorld.entry;
import static org.assertj.core.api.Assertions.assertThat;

import io.umbra.shadow.pv.PvWorld.Tree;
import io.umbra.x86.LongModeEntry;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/**
 * What Xen's security advisories about PV pagetables taught, each as a test that carries its number. Those about grants, 32-bit PV guests, shadows of PV tables, an IOMMU and processor caches have no place in
 * this package.
 */
class PvAdvisoriesTest {
    private final PvWorld world = new PvWorld();
    private final PvTables tables = world.tables;
    private final MachineFrames frames = world.frames;

    @AfterEach
    void nothingIsLeft() {
        world.host.patience = -1;
        world.host.onFlush = null;
        world.host.onMark = null;
        world.check();
        assertThat(tables.destroy()).isZero();
        world.check();
        world.close();
    }

    /** Teardown must be preemptible. */
    @Test
    void xsa45TeardownIsPreemptible() {
        Tree tree = world.loadedTree();
        for (int i = 0; i < 20; i++) {
            assertThat(world.update(PvWorld.address(tree.level2, 100 + i), entry(world.frame(), P)))
                    .isZero();
        }
        world.host.patience = 0;
        int calls = 1;
        while (tables.destroy() == Errno.RESTART) {
            world.check();
            calls++;
        }
        assertThat(calls).isGreaterThan(5);
        assertThat(world.account()).doesNotContain("owner 1 ");
    }

    /** A failing pin lost a reference. */
    @Test
    void xsa58FailingPinLeavesAllCounts() {
        Tree tree = world.tree();
        world.poke(tree.level1, 7, entry(tree.level3, P | RW | US));
        world.poke(tree.level3, 511, entry(tree.data, P | US));
        String before = world.account();
        assertThat(tables.pin(4, tree.level4)).isEqualTo(Errno.EBUSY);
        assertThat(world.account()).isEqualTo(before);
    }

    /** Slots behind the hypervisor's were taken for its own. */
    @Test
    void xsa64Slot272IsTheGuests() {
        Tree tree = world.loadedTree();
        assertThat(world.update(PvWorld.address(tree.level4, 272), entry(tree.level3, P | RW | US)))
                .isZero();
        assertThat(world.update(PvWorld.address(tree.level4, 271), entry(tree.level3, P | RW | US)))
                .isEqualTo(Errno.EINVAL);
        assertThat(world.update(PvWorld.address(tree.level4, 256), 0)).isEqualTo(Errno.EINVAL);
        assertThat(frames.typeCount(tree.level3)).isEqualTo(2);
    }

    /** Tables of a domain that has none. */
    @Test
    void xsa109TableOwnerWithoutPvTablesIsRefused() {
        long mfn = world.allocator.allocate();
        world.machine.adopt(mfn, HVM);
        assertThat(tables.update(mfn << 12, 0, UpdateKind.NORMAL, HVM, DOMAIN)).isEqualTo(Errno.EPERM);
        world.host.power.add(HVM);
        assertThat(tables.update(mfn << 12, 0, UpdateKind.NORMAL, HVM, DOMAIN)).isEqualTo(Errno.EINVAL);
        assertThat(frames.count(mfn)).isEqualTo(1);
    }

    /** A failing M2P update lost a reference. */
    @Test
    void xsa113FailingM2pUpdateLeavesAllCounts() {
        String before = world.account();
        assertThat(tables.machphys(world.machine.emptyFrame(), 1)).isEqualTo(Errno.EINVAL);
        assertThat(tables.machphys(world.frames.size() + 1, 1)).isEqualTo(Errno.EINVAL);
        assertThat(tables.machphys(-1, 1)).isEqualTo(Errno.EINVAL);
        assertThat(world.account()).isEqualTo(before);
    }

    /** PS and RW slipped through the fast path of level 2. */
    @Test
    void xsa148ChangeOfPsAloneIsAudited() {
        Tree tree = world.loadedTree();
        for (int level = 2; level <= 4; level++) {
            long was = world.memory.readLong(tree.address(level));
            assertThat(world.update(tree.address(level), was | PS)).isEqualTo(Errno.EINVAL);
            assertThat(world.memory.readLong(tree.address(level))).isEqualTo(was);
        }
    }

    /** A device's registers were mapped with caching, or the caching bits changed without an audit. */
    @Test
    void xsa154DeviceIsNeverMappedCached() {
        IoSpace device = new IoSpace() {
            @Override
            public boolean mayMap(long mfn) {
                return mfn >>> 1 == 0x1_0000;
            }

            @Override
            public boolean isReadOnly(long mfn) {
                return mfn == 0x2_0001;
            }

            @Override
            public boolean mayChooseCaching() {
                return true;
            }
        };
        try (PvWorld other = new PvWorld(new PvPolicy(true, device))) {
            Tree tree = other.loadedTree();
            long pat = PS;
            for (long caching : new long[] {0, PWT, PWT | pat, pat, PCD, PCD | PWT}) {
                assertThat(other.tables.updateVa(LINEAR, entry(0x2_0000, P | RW | US | caching)))
                        .isZero();
                long stored = other.memory.readLong(tree.address(1)) & (PWT | PCD | pat);
                boolean isCombining = stored == pat;
                assertThat(isCombining || (stored & PCD) != 0).isTrue();
                other.check();
            }
            assertThat(other.tables.updateVa(LINEAR, entry(0x2_0001, P | RW | US)))
                    .isZero();
            assertThat(LongModeEntry.isWritable(other.memory.readLong(tree.address(1))))
                    .isFalse();
            assertThat(other.tables.updateVa(LINEAR, entry(0x2_0002, P | US))).isEqualTo(Errno.EPERM);
            other.check();
        }
    }

    /** Frame numbers were not checked. */
    @Test
    void xsa167FrameNumbersOutOfRangeAreErrors() {
        Tree tree = world.loadedTree();
        for (long mfn : new long[] {world.frames.size(), 1L << 31, 1L << 32, 1L << 40, 1L << 51, Long.MAX_VALUE, -1}) {
            for (int level = 0; level <= 5; level++) {
                assertThat(tables.pin(level, mfn)).isEqualTo(Errno.EINVAL);
            }
            assertThat(tables.unpin(mfn)).isEqualTo(Errno.EINVAL);
            assertThat(tables.newBase(mfn)).isEqualTo(Errno.EINVAL);
            assertThat(tables.newUserBase(mfn)).isEqualTo(Errno.EINVAL);
            assertThat(tables.clearPage(mfn)).isEqualTo(Errno.EINVAL);
            assertThat(tables.copyPage(tree.data, mfn)).isEqualTo(Errno.EINVAL);
            assertThat(tables.release(mfn)).isEqualTo(Errno.EINVAL);
            assertThat(tables.takeWritable(mfn)).isEqualTo(Errno.EINVAL);
            assertThat(tables.transfer(mfn, tables, 0)).isEqualTo(Errno.EINVAL);
            assertThat(tables.setGdt(new long[] {mfn}, 1)).isEqualTo(Errno.EINVAL);
            assertThat(tables.pfnOf(mfn)).isEqualTo(-1);
        }
        for (long maddr : new long[] {frames.size() << 12, 1L << 52, -8, Long.MIN_VALUE}) {
            assertThat(world.update(maddr, 0)).isEqualTo(Errno.EINVAL);
            assertThat(tables.updateDescriptor(maddr, 0)).isEqualTo(Errno.EINVAL);
            assertThat(tables.storeToTable(maddr, 8, 0)).isEqualTo(Errno.EINVAL);
        }
        assertThat(tables.storeToTable(tree.address(1), 3, 0)).isEqualTo(Errno.EINVAL);
        assertThat(tables.storeToTable(tree.address(1), 0, 0)).isEqualTo(Errno.EINVAL);
        assertThat(tables.storeToTable(tree.address(1) + 1, 2, 0)).isEqualTo(Errno.EINVAL);
    }

    /** RW was added to a self-mapping entry without an audit. */
    @Test
    void xsa182WritableSelfMappingIsRefused() {
        Tree tree = world.loadedTree();
        for (int level = 2; level <= 4; level++) {
            long at = PvWorld.address(tree.table(level), 20);
            assertThat(world.update(at, entry(tree.table(level), P | US))).isZero();
            assertThat(world.update(at, entry(tree.table(level), P | US | RW))).isEqualTo(Errno.EINVAL);
            assertThat(world.update(at, entry(tree.table(level), P | US | NX | A | D)))
                    .isZero();
        }
        long readOnly = entry(tree.level1, P | US);
        assertThat(tables.updateVa(LINEAR, readOnly)).isZero();
        assertThat(tables.updateVa(LINEAR, readOnly | RW)).isEqualTo(Errno.EBUSY);
    }

    /** What a frame was validated as outlived its transfer. */
    @Test
    void xsa214TransferForgetsTheValidatedType() {
        PvTables other = new PvTables(world.machine, 2, 1, new PvWorld.Host(), PvPolicy.DEFAULT);
        long mfn = world.frame();
        assertThat(tables.setGdt(new long[] {mfn}, 1)).isZero();
        assertThat(tables.transfer(mfn, other, 3)).isEqualTo(Errno.EBUSY);
        assertThat(tables.setGdt(new long[0], 0)).isZero();
        assertThat(frames.isValidated(mfn)).isTrue();
        assertThat(tables.transfer(mfn, other, 3)).isZero();
        assertThat(frames.isValidated(mfn)).isFalse();
        assertThat(frames.type(mfn)).isEqualTo(FrameType.NONE);
        assertThat(other.pfnOf(mfn)).isEqualTo(3);
        assertThat(tables.pfnOf(mfn)).isEqualTo(-1);
        assertThat(other.destroy()).isZero();
    }

    /** Frames were taken from domains that are not PV. */
    @Test
    void xsa217FramesOfOtherDomainsCannotBeTransferred() {
        long mfn = world.allocator.allocate();
        world.machine.adopt(mfn, HVM);
        world.host.power.add(HVM);
        assertThat(tables.transfer(mfn, tables, 0)).isEqualTo(Errno.EINVAL);
        assertThat(tables.release(mfn)).isEqualTo(Errno.EINVAL);
    }

    /** The table was freed while a store to it was emulated. */
    @Test
    void xsa219TableThatIsReleasedDuringAnUpdateStaysUntilItIsDone() {
        Tree tree = world.loadedTree();
        boolean[] done = {false};
        world.host.onMark = () -> {
            if (!done[0]) {
                done[0] = true;
                tables.schedule(1);
                assertThat(tables.release(tree.level1)).isZero();
                assertThat(world.update(tree.address(2), 0)).isZero();
                tables.schedule(0);
                assertThat(frames.typeCount(tree.level1)).isEqualTo(1);
                assertThat(frames.owner(tree.level1)).isEqualTo(DOMAIN);
            }
        };
        assertThat(world.update(tree.address(1), 0)).isZero();
        assertThat(done[0]).isTrue();
        assertThat(frames.owner(tree.level1)).isEqualTo(MachineFrames.NOBODY);
    }

    /** The end of an update dropped the last reference of the table's type. */
    @Test
    void xsa242LastTypeReferenceThatGoesDuringAnUpdateIsCleanedUp() {
        Tree tree = world.loadedTree();
        boolean[] done = {false};
        world.host.onMark = () -> {
            if (!done[0]) {
                done[0] = true;
                tables.schedule(1);
                assertThat(world.update(tree.address(4), 0)).isZero();
                tables.schedule(0);
            }
        };
        long more = world.frame();
        assertThat(world.update(PvWorld.address(tree.level3, 77), entry(more, P)))
                .isZero();
        assertThat(done[0]).isTrue();
        for (long mfn : new long[] {tree.level3, tree.level2, tree.level1, more}) {
            assertThat(frames.typeCount(mfn)).isZero();
        }
    }

    /** Pages of the hypervisor's pools could be mapped, since the guest owned them. */
    @Test
    void xsa248TheHypervisorsFramesCannotBeMapped() {
        Tree tree = world.loadedTree();
        long m2p = LongModeEntry.frame(tables.reservedSlots().entry(256));
        long area = LongModeEntry.frame(tables.reservedSlots().entry(260));
        for (long mfn : new long[] {m2p, area, world.allocator.allocate()}) {
            assertThat(tables.updateVa(LINEAR, entry(mfn, P | US))).isEqualTo(Errno.EBUSY);
            assertThat(tables.pin(3, mfn)).isEqualTo(Errno.EINVAL);
            assertThat(world.update(tree.address(4), entry(mfn, P | US))).isEqualTo(Errno.EINVAL);
        }
    }

    /** Counters overflowed. */
    @Test
    void xsa249CountsDoNotOverflow() {
        int limit = 40;
        try (PvWorld narrow = new PvWorld(PvPolicy.DEFAULT, limit)) {
            Tree tree = narrow.loadedTree();
            int accepted = 0;
            for (int slot = 1; slot < 100; slot++) {
                long result = narrow.update(PvWorld.address(tree.level1, slot), entry(tree.data, P | US | RW));
                assertThat(result).isIn(0L, (long) Errno.EBUSY);
                accepted += result == 0 ? 1 : 0;
            }
            assertThat(accepted).isBetween(limit - 5, limit);
            for (int slot = 20; slot < 120; slot++) {
                long result = narrow.update(PvWorld.address(tree.level4, slot), entry(tree.level3, P | US | RW));
                assertThat(result).isIn(0L, (long) Errno.EINVAL);
            }
            narrow.check();
            assertThat(frames.count(tree.level3)).isLessThan(limit);
            assertThat(narrow.tables.destroy()).isZero();
            narrow.check();
        }
    }

    /** An entry was installed although a reference could not be taken. */
    @Test
    void xsa250OverflowAtTheRootIsARefusal() {
        int limit = 40;
        try (PvWorld narrow = new PvWorld(PvPolicy.DEFAULT, limit)) {
            Tree tree = narrow.loadedTree();
            while (narrow.frames.take(tree.level4)) {
                assertThat(narrow.frames.count(tree.level4)).isLessThan(limit);
            }
            assertThat(narrow.tables.newUserBase(tree.level4)).isEqualTo(Errno.EINVAL);
            assertThat(narrow.tables.userBase()).isEqualTo(PvTables.NONE);
            assertThat(narrow.update(PvWorld.address(tree.level4, 9), entry(tree.level4, P | US)))
                    .isEqualTo(Errno.EINVAL);
            assertThat(narrow.peek(tree.level4, 9)).isZero();
        }
    }

    /** The M2P holds what the guest put there. */
    @Test
    void xsa251AnyM2pValueIsIgnored() {
        long mfn = world.frame();
        for (long value : new long[] {-1, -2, Long.MIN_VALUE, 1L << 62, 1L << 40, 0x5555_5555_5555_5555L}) {
            assertThat(tables.machphys(mfn, value)).isZero();
            assertThat(tables.pfnOf(mfn)).isEqualTo(-1);
            assertThat(tables.clearPage(mfn)).isZero();
        }
        assertThat(tables.machphys(mfn, 4)).isZero();
        assertThat(tables.pfnOf(mfn)).isEqualTo(4);
        assertThat(world.host.dirty).contains(mfn);
    }

    /** A failed update flushed an address that nobody had checked. */
    @Test
    void xsa279FailedUpdateOfAnAddressFlushesNothing() {
        world.loadedTree();
        int flushes = world.host.flushes;
        for (long linear : new long[] {1L << 47, 0xFFFF_8000_0000_0000L, 0x1234_5678_9ABC_D000L, 1L << 30}) {
            assertThat(tables.updateVa(linear, entry(5, P))).isEqualTo(Errno.EINVAL);
        }
        assertThat(world.host.flushes).isEqualTo(flushes);
        assertThat(world.host.invalidated).isEmpty();
    }

    /** An address was looked up through tables that had changed. */
    @Test
    void xsa286AddressIsLookedUpInTheTablesOfNow() {
        Tree tree = world.loadedTree();
        Tree other = world.tree();
        int flushes = world.host.flushes;
        assertThat(world.update(tree.address(2), entry(other.level1, P | RW | US)))
                .isZero();
        assertThat(world.host.flushes).isGreaterThan(flushes);
        assertThat(tables.updateVa(LINEAR, entry(tree.data, P | US))).isZero();
        assertThat(LongModeEntry.frame(world.memory.readLong(other.address(1)))).isEqualTo(tree.data);
        assertThat(LongModeEntry.frame(world.memory.readLong(tree.address(1)))).isEqualTo(tree.data);
        assertThat(LongModeEntry.isWritable(world.memory.readLong(tree.address(1))))
                .isTrue();
    }

    /** States of a frame while it is taken from a domain. */
    @Test
    void xsa287FrameThatIsReferredToCannotBeTransferred() {
        PvTables other = new PvTables(world.machine, 2, 1, new PvWorld.Host(), PvPolicy.DEFAULT);
        Tree tree = world.loadedTree();
        for (long mfn : new long[] {tree.data, tree.level1, tree.level4}) {
            assertThat(tables.transfer(mfn, other, 0)).isEqualTo(Errno.EBUSY);
            assertThat(frames.owner(mfn)).isEqualTo(DOMAIN);
        }
        assertThat(tables.updateVa(LINEAR, 0)).isZero();
        assertThat(tables.transfer(tree.data, other, 0)).isZero();
        assertThat(tables.updateVa(LINEAR, entry(tree.data, P))).isEqualTo(Errno.EBUSY);
        assertThat(other.destroy()).isZero();
    }

    /** Level 2 could not be interrupted, and a partial one was left over. */
    @Test
    void xsa290LevelTwoCanBeInterrupted() {
        long level2 = world.frame();
        for (int slot = 0; slot < 8; slot++) {
            world.poke(level2, slot, entry(world.frame(), P));
        }
        String before = world.account();
        world.host.patience = 0;
        int calls = 0;
        while (tables.pin(2, level2) == Errno.RESTART) {
            assertThat(frames.isPartial(level2)).isTrue();
            assertThat(frames.done(level2)).isEqualTo(++calls);
            world.check();
        }
        assertThat(calls).isEqualTo(7);
        world.host.patience = -1;
        assertThat(tables.unpin(level2)).isZero();
        assertThat(world.account()).isEqualTo(before);
    }

    /** The LDT's limit was not checked. */
    @Test
    void xsa298PageBeyondTheLdtsLimitIsNotMapped() {
        Tree tree = world.loadedTree();
        long ldt = world.frame();
        assertThat(tables.updateVa(LINEAR, entry(ldt, P | US))).isZero();
        assertThat(tables.mapLdtPage(tables.ldtBase())).isFalse();
        assertThat(tables.setLdt(LINEAR, 4)).isZero();
        assertThat(tables.mapLdtPage(tables.ldtBase() + 32)).isFalse();
        assertThat(tables.mapLdtPage(tables.ldtBase() + 31)).isTrue();
        assertThat(frames.type(ldt)).isEqualTo(FrameType.SEGMENT_DESCRIPTORS);
        assertThat(tables.setLdt(0, 0)).isZero();
        assertThat(tables.mapLdtPage(tables.ldtBase())).isFalse();
        assertThat(frames.typeCount(ldt)).isZero();
        assertThat(frames.typeCount(tree.data)).isZero();
    }

    /** A frame was freed before TLBs were flushed. */
    @Test
    void xsa346FrameIsFlushedBeforeItIsFree() {
        Tree tree = world.loadedTree();
        tables.release(tree.data);
        boolean[] flushed = {false};
        world.host.onFlush = () -> {
            flushed[0] = true;
            assertThat(world.allocator.isAllocated(tree.data)).isTrue();
            assertThat(frames.owner(tree.data)).isEqualTo(DOMAIN);
        };
        assertThat(tables.updateVa(LINEAR, 0)).isZero();
        assertThat(flushed[0]).isTrue();
        assertThat(world.allocator.isAllocated(tree.data)).isFalse();
    }

    /** The flush came before the new type was published: a new writable mapping could be made in between. */
    @Test
    void xsa401TypeIsPublishedBeforeTheFlush() {
        Tree tree = world.loadedTree();
        assertThat(tables.updateVa(LINEAR, 0)).isZero();
        boolean[] tried = {false};
        world.host.onFlush = () -> {
            tried[0] = true;
            tables.schedule(1);
            assertThat(frames.type(tree.data)).isEqualTo(FrameType.L1);
            assertThat(frames.isValidated(tree.data)).isFalse();
            assertThat(world.update(tree.address(1), entry(tree.data, P | RW | US)))
                    .isEqualTo(Errno.EBUSY);
            assertThat(tables.takeWritable(tree.data)).isEqualTo(Errno.EINVAL);
            tables.schedule(0);
        };
        assertThat(tables.pin(1, tree.data)).isZero();
        assertThat(tried[0]).isTrue();
    }

    /** And the other way round: whoever wants it as a table while it becomes writable gets nothing. */
    @Test
    void xsa401TableThatBecomesWritableIsFlushedAfterItsTypeIsPublished() {
        Tree tree = world.loadedTree();
        long table = world.frame();
        assertThat(tables.pin(1, table)).isZero();
        assertThat(tables.unpin(table)).isZero();
        boolean[] tried = {false};
        world.host.onFlush = () -> {
            tried[0] = true;
            tables.schedule(1);
            assertThat(frames.type(table)).isEqualTo(FrameType.WRITABLE);
            assertThat(tables.pin(1, table)).isEqualTo(Errno.EINVAL);
            tables.schedule(0);
        };
        assertThat(tables.updateVa(LINEAR, entry(table, P | RW | US))).isZero();
        assertThat(tried[0]).isTrue();
        assertThat(frames.typeCount(tree.data)).isZero();
    }

    /** The flush was left out for types between which it is needed. */
    @Test
    void xsa408EveryChangeOfTypeFlushesWhatMayBeStale() {
        Tree tree = world.loadedTree();
        tables.updateVa(LINEAR, 0);
        int flushes = world.host.flushes;
        assertThat(tables.setGdt(new long[] {tree.data}, 1)).isZero();
        assertThat(world.host.flushes).isEqualTo(flushes + 1);
        assertThat(tables.setGdt(new long[0], 0)).isZero();
        assertThat(tables.updateVa(LINEAR, entry(tree.data, P | RW))).isZero();
        assertThat(world.host.flushes).isEqualTo(flushes + 2);
        tables.updateVa(LINEAR, 0);
        tables.flush();
        flushes = world.host.flushes;
        assertThat(tables.pin(2, tree.data)).isZero();
        assertThat(world.host.flushes).isEqualTo(flushes);
    }

    /** Log-dirty marks a frame when it becomes a table, and when it ceases to be one. */
    @Test
    void tablesAreMarkedDirtyWhereHardwareDoesNotSeeIt() {
        Tree tree = world.tree();
        world.host.dirty.clear();
        tables.pin(4, tree.level4);
        assertThat(world.host.dirty).contains(tree.level1, tree.level2, tree.level3, tree.level4);
        world.host.dirty.clear();
        world.update(tree.address(1), 0);
        assertThat(world.host.dirty).containsExactly(tree.level1);
        world.host.dirty.clear();
        tables.unpin(tree.level4);
        assertThat(world.host.dirty).contains(tree.level1, tree.level2, tree.level3, tree.level4);
        assertThat(world.host.unshadowed).contains(tree.level1, tree.level2, tree.level3, tree.level4);
        world.host.dirty.clear();
        tables.machphys(tree.data, 9);
        tables.clearPage(tree.level1);
        tables.copyPage(tree.level2, tree.data);
        tables.updateDescriptor(tree.level3 << 12, 0);
        assertThat(world.host.dirty).containsExactlyInAnyOrder(tree.data, tree.level1, tree.level2, tree.level3);
    }
}
