package io.umbra.shadow;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.umbra.shadow.FaultOutcome.Emulate;
import io.umbra.shadow.FaultOutcome.GuestFault;
import io.umbra.shadow.pv.FrameType;
import io.umbra.shadow.pv.PvHost;
import io.umbra.shadow.pv.PvMachine;
import io.umbra.shadow.pv.PvPolicy;
import io.umbra.shadow.pv.PvTables;
import io.umbra.x86.FrameAllocator;
import io.umbra.x86.HardwarePaging;
import io.umbra.x86.InstructionEmulator.Emulation;
import io.umbra.x86.LinearMemory;
import io.umbra.x86.LongModeEntry;
import io.umbra.x86.MachineMemory;
import io.umbra.x86.PageFaultCode;
import io.umbra.x86.Tlb;
import io.umbra.x86.VcpuState;
import io.umbra.x86.Vector;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Faults of a PV guest that runs on its own tables, and its direct stores to them. */
class DirectPagingTest {
    private static final long P = LongModeEntry.PRESENT;
    private static final long RW = LongModeEntry.WRITABLE;
    private static final long NX = LongModeEntry.NO_EXECUTE;
    private static final int STORE = PageFaultCode.PRESENT | PageFaultCode.WRITE | PageFaultCode.USER;

    /** The L1 table, as the kernel sees it; its data; and a page of its own. */
    private static final long TABLE = 0x1000;

    private static final long DATA = 0x2000;
    private static final long ABSENT = 0x3000;

    private final MachineMemory memory = new MachineMemory(256);
    private final FrameAllocator allocator = new FrameAllocator(256, 3);
    private final Hardware hardware = new Hardware();
    private final PvTables tables = new PvTables(new PvMachine(memory, allocator), 1, 1, hardware, PvPolicy.DEFAULT);
    private final DirectPaging paging = new DirectPaging(tables, memory, vcpu -> hardware.kernelMode);
    private final VcpuState state = new VcpuState();
    private long data;
    private long level1;
    private long level4;
    /** What the emulated instruction does. */
    private java.util.function.Consumer<LinearMemory> instruction = port -> {};

    private static final class Hardware implements PvHost, Tlb {
        final List<HardwarePaging> loaded = new ArrayList<>();
        final List<Long> invalidated = new ArrayList<>();
        boolean kernelMode = true;
        int flushes;

        @Override
        public void load(HardwarePaging paging) {
            loaded.add(paging);
        }

        @Override
        public void invalidate(long linear) {
            invalidated.add(linear);
        }

        @Override
        public void flush() {
            flushes++;
        }

        @Override
        public void flushAll() {
            flush();
        }

        @Override
        public void invalidate(int vcpu, long linear) {
            invalidate(linear);
        }

        @Override
        public void loadBase(int vcpu, long mfn) {}

        @Override
        public void markDirty(long mfn) {}

        @Override
        public void removeShadows(long mfn) {}
    }

    @BeforeEach
    void build() {
        data = tables.allocate(1);
        level1 = tables.allocate(2);
        long level2 = tables.allocate(3);
        long level3 = tables.allocate(4);
        level4 = tables.allocate(5);
        poke(level1, 1, LongModeEntry.of(level1, P));
        poke(level1, 2, LongModeEntry.of(data, P | RW | NX));
        poke(level2, 0, LongModeEntry.of(level1, P | RW));
        poke(level3, 0, LongModeEntry.of(level2, P | RW));
        poke(level4, 0, LongModeEntry.of(level3, P | RW));
        assertThat(tables.newBase(level4)).isZero();
        state.cr3 = level4 << 12;
        paging.attach(state, hardware, port -> {
            try {
                instruction.accept(port);
                return Emulation.Done.COMPLETE;
            } catch (LinearMemory.Fault fault) {
                return fault.isPageFault
                        ? new Emulation.Raised(
                                io.umbra.x86.Event.exception(Vector.PAGE_FAULT, fault.code), fault.linear)
                        : Emulation.Failed.UNHANDLEABLE;
            }
        });
        paging.assistStores(true);
    }

    @AfterEach
    void close() {
        paging.audit();
        assertThat(tables.destroy()).isZero();
        memory.close();
    }

    private void poke(long table, int slot, long entry) {
        memory.writeLong((table << 12) + 8L * slot, entry);
    }

    private long entry(int slot) {
        return memory.readLong((level1 << 12) + 8L * slot);
    }

    /** A store of the kernel's that faults, and is emulated. */
    private Emulation store(java.util.function.Consumer<LinearMemory> what) {
        assertThat(paging.pageFault(0, TABLE + 24, STORE)).isEqualTo(Emulate.PAGETABLE);
        instruction = what;
        return paging.emulate(0, Emulate.PAGETABLE, 1);
    }

    private static void isTheFaultItWas(Emulation emulation) {
        assertThat(emulation).isInstanceOfSatisfying(Emulation.Raised.class, raised -> {
            assertThat(raised.event().vector()).isEqualTo(Vector.PAGE_FAULT);
            assertThat(raised.event().errorCode()).isEqualTo(STORE);
            assertThat(raised.linear()).isEqualTo(TABLE + 24);
        });
    }

    @Test
    void hardwareWalksTheGuestsOwnTables() {
        assertThat(hardware.loaded).containsExactly(new HardwarePaging.Shadow(level4 << 12, false, false));
        paging.controlRegisterWritten(0, 3, 0);
        assertThat(hardware.loaded).hasSize(2);
        int flushes = hardware.flushes;
        paging.blow();
        paging.invalidateContext(0);
        assertThat(hardware.flushes).isEqualTo(flushes + 2);
        paging.invalidatePage(0, DATA);
        assertThat(hardware.invalidated).contains(DATA);
    }

    @Test
    void storeToATableIsAuditedAndMade() {
        long other = tables.allocate(9);
        assertThat(store(port -> port.write(TABLE + 24, 8, LongModeEntry.of(other, P | RW), 0)))
                .isEqualTo(Emulation.Done.COMPLETE);
        assertThat(LongModeEntry.frame(entry(3))).isEqualTo(other);
        assertThat(LongModeEntry.isUser(entry(3))).isTrue();
        assertThat(tables.machine().frames().type(other)).isEqualTo(FrameType.WRITABLE);
        assertThat(paging.counters().get(Counter.EMULATE)).isEqualTo(1);
    }

    @Test
    void storeOfAPartIsAuditedAsTheWholeEntry() {
        store(port -> port.write(TABLE + 16, 1, P, 0));
        assertThat(LongModeEntry.isWritable(entry(2))).isFalse();
        assertThat(tables.machine().frames().typeCount(data)).isZero();
        assertThat(store(port -> port.write(TABLE + 16, 2, entry(2) & 0xFFFF | RW, 0)))
                .isEqualTo(Emulation.Done.COMPLETE);
        assertThat(tables.machine().frames().typeCount(data)).isEqualTo(1);
        store(port -> port.write(TABLE + 20, 4, entry(2) >>> 32 & ~(1L << 31), 0));
        assertThat(LongModeEntry.isNoExecute(entry(2))).isFalse();
    }

    @Test
    void exchangeIsMadeWhenEqualAndGivesWhatWasThere() {
        long was = entry(2);
        long[] seen = new long[2];
        store(port -> {
            seen[0] = port.compareExchange(TABLE + 16, 8, was ^ 1, 0, 0);
            seen[1] = port.compareExchange(TABLE + 16, 8, was, was & ~RW, 0);
        });
        assertThat(seen).containsExactly(was, was);
        assertThat(entry(2)).isEqualTo(was & ~RW);
    }

    @Test
    void refusedStoreIsTheGuestsFault() {
        long was = entry(1);
        isTheFaultItWas(store(port -> port.write(TABLE + 8, 8, was | RW, 0)));
        isTheFaultItWas(store(port -> port.compareExchange(TABLE + 8, 8, was, was | RW, 0)));
        assertThat(entry(1)).isEqualTo(was);
    }

    @Test
    void storesOfOtherShapesAreNotEmulated() {
        isTheFaultItWas(store(port -> port.write(TABLE + 20, 8, 0, 0)));
        isTheFaultItWas(store(port -> port.write(TABLE + 0xFFC, 8, 0, 0)));
        isTheFaultItWas(store(port -> port.write(DATA, 8, 0, 0)));
        isTheFaultItWas(store(port -> port.probe(DATA, 8, PageFaultCode.WRITE)));
    }

    @Test
    void instructionReadsByTheGuestsTables() {
        memory.writeLong((data << 12) + 0xFFC, 0x1122_3344_5566_7788L);
        long[] seen = new long[2];
        store(port -> {
            seen[0] = port.read(DATA + 8, 8, 0);
            seen[1] = port.read(TABLE + 16, 8, 0);
        });
        assertThat(seen[1]).isEqualTo(entry(2));
        assertThat(LongModeEntry.isAccessed(entry(2))).isTrue();
        Emulation crossing = store(port -> port.read(DATA + 0xFFC, 8, 0));
        assertThat(crossing).isInstanceOfSatisfying(Emulation.Raised.class, raised -> {
            assertThat(raised.linear()).isEqualTo(ABSENT);
            assertThat(raised.event().errorCode()).isEqualTo(PageFaultCode.USER);
        });
        Emulation fetch = store(port -> port.read(DATA, 4, PageFaultCode.FETCH));
        assertThat(fetch)
                .isInstanceOfSatisfying(
                        Emulation.Raised.class,
                        raised -> assertThat(raised.event().errorCode())
                                .isEqualTo(PageFaultCode.USER | PageFaultCode.FETCH | PageFaultCode.PRESENT));
        isTheFaultItWas(store(port -> port.read(1L << 60, 8, 0)));
    }

    @Test
    void everythingElseIsTheGuestsFault() {
        assertThat(paging.pageFault(0, ABSENT, 6)).isEqualTo(new GuestFault(6));
        assertThat(paging.pageFault(0, DATA, STORE)).isEqualTo(new GuestFault(STORE));
        assertThat(paging.pageFault(0, TABLE, STORE & ~PageFaultCode.WRITE))
                .isEqualTo(new GuestFault(STORE & ~PageFaultCode.WRITE));
        assertThat(paging.pageFault(0, TABLE, STORE | PageFaultCode.RESERVED)).isInstanceOf(GuestFault.class);
        hardware.kernelMode = false;
        assertThat(paging.pageFault(0, TABLE, STORE)).isEqualTo(new GuestFault(STORE));
        hardware.kernelMode = true;
        paging.assistStores(false);
        assertThat(paging.pageFault(0, TABLE, STORE)).isEqualTo(new GuestFault(STORE));
    }

    @Test
    void ldtAppearsWhenItIsUsed() {
        long ldt = tables.allocate(20);
        assertThat(tables.updateVa(ABSENT, LongModeEntry.of(ldt, P))).isZero();
        assertThat(paging.pageFault(0, tables.ldtBase(), 0)).isEqualTo(new GuestFault(0));
        assertThat(tables.setLdt(ABSENT, 1)).isZero();
        assertThat(paging.pageFault(0, tables.ldtBase(), 0)).isEqualTo(FaultOutcome.Fixed.FIXUP);
        assertThat(tables.machine().frames().type(ldt)).isEqualTo(FrameType.SEGMENT_DESCRIPTORS);
        assertThat(paging.pageFault(0, tables.ldtBase(), PageFaultCode.PRESENT | PageFaultCode.USER))
                .isEqualTo(new GuestFault(PageFaultCode.PRESENT | PageFaultCode.USER));
    }

    @Test
    void writesAreNotLogged() {
        assertThatThrownBy(paging::logDirty).isInstanceOf(IllegalStateException.class);
        assertThatThrownBy(paging::vram).isInstanceOf(IllegalStateException.class);
    }
}
