package io.umbra.shadow;

import static org.assertj.core.api.Assertions.assertThat;

import io.umbra.x86.Cr0;
import io.umbra.x86.Cr4;
import io.umbra.x86.FrameAllocator;
import io.umbra.x86.LongModeEntry;
import io.umbra.x86.MachineMemory;
import io.umbra.x86.PageFaultCode;
import io.umbra.x86.VcpuState;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Walks of 32-bit guests: gfn 1 is the directory, gfn 2 its first table, which maps gfn 3 at linear 0. */
class GuestWalkerTest {
    private static final long USER_PAGE = LongModeEntry.PRESENT | LongModeEntry.WRITABLE | LongModeEntry.USER;
    private static final int[] ACCESSES = {
        0, PageFaultCode.WRITE, PageFaultCode.USER, PageFaultCode.USER | PageFaultCode.WRITE
    };

    private final MachineMemory memory = new MachineMemory(2048);
    private final FrameAllocator allocator = new FrameAllocator(2048, 3);
    private final P2m p2m = new P2m(memory, allocator);
    private final GuestWalker walker = new GuestWalker(memory, p2m, new Counters());
    private final VcpuState state = new VcpuState();
    private final GuestWalk walk = new GuestWalk();

    @BeforeEach
    void mapOnePage() {
        for (long gfn = 1; gfn <= 3; gfn++) {
            long mfn = allocator.allocate();
            memory.zeroFrame(mfn);
            p2m.set(gfn, 1, mfn, P2mType.RAM);
        }
        memory.writeLong(P2m.mfn(p2m.lookup(1)) << 12, LongModeEntry.of(2, USER_PAGE));
        memory.writeLong(P2m.mfn(p2m.lookup(2)) << 12, LongModeEntry.of(3, USER_PAGE));
        state.cr0 = Cr0.PROTECTION | Cr0.PAGING | Cr0.WRITE_PROTECT;
        state.cr3 = 1 << 12;
        state.pdpte[0] = LongModeEntry.of(1, LongModeEntry.PRESENT);
        state.pkru = -1;
    }

    @AfterEach
    void close() {
        memory.close();
    }

    @Test
    void protectionKeysMeanNothingUnderTwoLevelPaging() {
        state.cr4 = Cr4.PROTECTION_KEYS;

        for (int access : ACCESSES) {
            assertThat(walker.walk(state, 0, access, walk))
                    .as(PageFaultCode.describe(access))
                    .isTrue();
            assertThat(walk.needsWriteProtectOff).isFalse();
        }
    }

    @Test
    void protectionKeysMeanNothingUnderPaePaging() {
        state.cr4 = Cr4.PROTECTION_KEYS | Cr4.PHYSICAL_ADDRESS_EXTENSION;

        for (int access : ACCESSES) {
            assertThat(walker.walk(state, 0, access, walk))
                    .as(PageFaultCode.describe(access))
                    .isTrue();
            assertThat(walk.needsWriteProtectOff).isFalse();
        }
    }

    @Test
    void aRefusedAccessOfSuchAGuestIsNotPutDownToAKey() {
        state.cr4 = Cr4.PROTECTION_KEYS | Cr4.PHYSICAL_ADDRESS_EXTENSION;
        memory.writeLong(P2m.mfn(p2m.lookup(2)) << 12, LongModeEntry.of(3, USER_PAGE & ~LongModeEntry.WRITABLE));

        assertThat(walker.walk(state, 0, PageFaultCode.USER | PageFaultCode.WRITE, walk))
                .isFalse();
        assertThat(walk.faultCode).isEqualTo(PageFaultCode.PRESENT | PageFaultCode.USER | PageFaultCode.WRITE);
    }
}
