package io.umbra.shadow;

import static io.umbra.shadow.SmallGuest.A;
import static io.umbra.shadow.SmallGuest.D;
import static io.umbra.shadow.SmallGuest.DEVICE;
import static io.umbra.shadow.SmallGuest.FETCH;
import static io.umbra.shadow.SmallGuest.KERNEL;
import static io.umbra.shadow.SmallGuest.LARGE;
import static io.umbra.shadow.SmallGuest.NX;
import static io.umbra.shadow.SmallGuest.P;
import static io.umbra.shadow.SmallGuest.PS;
import static io.umbra.shadow.SmallGuest.READ;
import static io.umbra.shadow.SmallGuest.READ_ONLY;
import static io.umbra.shadow.SmallGuest.ROOT;
import static io.umbra.shadow.SmallGuest.RW;
import static io.umbra.shadow.SmallGuest.US;
import static io.umbra.shadow.SmallGuest.USER;
import static io.umbra.shadow.SmallGuest.WRITE;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.umbra.shadow.FaultOutcome.Emulate;
import io.umbra.shadow.FaultOutcome.Fixed;
import io.umbra.shadow.FaultOutcome.GuestFault;
import io.umbra.shadow.ShadowPolicy.Coherence;
import io.umbra.shadow.ShadowPolicy.Populate;
import io.umbra.shadow.ShadowPolicy.WritableSearch;
import io.umbra.x86.Cr0;
import io.umbra.x86.Cr4;
import io.umbra.x86.Efer;
import io.umbra.x86.InstructionEmulator.Emulation;
import io.umbra.x86.LongModeEntry;
import io.umbra.x86.PageFaultCode;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** What the engine does, event by event. */
class ShadowPagingTest {
    private static final long PAGE = 0x1000;
    private static final long ALIAS = 0x2000;
    private static final long LARGE_PAGE = 0x20_0000;
    private static final long KERNEL_HALF = 0xFFFF_8000_0000_0000L;

    private SmallGuest guest = new SmallGuest();

    @AfterEach
    void everyRuleHolds() {
        guest.engine.audit();
        guest.close();
    }

    private void use(ShadowPolicy policy) {
        guest.close();
        guest = new SmallGuest(policy);
    }

    private static ShadowPolicy oneLevel() {
        return new ShadowPolicy(Coherence.WRITE_PROTECT, Populate.ONE_LEVEL, WritableSearch.REVERSE_MAP, 128, 0);
    }

    // ---- filling

    @Test
    void oneFaultFillsAllLevels() {
        guest.map(PAGE, 30, KERNEL);
        assertThat(guest.touch(PAGE, READ)).isEqualTo(Fixed.FIXUP);
        assertThat(guest.outcomes).hasSize(1);
        assertThat(LongModeEntry.frame(guest.shadowEntry(PAGE, 1))).isEqualTo(guest.mfn(30));
    }

    @Test
    void oneLevelAFaultTakesFourFaults() {
        use(oneLevel());
        guest.map(PAGE, 30, KERNEL);
        guest.touch(PAGE, READ);
        assertThat(guest.outcomes).hasSize(4).containsOnly(Fixed.FIXUP);
    }

    @Test
    void readSetsAAtEveryLevelAndNoD() {
        long table = guest.map(PAGE, 30, KERNEL);
        guest.touch(PAGE, READ);
        assertThat(guest.entry(table, 1)).isEqualTo(LongModeEntry.of(30, KERNEL | A));
        assertThat(guest.entry(ROOT, 0) & (A | D)).isEqualTo(A);
        assertThat(LongModeEntry.isWritable(guest.shadowEntry(PAGE, 1))).isFalse();
    }

    @Test
    void firstWriteAfterAReadCostsExactlyOneFaultThatSetsD() {
        long table = guest.map(PAGE, 30, KERNEL);
        guest.touch(PAGE, READ);
        assertThat(guest.touch(PAGE, WRITE)).isEqualTo(Fixed.FIXUP);
        assertThat(guest.outcomes).hasSize(1);
        assertThat(guest.count(Counter.DIRTY_BIT_FAULT)).isEqualTo(1);
        assertThat(guest.entry(table, 1)).isEqualTo(LongModeEntry.of(30, KERNEL | A | D));
        assertThat(guest.touch(PAGE, WRITE)).isNull();
    }

    @Test
    void guestsOwnViolationIsItsOwnFaultAndSetsNothing() {
        long table = guest.map(PAGE, 30, P | US);
        assertThat(guest.touch(PAGE, WRITE | USER))
                .isEqualTo(new GuestFault(PageFaultCode.PRESENT | PageFaultCode.WRITE | PageFaultCode.USER));
        assertThat(guest.entry(table, 1)).isEqualTo(LongModeEntry.of(30, P | US));
        assertThat(guest.touch(ALIAS, READ)).isEqualTo(new GuestFault(0));
    }

    @Test
    void refilledPathAllocatesNoMoreShadows() {
        guest.map(PAGE, 30, KERNEL);
        guest.touch(PAGE, READ);
        long made = guest.count(Counter.SHADOW_ALLOC);
        guest.map(ALIAS, 31, KERNEL);
        guest.touch(ALIAS, READ);
        assertThat(guest.count(Counter.SHADOW_ALLOC)).isEqualTo(made);
    }

    @Test
    void upPointerNamesTheOneEntryThatRefersToAShadow() {
        guest.map(PAGE, 30, KERNEL);
        guest.touch(PAGE, READ);
        for (int level = 1; level < 4; level++) {
            ShadowPage parent = guest.shadow(PAGE, level + 1);
            assertThat(guest.shadow(PAGE, level).upPointer)
                    .isEqualTo(parent.entryAddress(LongModeEntry.index(PAGE, level + 1)));
        }
        assertThat(guest.root().upPointer).isNegative();
    }

    // ---- memory that is none, or cannot be written

    @Test
    void deviceAccessIsEmulated() {
        guest.map(PAGE, DEVICE, KERNEL);
        assertThat(guest.touch(PAGE, READ)).isEqualTo(Emulate.MMIO);
    }

    @Test
    void writeToReadOnlyMemoryIsDiscarded() {
        guest.map(PAGE, READ_ONLY, KERNEL);
        assertThat(guest.touch(PAGE, READ)).isEqualTo(Fixed.FIXUP);
        assertThat(guest.touch(PAGE, WRITE)).isEqualTo(Emulate.READ_ONLY);
        guest.store(PAGE, 5, READ);
        assertThat(guest.entry(READ_ONLY, 0)).isZero();
    }

    @Test
    void tableInReadOnlyMemoryWorksAndKeepsItsBytes() {
        long table = guest.map(PAGE, 30, KERNEL);
        long mfn = guest.mfn(table);
        guest.p2m.set(table, 1, mfn, P2mType.READ_ONLY);
        assertThat(guest.touch(PAGE, WRITE)).isEqualTo(Fixed.FIXUP);
        assertThat(guest.outcomes).hasSize(1);
        assertThat(guest.entry(table, 1)).isEqualTo(LongModeEntry.of(30, KERNEL));
    }

    @Test
    void supervisorWriteWithWriteProtectOffIsEmulated() {
        guest.map(PAGE, 30, P);
        guest.state.cr0 &= ~Cr0.WRITE_PROTECT;
        assertThat(guest.touch(PAGE, WRITE)).isEqualTo(Emulate.WRITE_PROTECT_OFF);
        guest.store(PAGE, 77, READ);
        assertThat(guest.entry(30, 0)).isEqualTo(77);
        assertThat(LongModeEntry.isWritable(guest.shadowEntry(PAGE, 1))).isFalse();
    }

    // ---- tables

    @Test
    void frameThatBecomesATableLosesItsWritableMappings() {
        guest.map(PAGE, 40, KERNEL);
        guest.touch(PAGE, WRITE);
        guest.poke(40, 3, LongModeEntry.of(41, KERNEL));
        guest.map(LARGE_PAGE, 0, 0);
        long levelTwo = LongModeEntry.frame(guest.entry(LongModeEntry.frame(guest.entry(ROOT, 0)), 0));
        guest.poke(levelTwo, 1, LongModeEntry.of(40, KERNEL));
        guest.touch(LARGE_PAGE + 0x3000, READ);
        assertThat(guest.count(Counter.WRMAP_REMOVE)).isEqualTo(1);
        assertThat(LongModeEntry.isWritable(guest.shadowEntry(PAGE, 1))).isFalse();
        assertThat(guest.touch(PAGE, WRITE)).isEqualTo(Emulate.PAGETABLE);
    }

    @Test
    void frameThatBecomesATableIsOutOfReachOfStaleTranslationsToo() {
        long table = guest.map(PAGE, 40, KERNEL);
        guest.map(ALIAS, table, KERNEL);
        guest.map(LARGE_PAGE, 0, 0);
        long levelTwo = LongModeEntry.frame(guest.entry(LongModeEntry.frame(guest.entry(ROOT, 0)), 0));
        guest.poke(levelTwo, 1, LongModeEntry.of(40, KERNEL));
        guest.touch(PAGE, WRITE);
        guest.touch(ALIAS, READ);
        guest.store(ALIAS + 8, LongModeEntry.of(40, P | A), READ);
        assertThat(guest.hardware.translate(PAGE, WRITE))
                .as("the guest has not flushed")
                .isPositive();
        guest.poke(40, 0, LongModeEntry.of(41, KERNEL));
        guest.touch(LARGE_PAGE, READ);
        assertThat(guest.hardware.translate(PAGE, WRITE))
                .as("gfn 40 is a table now")
                .isNegative();
    }

    @Test
    void writeToAShadowedTableIsEmulatedAndFollowedAtOnce() {
        long table = guest.map(PAGE, 30, KERNEL);
        guest.map(ALIAS, table, KERNEL);
        guest.touch(PAGE, READ);
        guest.store(ALIAS + 8, LongModeEntry.of(31, KERNEL | A), READ);
        assertThat(guest.count(Counter.EMULATE)).isEqualTo(1);
        assertThat(LongModeEntry.frame(guest.shadowEntry(PAGE, 1))).isEqualTo(guest.mfn(31));
    }

    @Test
    void userWriteToATableMakesItOrdinaryMemory() {
        long table = guest.map(PAGE, 30, KERNEL);
        guest.map(LARGE_PAGE, table, P | RW | US);
        guest.touch(PAGE, READ);
        assertThat(guest.engine.tables.isProtected(guest.mfn(table))).isTrue();
        guest.touch(LARGE_PAGE, WRITE | USER);
        assertThat(guest.outcomes).contains(Fixed.UNSHADOW).doesNotContain(Emulate.PAGETABLE);
        assertThat(guest.engine.tables.isProtected(guest.mfn(table))).isFalse();
        assertThat(guest.count(Counter.UNSHADOW_USER)).isEqualTo(1);
    }

    @Test
    void userWriteThroughTheTableItselfIsEmulatedInsteadOfRetriedForEver() {
        long table = guest.map(PAGE, 30, P | RW | US);
        guest.map(ALIAS, table, P | RW | US);
        guest.store(ALIAS + 0x18, LongModeEntry.of(32, KERNEL), USER);
        assertThat(guest.entry(table, 3)).isEqualTo(LongModeEntry.of(32, KERNEL));
        assertThat(guest.count(Counter.UNSHADOW_USER)).isEqualTo(1);
        assertThat(guest.count(Counter.EMULATE)).isEqualTo(1);
    }

    @Test
    void userWriteToTheLoadedRootIsEmulated() {
        guest.map(PAGE, ROOT, P | RW | US);
        guest.store(PAGE + 0x80, LongModeEntry.of(3, KERNEL), USER);
        assertThat(guest.entry(ROOT, 16)).isEqualTo(LongModeEntry.of(3, KERNEL));
        assertThat(guest.root().frame).isEqualTo(guest.mfn(ROOT));
    }

    @Test
    void instructionThatCannotBeEmulatedIsRetriedOnOrdinaryMemory() {
        long table = guest.map(PAGE, 30, KERNEL);
        guest.map(LARGE_PAGE, table, KERNEL);
        guest.touch(PAGE, READ);
        guest.canEmulate = false;
        guest.store(LARGE_PAGE + 0x20, 5, READ);
        assertThat(guest.entry(table, 4)).isEqualTo(5);
        assertThat(guest.count(Counter.UNSHADOW_UNHANDLED)).isEqualTo(1);
    }

    @Test
    void instructionThatCannotBeEmulatedAndNeedsTheTableIsGivenUp() {
        long table = guest.map(PAGE, 30, KERNEL);
        guest.map(ALIAS, table, KERNEL);
        guest.canEmulate = false;
        Emulation result = Emulation.Done.ITERATION;
        for (int i = 0; i < 20 && result == Emulation.Done.ITERATION; i++) {
            assertThat(guest.touch(ALIAS, WRITE)).isEqualTo(Emulate.PAGETABLE);
            result = guest.engine.emulate(0, Emulate.PAGETABLE, 1);
        }
        assertThat(result).isEqualTo(Emulation.Failed.UNHANDLEABLE);
    }

    @Test
    void eventDeliveryOntoATableUnshadowsIt() {
        long table = guest.map(PAGE, 30, KERNEL);
        guest.map(LARGE_PAGE, table, KERNEL);
        guest.touch(PAGE, READ);
        assertThat(guest.touch(LARGE_PAGE, WRITE)).isEqualTo(Emulate.PAGETABLE);
        assertThat(guest.engine.unshadowForEvent(0, LARGE_PAGE)).isTrue();
        assertThat(guest.touch(LARGE_PAGE, WRITE)).isEqualTo(Fixed.FIXUP);
    }

    @Test
    void eventDeliveryThatHardwareCannotMakeIsRefused() {
        guest.map(PAGE, ROOT, KERNEL);
        assertThat(guest.touch(PAGE, WRITE)).isEqualTo(Emulate.PAGETABLE);
        assertThat(guest.engine.unshadowForEvent(0, PAGE)).isFalse();
        long table = guest.map(ALIAS, 30, KERNEL);
        guest.map(ALIAS + 0x1000, table, KERNEL);
        assertThat(guest.touch(ALIAS + 0x1000, WRITE)).isEqualTo(Emulate.PAGETABLE);
        assertThat(guest.engine.unshadowForEvent(0, ALIAS + 0x1000)).isFalse();
        guest.map(ALIAS + 0x2000, DEVICE, KERNEL);
        assertThat(guest.touch(ALIAS + 0x2000, WRITE)).isEqualTo(Emulate.MMIO);
        assertThat(guest.engine.unshadowForEvent(0, ALIAS + 0x2000)).isFalse();
    }

    @Test
    void deviceThatWritesToATableIsFollowed() {
        long table = guest.map(PAGE, 30, KERNEL);
        guest.touch(PAGE, READ);
        guest.poke(table, 1, LongModeEntry.of(31, KERNEL | A));
        guest.engine.memoryWritten(table << 12 | 8, 8);
        assertThat(LongModeEntry.frame(guest.shadowEntry(PAGE, 1))).isEqualTo(guest.mfn(31));
    }

    @Test
    void storeThatRemapsItsOwnSecondPageGoesWhereItWasAimed() {
        long table = guest.map(0x1F_E000, 30, KERNEL);
        guest.map(0x1F_F000, table, KERNEL);
        guest.map(LARGE_PAGE, 0, 0);
        long levelTwo = LongModeEntry.frame(guest.entry(LongModeEntry.frame(guest.entry(ROOT, 0)), 0));
        guest.poke(levelTwo, 1, LongModeEntry.of(table, KERNEL));
        guest.poke(table, 0, LongModeEntry.of(31, KERNEL));
        // 4 bytes end the table with the upper half of its last entry; 4 begin page 0 of the next table's range.
        long linear = 0x1F_FFFC;
        guest.store(linear, 0x1111_1111_0000_0000L, READ);
        assertThat(guest.entry(31, 0)).isEqualTo(0x1111_1111L);
    }

    // ---- large pages

    @Test
    void largePageIsSplinteredAndItsDirtyBitIsEmulatedForAllOfIt() {
        long table = guest.map(LARGE_PAGE, LARGE, KERNEL, 2);
        guest.touch(LARGE_PAGE, READ);
        guest.touch(LARGE_PAGE + 0x5000, READ);
        assertThat(guest.count(Counter.SPLINTER)).isEqualTo(1);
        assertThat(guest.shadow(LARGE_PAGE, 1).type).isEqualTo(ShadowType.FL1_64);
        assertThat(LongModeEntry.isWritable(guest.shadowEntry(LARGE_PAGE, 2))).isFalse();
        guest.touch(LARGE_PAGE, WRITE);
        assertThat(guest.outcomes).hasSize(1);
        assertThat(guest.entry(table, 1)).isEqualTo(LongModeEntry.of(LARGE, KERNEL | PS | A | D));
        assertThat(LongModeEntry.frame(guest.shadowEntry(LARGE_PAGE + 0x5000, 1)))
                .isEqualTo(guest.mfn(LARGE + 5));
    }

    @Test
    void twoAliasesOfALargePageShareTheirSplinter() {
        guest.map(LARGE_PAGE, LARGE, KERNEL, 2);
        guest.map(2 * LARGE_PAGE, LARGE, P | US | LongModeEntry.LARGE_PAT, 2);
        guest.touch(LARGE_PAGE, READ);
        guest.touch(2 * LARGE_PAGE, READ);
        assertThat(guest.shadow(LARGE_PAGE, 1)).isSameAs(guest.shadow(2 * LARGE_PAGE, 1));
    }

    @Test
    void gibibytePageIsSplinteredTwice() {
        guest.map(0, 0, KERNEL, 3);
        guest.touch(30L << 12, WRITE);
        guest.touch(LARGE + 7 << 12, WRITE);
        assertThat(guest.outcomes).hasSize(1);
        assertThat(guest.shadow(0, 2).type).isEqualTo(ShadowType.FL2_64);
        assertThat(guest.shadow(0, 1)).isNotSameAs(guest.shadow(LARGE << 12, 1));
        assertThat(LongModeEntry.frame(guest.shadowEntry(30L << 12, 1))).isEqualTo(guest.mfn(30));
        assertThat(LongModeEntry.frame(guest.shadowEntry(LARGE + 7 << 12, 1))).isEqualTo(guest.mfn(LARGE + 7));
        assertThat(guest.touch(DEVICE << 12, READ)).isEqualTo(Emulate.MMIO);
    }

    // ---- roots

    @Test
    void switchingBackToARootCausesNoFaults() {
        guest.map(PAGE, 30, KERNEL);
        guest.touch(PAGE, WRITE);
        guest.loadCr3(40);
        assertThat(guest.touch(PAGE, READ)).isEqualTo(new GuestFault(0));
        guest.loadCr3(ROOT);
        assertThat(guest.touch(PAGE, WRITE)).isNull();
        assertThat(guest.count(Counter.CR3_RETAINED)).isEqualTo(1);
    }

    @Test
    void underStrictTlbAFlushDropsEverything() {
        use(new ShadowPolicy(Coherence.STRICT_TLB, Populate.ALL_LEVELS, WritableSearch.REVERSE_MAP, 128, 0));
        guest.map(PAGE, 30, KERNEL);
        guest.touch(PAGE, WRITE);
        guest.loadCr3(ROOT);
        assertThat(guest.touch(PAGE, WRITE)).isEqualTo(Fixed.FIXUP);
        assertThat(guest.count(Counter.CR3_RETAINED)).isEqualTo(1);
        assertThat(guest.engine.tables.pinned.size()).isZero();
    }

    @Test
    void processesShareTheShadowsOfTheKernelsHalf() {
        guest.map(KERNEL_HALF, 30, KERNEL);
        guest.poke(40, 256, guest.entry(ROOT, 256));
        guest.touch(KERNEL_HALF, WRITE);
        ShadowPage levelThree = guest.shadow(KERNEL_HALF, 3);
        guest.loadCr3(40);
        guest.touch(KERNEL_HALF, WRITE);
        assertThat(guest.outcomes).hasSize(1);
        assertThat(guest.shadow(KERNEL_HALF, 3)).isSameAs(levelThree);
        assertThat(levelThree.references).isEqualTo(2);
        assertThat(guest.count(Counter.SHADOW_L3)).isEqualTo(1);
    }

    @Test
    void rootOutsideMemoryMapsNothing() {
        guest.loadCr3(DEVICE);
        assertThat(guest.touch(PAGE, READ)).isEqualTo(new GuestFault(0));
        guest.engine.audit();
        guest.loadCr3(0x3FF_FFFF);
        assertThat(guest.touch(PAGE, READ)).isEqualTo(new GuestFault(0));
    }

    @Test
    void guestThatDoesNotPageSeesItsMemoryAsItIs() {
        guest.state.cr0 &= ~Cr0.PAGING;
        guest.state.efer &= ~Efer.LONG_MODE_ACTIVE;
        guest.state.cr4 |= Cr4.SMEP | Cr4.SMAP;
        guest.engine.controlRegisterWritten(0, 0, guest.state.cr0 | Cr0.PAGING);
        assertThat(guest.touch(30L << 12, WRITE)).isEqualTo(Fixed.FIXUP);
        assertThat(guest.touch(40L << 12, FETCH)).isEqualTo(Fixed.FIXUP);
        assertThat(guest.hardware.translate(30L << 12 | 5, READ)).isEqualTo(guest.mfn(30) << 12 | 5);
        assertThat(guest.touch(DEVICE << 12, READ)).isEqualTo(Emulate.MMIO);
    }

    // ---- the pool

    @Test
    void rootLoadedLongestAgoGoesFirstWhenThePoolRunsLow() {
        use(new ShadowPolicy(Coherence.WRITE_PROTECT, Populate.ALL_LEVELS, WritableSearch.REVERSE_MAP, 8, 0));
        for (long root = 40; root < 44; root++) {
            guest.loadCr3(root);
        }
        guest.map(PAGE, 30, KERNEL);
        guest.loadCr3(ROOT);
        guest.touch(PAGE, READ);
        assertThat(guest.count(Counter.PREALLOC_UNPIN)).isZero();
        guest.loadCr3(45);
        assertThat(guest.count(Counter.PREALLOC_UNPIN)).isEqualTo(1);
        assertThat(guest.engine.tables.find(guest.mfn(40), ShadowType.L4_64)).isNull();
        assertThat(guest.engine.tables.find(guest.mfn(41), ShadowType.L4_64)).isNotNull();
        assertThat(guest.count(Counter.PREALLOC_UNHOOK)).isZero();
    }

    @Test
    void loadedRootIsEmptiedWhenNoPinIsLeft() {
        use(new ShadowPolicy(Coherence.WRITE_PROTECT, Populate.ALL_LEVELS, WritableSearch.REVERSE_MAP, 4, 0));
        guest.map(PAGE, 30, KERNEL);
        guest.map(KERNEL_HALF, 31, KERNEL);
        guest.touch(PAGE, READ);
        guest.touch(KERNEL_HALF, READ);
        assertThat(guest.count(Counter.PREALLOC_UNHOOK)).isEqualTo(1);
        assertThat(guest.touch(PAGE, READ)).isEqualTo(Fixed.FIXUP);
    }

    @Test
    void poolTooSmallForOneFaultCrashesTheDomainOnly() {
        use(new ShadowPolicy(Coherence.WRITE_PROTECT, Populate.ALL_LEVELS, WritableSearch.REVERSE_MAP, 3, 0));
        guest.map(PAGE, 30, KERNEL);
        assertThatThrownBy(() -> guest.touch(PAGE, READ))
                .isInstanceOf(DomainCrash.class)
                .hasMessage("the shadow pool of 3 pages is exhausted");
    }

    @Test
    void blowingLeavesEmptyRootsOnly() {
        guest.map(PAGE, 30, KERNEL);
        guest.touch(PAGE, WRITE);
        guest.loadCr3(40);
        guest.engine.blow();
        assertThat(guest.engine.tables.pool.used()).isEqualTo(1);
        guest.loadCr3(ROOT);
        assertThat(guest.touch(PAGE, WRITE)).isEqualTo(Fixed.FIXUP);
    }

    @Test
    void closedEngineHasGivenAllFramesBackAndHearsNoMoreOfTheP2m() {
        guest.map(PAGE, 30, KERNEL);
        guest.touch(PAGE, WRITE);
        long free = guest.allocator.freeFrames();
        guest.engine.close();
        assertThat(guest.allocator.freeFrames()).isEqualTo(free + ShadowPolicy.MINIMUM_POOL);
        long heard = guest.count(Counter.P2M_CHANGE);
        guest.p2m.set(30, 1, 0, P2mType.HOLE);
        assertThat(guest.count(Counter.P2M_CHANGE)).isEqualTo(heard);
        guest.close();
        guest = new SmallGuest();
    }

    // ---- changes elsewhere

    @Test
    void frameTakenOutOfTheP2mIsMappedNowhere() {
        guest.map(PAGE, 30, KERNEL);
        guest.touch(PAGE, WRITE);
        guest.p2m.set(30, 1, 0, P2mType.HOLE);
        assertThat(guest.touch(PAGE, READ)).isEqualTo(Emulate.MMIO);
    }

    @Test
    void rootFollowsWhenTheP2mGivesItAnotherFrame() {
        guest.map(PAGE, 30, KERNEL);
        guest.touch(PAGE, READ);
        long moved = guest.allocator.allocate();
        guest.memory.copyFrame(guest.mfn(ROOT), moved);
        guest.p2m.set(ROOT, 1, moved, P2mType.RAM);
        assertThat(guest.root().frame).isEqualTo(moved);
        assertThat(guest.touch(PAGE, READ)).isEqualTo(Fixed.FIXUP);
        guest.p2m.set(ROOT, 1, 0, P2mType.HOLE);
        assertThat(guest.touch(PAGE, READ)).isEqualTo(new GuestFault(0));
        guest.engine.audit();
        guest.p2m.set(ROOT, 1, moved, P2mType.RAM);
        assertThat(guest.touch(PAGE, READ)).isEqualTo(Fixed.FIXUP);
    }

    @Test
    void noExecuteIsReservedOnceItIsDisabled() {
        guest.map(PAGE, 30, KERNEL | NX);
        assertThat(guest.touch(PAGE, READ)).isEqualTo(Fixed.FIXUP);
        guest.state.efer &= ~Efer.NO_EXECUTE;
        guest.engine.eferWritten(0, guest.state.efer | Efer.NO_EXECUTE);
        assertThat(guest.touch(PAGE, READ)).isEqualTo(new GuestFault(PageFaultCode.PRESENT | PageFaultCode.RESERVED));
    }

    @Test
    void hardwareThatRefusesWhatShadowsGrantEndsTheDomain() {
        guest.map(PAGE, 30, KERNEL);
        guest.touch(PAGE, READ);
        assertThatThrownBy(() -> {
                    for (int i = 0; i < 1000; i++) {
                        guest.engine.pageFault(0, PAGE, PageFaultCode.PRESENT);
                    }
                })
                .isInstanceOf(DomainCrash.class)
                .hasMessageStartingWith("livelock: hardware refuses");
    }
}
