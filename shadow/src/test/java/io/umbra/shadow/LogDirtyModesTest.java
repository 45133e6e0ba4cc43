package io.umbra.shadow;

import static org.assertj.core.api.Assertions.assertThat;

import io.umbra.shadow.FaultOutcome.Fixed;
import io.umbra.x86.Cr0;
import io.umbra.x86.Cr4;
import io.umbra.x86.Efer;
import io.umbra.x86.FrameAllocator;
import io.umbra.x86.HardwarePaging;
import io.umbra.x86.MachineMemory;
import io.umbra.x86.PageFaultCode;
import io.umbra.x86.Tlb;
import io.umbra.x86.VcpuState;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Log-dirty in each paging mode: a small page and one frame of a large one. */
class LogDirtyModesTest {
    private static final long SMALL = 0x1000;
    private static final long LARGE = 0x40_0000;
    /** Where the large page lies: 4 MiB, so that the pages of every mode fit. */
    private static final long LARGE_GFN = 1024;

    private static final long FLAGS = 0x67;
    private static final long PS = 0x80;

    /** How each mode's tables map {@link #SMALL} to gfn 30 and {@link #LARGE} to gfn 1024: root at gfn 1, level-1 table at gfn 5. */
    enum Mode {
        TWO_LEVEL(Cr4.PAGE_SIZE_EXTENSIONS, 0) {
            @Override
            void map(Guest guest) {
                guest.write(1, 0, 4, 5 << 12 | FLAGS);
                guest.write(1, 1, 4, LARGE_GFN << 12 | FLAGS | PS);
                guest.write(5, 1, 4, 30 << 12 | FLAGS);
            }
        },
        PAE(Cr4.PHYSICAL_ADDRESS_EXTENSION, 0) {
            @Override
            void map(Guest guest) {
                guest.state.pdpte[0] = 4 << 12 | 1;
                guest.write(4, 0, 8, 5 << 12 | FLAGS);
                guest.write(4, 2, 8, LARGE_GFN << 12 | FLAGS | PS);
                guest.write(5, 1, 8, 30 << 12 | FLAGS);
            }
        },
        FIVE_LEVEL(Cr4.PHYSICAL_ADDRESS_EXTENSION | Cr4.FIVE_LEVEL, Efer.LONG_MODE_ENABLE | Efer.LONG_MODE_ACTIVE) {
            @Override
            void map(Guest guest) {
                guest.write(1, 0, 8, 2 << 12 | FLAGS);
                guest.write(2, 0, 8, 3 << 12 | FLAGS);
                guest.write(3, 0, 8, 4 << 12 | FLAGS);
                guest.write(4, 0, 8, 5 << 12 | FLAGS);
                guest.write(4, 2, 8, LARGE_GFN << 12 | FLAGS | PS);
                guest.write(5, 1, 8, 30 << 12 | FLAGS);
            }
        };

        private final long cr4;
        private final long efer;

        Mode(long cr4, long efer) {
            this.cr4 = cr4;
            this.efer = efer;
        }

        abstract void map(Guest guest);
    }

    private static final class Guest implements AutoCloseable {
        private final MachineMemory memory = new MachineMemory(8192);
        private final FrameAllocator allocator = new FrameAllocator(8192, 7);
        private final P2m p2m = new P2m(memory, allocator);
        private final VcpuState state = new VcpuState();
        private final ShadowPaging engine;
        private int drops;

        Guest(Mode mode) {
            for (long gfn = 0; gfn < 64; gfn++) {
                p2m.set(gfn, 1, allocator.allocate(), P2mType.RAM);
            }
            p2m.set(LARGE_GFN, 2, allocator.allocateRun(), P2mType.RAM);
            p2m.set(LARGE_GFN + 512, 2, allocator.allocateRun(), P2mType.RAM);
            state.cr0 = Cr0.PROTECTION | Cr0.PAGING | Cr0.WRITE_PROTECT;
            state.cr3 = 1 << 12;
            state.cr4 = mode.cr4;
            state.efer = mode.efer;
            mode.map(this);
            engine = new ShadowPaging(memory, allocator, p2m, DeviceMemory.NONE, SmallGuest.POLICY);
            engine.attach(state, new CountingTlb(), port -> {
                throw new AssertionError("nothing here is emulated");
            });
        }

        private final class CountingTlb implements Tlb {
            @Override
            public void load(HardwarePaging paging) {}

            @Override
            public void invalidate(long linear) {}

            @Override
            public void invalidateEntry(int level, int index) {
                drops++;
            }

            @Override
            public void flush() {}
        }

        void write(long gfn, int index, int size, long value) {
            memory.write((P2m.mfn(p2m.lookup(gfn)) << 12) + (long) index * size, size, value);
        }

        FaultOutcome fault(long linear, int access) {
            return engine.pageFault(0, linear, access);
        }

        int writableLeaves(long gfn) {
            return engine.tables.frames.writableMappings(P2m.mfn(p2m.lookup(gfn)));
        }

        @Override
        public void close() {
            engine.audit();
            memory.close();
        }
    }

    @ParameterizedTest
    @EnumSource
    void smallAndLargePagesAreLoggedFrameByFrame(Mode mode) {
        try (Guest guest = new Guest(mode)) {
            LogDirty log = guest.engine.logDirty();
            log.enable();
            assertThat(guest.fault(SMALL, 0)).isEqualTo(Fixed.FIXUP);
            assertThat(guest.fault(LARGE + 0x3000, 0)).isEqualTo(Fixed.FIXUP);
            assertThat(guest.writableLeaves(30) + guest.writableLeaves(LARGE_GFN + 3))
                    .isZero();
            assertThat(log.dirtyCount()).as("A and D are set already").isZero();
            for (int round = 0; round < 2; round++) {
                int write = PageFaultCode.WRITE | PageFaultCode.PRESENT;
                assertThat(guest.fault(SMALL, write)).isEqualTo(Fixed.FIXUP);
                assertThat(guest.fault(LARGE + 0x3000, write)).isEqualTo(Fixed.FIXUP);
                assertThat(guest.writableLeaves(30)).isEqualTo(1);
                assertThat(guest.writableLeaves(LARGE_GFN + 3)).isEqualTo(1);
                int before = guest.drops;
                DirtyBitmap dirty = ((DirtyRound.Complete) log.clean()).frames();
                assertThat(dirty.count()).isEqualTo(2);
                assertThat(dirty.contains(30) && dirty.contains(LARGE_GFN + 3)).isTrue();
                assertThat(guest.drops).isEqualTo(before + 2);
                assertThat(guest.writableLeaves(30) + guest.writableLeaves(LARGE_GFN + 3))
                        .isZero();
            }
        }
    }
}
