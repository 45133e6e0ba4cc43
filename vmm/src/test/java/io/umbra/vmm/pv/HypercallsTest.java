package io.umbra.vmm.pv;

import static org.assertj.core.api.Assertions.assertThat;

import io.umbra.shadow.pv.Errno;
import io.umbra.vmm.GuestEnd;
import io.umbra.vmm.xen.HypercallNumber;
import io.umbra.vmm.xen.HypercallTable;
import io.umbra.x86.LongModeEntry;
import io.umbra.x86.VcpuState;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Each hypercall by itself: what it answers, and what it does. */
class HypercallsTest {
    private static final long AT = TestGuest.SCRATCH;
    private static final long SELF = PvGuest.DOMID_SELF;

    private final TestGuest guest = TestGuest.idle();
    private final GuestMemory memory = guest.memory();
    private final PvVcpu vcpu = guest.parts().vcpu();

    @AfterEach
    void close() {
        guest.domain.audit();
        guest.close();
    }

    private void words(long at, long... values) {
        for (int i = 0; i < values.length; i++) {
            memory.writeLong(at + 8L * i, values[i]);
        }
    }

    @Test
    void unknownNumbersAreNotThere() {
        HypercallTable table = guest.table();
        for (long number : new long[] {6, 11, 16, 19, 27, 28, 31, 34, 39, 40, 41, 127, 128, 0xFFFF_FFFFL}) {
            assertThat(table.call(number, new long[6])).as("%d", number).isEqualTo(Errno.ENOSYS);
        }
    }

    @Test
    void badPointersAreFaults() {
        long bad = TestGuest.UNMAPPED;
        assertThat(guest.call(HypercallNumber.SET_TRAP_TABLE, bad)).isEqualTo(Errno.EFAULT);
        assertThat(guest.call(HypercallNumber.MMU_UPDATE, bad, 1, 0, SELF)).isEqualTo(Errno.EFAULT);
        assertThat(guest.call(HypercallNumber.MMUEXT_OP, bad, 1, 0, SELF)).isEqualTo(Errno.EFAULT);
        assertThat(guest.call(HypercallNumber.SET_GDT, bad, 16)).isEqualTo(Errno.EFAULT);
        assertThat(guest.call(HypercallNumber.MULTICALL, bad, 1)).isEqualTo(Errno.EFAULT);
        assertThat(guest.call(HypercallNumber.SCHED_OP, 3, bad)).isEqualTo(Errno.EFAULT);
        assertThat(guest.call(HypercallNumber.EVENT_CHANNEL_OP, 4, bad)).isEqualTo(Errno.EFAULT);
        assertThat(guest.call(HypercallNumber.VCPU_OP, 10, 0, bad)).isEqualTo(Errno.EFAULT);
        assertThat(guest.call(HypercallNumber.CONSOLE_IO, 0, 4, bad)).isEqualTo(Errno.EFAULT);
        assertThat(guest.call(HypercallNumber.XEN_VERSION, 6, bad)).isEqualTo(Errno.EFAULT);
        assertThat(guest.call(HypercallNumber.CALLBACK_OP, 0, bad)).isEqualTo(Errno.EFAULT);
        assertThat(guest.call(HypercallNumber.GRANT_TABLE_OP, 6, bad, 1)).isEqualTo(Errno.EFAULT);
        assertThat(guest.call(HypercallNumber.PHYSDEV_OP, 6, bad)).isEqualTo(Errno.EFAULT);
        assertThat(guest.call(HypercallNumber.MEMORY_OP, 12, bad)).isEqualTo(Errno.EFAULT);
    }

    @Test
    void theHypervisorsOwnAddressesAreNoPointers() {
        assertThat(guest.call(HypercallNumber.CONSOLE_IO, 0, 4, GuestMemory.HYPERVISOR_START))
                .isEqualTo(Errno.EFAULT);
        assertThat(guest.call(HypercallNumber.MEMORY_OP, 12, GuestMemory.HYPERVISOR_START))
                .isEqualTo(Errno.EFAULT);
        assertThat(guest.call(HypercallNumber.CONSOLE_IO, 0, 4, 1L << 47)).isEqualTo(Errno.EFAULT);
    }

    @Test
    void resultsAreNotWrittenToReadOnlyMemory() {
        long entry = guest.entryOf(AT + 0x1000);
        long value = guest.parts().memory().readLong(entry);
        assertThat(guest.call(HypercallNumber.UPDATE_VA_MAPPING, AT + 0x1000, value & ~LongModeEntry.WRITABLE, 2))
                .isZero();
        assertThat(guest.call(HypercallNumber.XEN_VERSION, 1, AT + 0x1000)).isEqualTo(Errno.EFAULT);
    }

    // ---- pagetables
    // ---------------------------------------------------------------------------------------------------------------

    @Test
    void anUpdateOfAnEntryCountsWhatIsDone() {
        long entry = guest.entryOf(AT + 0x2000);
        long value = guest.parts().memory().readLong(entry);
        words(AT, entry, value & ~LongModeEntry.WRITABLE, entry | 2, value, 7, 7);
        assertThat(guest.call(HypercallNumber.MMU_UPDATE, AT, 3, AT + 0x100, SELF))
                .isNegative();
        assertThat(memory.readInt(AT + 0x100)).isEqualTo(2);
        assertThat(guest.parts().memory().readLong(entry) & LongModeEntry.WRITABLE)
                .isNotZero();
    }

    @Test
    void aWritableMappingOfATableIsRefused() {
        long table = guest.entryOf(AT) >>> 12;
        assertThat(guest.call(HypercallNumber.UPDATE_VA_MAPPING, AT + 0x1000, table << 12 | 0x63, 0))
                .isNegative();
        assertThat(guest.call(HypercallNumber.UPDATE_VA_MAPPING, AT + 0x1000, table << 12 | 0x61, 2))
                .isZero();
        assertThat(guest.mfn(AT + 0x1000)).isEqualTo(table);
    }

    @Test
    void theMapOfMachineFramesIsTheGuestsToChange() {
        long mfn = guest.mfn(AT);
        words(AT, mfn << 12 | 1, 0x777);
        assertThat(guest.call(HypercallNumber.MMU_UPDATE, AT, 1, 0, SELF)).isZero();
        assertThat(guest.parts().tables().machine().m2p().pfn(mfn)).isEqualTo(0x777);
    }

    @Test
    void otherDomainsAreNotThere() {
        words(AT, guest.entryOf(AT), 0);
        assertThat(guest.call(HypercallNumber.MMU_UPDATE, AT, 1, 0, 5)).isEqualTo(Errno.ESRCH);
        assertThat(guest.call(HypercallNumber.MMU_UPDATE, AT, 1, 0, SELF | 9 << 16))
                .isEqualTo(Errno.ESRCH);
        assertThat(guest.call(HypercallNumber.MMUEXT_OP, AT, 1, 0, 5)).isEqualTo(Errno.ESRCH);
        assertThat(guest.call(HypercallNumber.UPDATE_VA_MAPPING_OTHERDOMAIN, AT, 0, 0, 5))
                .isEqualTo(Errno.ESRCH);
    }

    @Test
    void aTableIsPinnedOnceAndUnpinnedOnce() {
        long base = guest.parts().tables().kernelBase();
        words(AT, 3, base, 0, 4, base, 0, 4, base, 0);
        assertThat(guest.call(HypercallNumber.MMUEXT_OP, AT, 1, 0, SELF)).isEqualTo(Errno.EINVAL);
        assertThat(guest.call(HypercallNumber.MMUEXT_OP, AT + 24, 2, AT + 0x100, SELF))
                .isEqualTo(Errno.EINVAL);
        assertThat(memory.readInt(AT + 0x100)).isEqualTo(1);
    }

    @Test
    void framesAreClearedAndCopied() {
        words(AT + 0x1000, 42);
        words(AT, 17, guest.mfn(AT + 0x2000), guest.mfn(AT + 0x1000), 16, guest.mfn(AT + 0x1000), 0);
        assertThat(guest.call(HypercallNumber.MMUEXT_OP, AT, 2, 0, SELF)).isZero();
        assertThat(memory.readLong(AT + 0x2000)).isEqualTo(42);
        assertThat(memory.readLong(AT + 0x1000)).isZero();
    }

    @Test
    void anLdtIsOfPagesAndNotTooLong() {
        words(AT, 13, AT + 8, 5, 13, AT, 8193, 13, AT, 8192, 13, 0, 0);
        assertThat(guest.call(HypercallNumber.MMUEXT_OP, AT, 1, 0, SELF)).isEqualTo(Errno.EINVAL);
        assertThat(guest.call(HypercallNumber.MMUEXT_OP, AT + 24, 1, 0, SELF)).isEqualTo(Errno.EINVAL);
        assertThat(guest.call(HypercallNumber.MMUEXT_OP, AT + 48, 1, 0, SELF)).isZero();
        assertThat(vcpu.state.ldtr.limit).isEqualTo(65_535);
        assertThat(guest.call(HypercallNumber.MMUEXT_OP, AT + 72, 1, 0, SELF)).isZero();
        assertThat(vcpu.state.ldtr.isUsable()).isFalse();
    }

    // ---- descriptors
    // ----------------------------------------------------------------------------------------------------------------

    @Test
    void aGdtIsAuditedAndRaisedToRing3() {
        long table = AT + 0x1000;
        memory.writeLong(table + 16, 0x00AF_9A00_0000_FFFFL);
        long mfn = guest.mfn(table);
        words(AT, mfn);
        assertThat(guest.call(HypercallNumber.SET_GDT, AT, 16))
                .as("still writable")
                .isNegative();
        assertThat(guest.call(HypercallNumber.UPDATE_VA_MAPPING, table, mfn << 12 | 0x61, 2))
                .isZero();
        assertThat(guest.call(HypercallNumber.SET_GDT, AT, 16)).isZero();
        assertThat(memory.readLong(table + 16) >>> 45 & 3).isEqualTo(3);
        assertThat(guest.call(HypercallNumber.UPDATE_DESCRIPTOR, mfn << 12 | 24, 0x00CF_9200_0000_FFFFL))
                .isZero();
        assertThat(memory.readLong(table + 24)).isEqualTo(0x00CF_F200_0000_FFFFL);
        assertThat(guest.call(HypercallNumber.UPDATE_DESCRIPTOR, mfn << 12 | 24, 0x0000_8900_0000_0067L))
                .as("a TSS")
                .isNegative();
        assertThat(guest.call(HypercallNumber.SET_GDT, AT, 14 * 512 + 1)).isEqualTo(Errno.EINVAL);
    }

    @Test
    void segmentBasesAreCanonical() {
        assertThat(guest.call(HypercallNumber.SET_SEGMENT_BASE, 0, 0x1234)).isZero();
        assertThat(vcpu.state.segments[VcpuState.FS].base).isEqualTo(0x1234);
        assertThat(guest.call(HypercallNumber.SET_SEGMENT_BASE, 1, 0x55)).isZero();
        assertThat(vcpu.state.kernelGsBase).isEqualTo(0x55);
        assertThat(guest.call(HypercallNumber.SET_SEGMENT_BASE, 2, 0x66)).isZero();
        assertThat(vcpu.state.segments[VcpuState.GS].base).isEqualTo(0x66);
        assertThat(guest.call(HypercallNumber.SET_SEGMENT_BASE, 0, 1L << 50)).isEqualTo(Errno.EINVAL);
        assertThat(guest.call(HypercallNumber.SET_SEGMENT_BASE, 4, 0)).isEqualTo(Errno.EINVAL);
    }

    @Test
    void aUserGsThatCannotBeLoadedIsNull() {
        guest.call(HypercallNumber.SET_SEGMENT_BASE, 2, 0x66);
        assertThat(guest.call(HypercallNumber.SET_SEGMENT_BASE, 3, PvVcpu.FLAT_DATA))
                .isZero();
        assertThat(vcpu.state.segments[VcpuState.GS].selector).isEqualTo(PvVcpu.FLAT_DATA);
        assertThat(guest.call(HypercallNumber.SET_SEGMENT_BASE, 3, 0x53)).isZero();
        assertThat(vcpu.state.segments[VcpuState.GS].selector).isZero();
        assertThat(vcpu.state.segments[VcpuState.GS].base).isEqualTo(0x66);
    }

    // ---- traps and the processor
    // -------------------------------------------------------------------------------------------------------

    @Test
    void aTrapTableEndsAtAnEntryWithoutAddress() {
        words(AT, 0x0010_030EL, TestGuest.HANDLER, 0x0010_0403L, TestGuest.OTHER, 0, 0);
        assertThat(guest.call(HypercallNumber.SET_TRAP_TABLE, AT)).isZero();
        assertThat(vcpu.traps.address(14)).isEqualTo(TestGuest.HANDLER);
        assertThat(vcpu.traps.selector(14)).isEqualTo(0x13);
        assertThat(vcpu.traps.permitsInterrupt(14, false)).isTrue();
        assertThat(vcpu.traps.masksEvents(3)).isTrue();
        words(AT, 0x0010_000DL, 1L << 60);
        assertThat(guest.call(HypercallNumber.SET_TRAP_TABLE, AT)).isEqualTo(Errno.EINVAL);
        assertThat(guest.call(HypercallNumber.SET_TRAP_TABLE, 0)).isZero();
        assertThat(vcpu.traps.has(14)).isFalse();
    }

    @Test
    void callbacksThatExistAreRegistered() {
        for (int type = 0; type < 10; type++) {
            words(AT, type | 1 << 16, TestGuest.HANDLER);
            long expected = type == 6 || type > 7 ? Errno.ENOSYS : 0;
            assertThat(guest.call(HypercallNumber.CALLBACK_OP, 0, AT))
                    .as("%d", type)
                    .isEqualTo(expected);
        }
        assertThat(vcpu.callbacks.masksEvents(Callbacks.Kind.SYSCALL)).isTrue();
        words(AT, 4);
        assertThat(guest.call(HypercallNumber.CALLBACK_OP, 1, AT)).isZero();
        words(AT, 0);
        assertThat(guest.call(HypercallNumber.CALLBACK_OP, 1, AT)).isEqualTo(Errno.EINVAL);
        assertThat(guest.call(HypercallNumber.SET_CALLBACKS, TestGuest.HANDLER, TestGuest.OTHER, 0))
                .isZero();
        assertThat(vcpu.callbacks.address(Callbacks.Kind.FAILSAFE)).isEqualTo(TestGuest.OTHER);
    }

    @Test
    void breakpointsStayOutOfTheHypervisor() {
        assertThat(guest.call(HypercallNumber.SET_DEBUGREG, 0, GuestMemory.HYPERVISOR_START))
                .isEqualTo(Errno.EPERM);
        assertThat(guest.call(HypercallNumber.SET_DEBUGREG, 1, 0x1000)).isZero();
        assertThat(guest.call(HypercallNumber.GET_DEBUGREG, 1)).isEqualTo(0x1000);
        assertThat(guest.call(HypercallNumber.SET_DEBUGREG, 7, 0x2_0000))
                .as("a port")
                .isEqualTo(Errno.EPERM);
        assertThat(guest.call(HypercallNumber.SET_DEBUGREG, 4, 0)).isEqualTo(Errno.EINVAL);
        assertThat(guest.call(HypercallNumber.GET_DEBUGREG, 9)).isEqualTo(Errno.EINVAL);
        assertThat(guest.call(HypercallNumber.GET_DEBUGREG, 7)).isEqualTo(0x400);
    }

    @Test
    void taskSwitchedIsTheGuestsBit() {
        assertThat(guest.call(HypercallNumber.FPU_TASKSWITCH, 1)).isZero();
        assertThat(vcpu.state.cr0 & 8).isNotZero();
        assertThat(guest.call(HypercallNumber.FPU_TASKSWITCH, 0)).isZero();
        assertThat(vcpu.state.cr0 & 8).isZero();
    }

    @Test
    void assistsThatExistAreEnabled() {
        for (int type = 0; type < 6; type++) {
            assertThat(guest.call(HypercallNumber.VM_ASSIST, 0, type)).isEqualTo(type < 4 ? 0 : Errno.EINVAL);
        }
        assertThat(guest.call(HypercallNumber.VM_ASSIST, 2, 0)).isEqualTo(Errno.ENOSYS);
    }

    // ---- memory
    // -----------------------------------------------------------------------------------------------------------------------

    @Test
    void aFrameThatIsGivenBackIsGone() {
        long linear = AT + 0x3000;
        long mfn = guest.mfn(linear);
        words(AT, AT + 0x100, 1, 0, SELF);
        words(AT + 0x100, mfn);
        assertThat(guest.call(HypercallNumber.UPDATE_VA_MAPPING, linear, 0, 2)).isZero();
        assertThat(guest.call(HypercallNumber.MEMORY_OP, 1, AT)).isEqualTo(1);
        memory.write(AT + 0x200, new byte[] {(byte) 0xF0, 0x7F});
        assertThat(guest.call(HypercallNumber.MEMORY_OP, 3, AT + 0x200)).isEqualTo(2047);
        assertThat(guest.call(HypercallNumber.UPDATE_VA_MAPPING, linear, mfn << 12 | 0x63, 0))
                .isNegative();
        words(AT + 0x100, 0x155);
        assertThat(guest.call(HypercallNumber.MEMORY_OP, 6, AT)).isEqualTo(1);
        long given = memory.readLong(AT + 0x100);
        assertThat(guest.parts().tables().machine().m2p().pfn(given)).isEqualTo(0x155);
        assertThat(guest.call(HypercallNumber.UPDATE_VA_MAPPING, linear, given << 12 | 0x63, 0))
                .isZero();
        assertThat(guest.call(HypercallNumber.MEMORY_OP, 6, AT))
                .as("more than it may have")
                .isZero();
    }

    @Test
    void memoryIsOneRangeOfRam() {
        words(AT, 4, AT + 0x100);
        assertThat(guest.call(HypercallNumber.MEMORY_OP, 9, AT)).isZero();
        assertThat(memory.readInt(AT)).isEqualTo(1);
        assertThat(memory.readLong(AT + 0x108)).isEqualTo(8 << 20);
        assertThat(guest.call(HypercallNumber.MEMORY_OP, 12, AT)).isZero();
        assertThat(memory.readLong(AT)).isEqualTo(0xFFFF_8000_0000_0000L);
    }

    @Test
    void theVersionTellsTheFeaturesThatKernelsNeed() {
        assertThat(guest.call(HypercallNumber.XEN_VERSION, 0)).isEqualTo(0x4_0011);
        words(AT, 0);
        assertThat(guest.call(HypercallNumber.XEN_VERSION, 6, AT)).isZero();
        assertThat(memory.readInt(AT + 4)).isEqualTo(0xA0);
        words(AT, 1);
        assertThat(guest.call(HypercallNumber.XEN_VERSION, 6, AT)).isEqualTo(Errno.EINVAL);
        assertThat(guest.call(HypercallNumber.XEN_VERSION, 7)).isEqualTo(4096);
    }

    @Test
    void theEmergencyConsolePrints() {
        memory.write(AT, "hello".getBytes(java.nio.charset.StandardCharsets.US_ASCII));
        assertThat(guest.call(HypercallNumber.CONSOLE_IO, 0, 5, AT)).isZero();
        assertThat(guest.text()).isEqualTo("hello");
    }

    @Test
    void aGrantTableIsOfTheHypervisorsFrames() {
        words(AT, SELF | 2L << 32, 0, AT + 0x100);
        assertThat(guest.call(HypercallNumber.GRANT_TABLE_OP, 2, AT, 1)).isZero();
        assertThat((short) memory.readShort(AT + 8)).isZero();
        long frame = memory.readLong(AT + 0x108);
        assertThat(guest.call(HypercallNumber.UPDATE_VA_MAPPING, AT + 0x4000, frame << 12 | 0x63, 0))
                .isZero();
        words(AT, SELF | 5L << 32, 0, AT + 0x100);
        assertThat(guest.call(HypercallNumber.GRANT_TABLE_OP, 2, AT, 1)).isZero();
        assertThat((short) memory.readShort(AT + 8)).isEqualTo((short) -1);
        words(AT, 1);
        assertThat(guest.call(HypercallNumber.GRANT_TABLE_OP, 8, AT, 1)).isZero();
        words(AT, 2);
        assertThat(guest.call(HypercallNumber.GRANT_TABLE_OP, 8, AT, 1)).isEqualTo(Errno.EINVAL);
    }

    // ---- vCPUs and events
    // ----------------------------------------------------------------------------------------------------------------

    @Test
    void thereIsOneVcpu() {
        assertThat(guest.call(HypercallNumber.VCPU_OP, 3, 0, 0)).isEqualTo(1);
        assertThat(guest.call(HypercallNumber.VCPU_OP, 3, 1, 0)).isEqualTo(Errno.ENOENT);
        assertThat(guest.call(HypercallNumber.VCPU_OP, 3, 8191, 0)).isEqualTo(Errno.ENOENT);
        assertThat(guest.call(HypercallNumber.VCPU_OP, 0, 0, AT)).isEqualTo(Errno.EEXIST);
    }

    @Test
    void vcpuInfoMovesOnceAndSaysThatAllIsPending() {
        vcpu.info.masked(true);
        words(AT, guest.mfn(AT + 0x1000), 0x40);
        assertThat(guest.call(HypercallNumber.VCPU_OP, 10, 0, AT)).isZero();
        assertThat(memory.readShort(AT + 0x1040) & 0xFFFF).isEqualTo(0x101);
        assertThat(memory.readLong(AT + 0x1048)).isEqualTo(-1);
        assertThat(memory.readInt(AT + 0x1040 + 56)).as("the multiplier").isNotZero();
        assertThat(guest.call(HypercallNumber.VCPU_OP, 10, 0, AT)).isEqualTo(Errno.EINVAL);
        assertThat(guest.call(HypercallNumber.UPDATE_VA_MAPPING, AT + 0x1000, 0, 2))
                .isZero();
        words(AT, 3, guest.parts().tables().kernelBase());
        vcpu.info.masked(false);
        assertThat(vcpu.info.isMasked()).isFalse();
    }

    @Test
    void vcpuInfoLiesWithinOneFrameOfTheDomains() {
        words(AT, guest.mfn(AT), 4096 - 63);
        assertThat(guest.call(HypercallNumber.VCPU_OP, 10, 0, AT)).isEqualTo(Errno.EINVAL);
        words(AT, guest.parts().tables().kernelBase(), 0);
        assertThat(guest.call(HypercallNumber.VCPU_OP, 10, 0, AT)).isNegative();
        words(AT, 1L << 40, 0);
        assertThat(guest.call(HypercallNumber.VCPU_OP, 10, 0, AT)).isNegative();
    }

    @Test
    void portsAreBoundAndClosed() {
        words(AT, 0, 0);
        assertThat(guest.call(HypercallNumber.EVENT_CHANNEL_OP, 1, AT)).isZero();
        int timer = memory.readInt(AT + 8);
        assertThat(timer).isEqualTo(3);
        assertThat(guest.call(HypercallNumber.EVENT_CHANNEL_OP, 1, AT)).isEqualTo(Errno.EEXIST);
        words(AT, 1L << 32);
        assertThat(guest.call(HypercallNumber.EVENT_CHANNEL_OP, 1, AT)).isEqualTo(Errno.ENOENT);
        words(AT, 99);
        assertThat(guest.call(HypercallNumber.EVENT_CHANNEL_OP, 1, AT)).isEqualTo(Errno.EINVAL);
        words(AT, SELF | (long) timer << 32, 0, 0);
        assertThat(guest.call(HypercallNumber.EVENT_CHANNEL_OP, 5, AT)).isZero();
        assertThat(memory.readInt(AT + 8)).isEqualTo(4);
        words(AT, timer);
        assertThat(guest.call(HypercallNumber.EVENT_CHANNEL_OP, 3, AT)).isZero();
        assertThat(guest.call(HypercallNumber.EVENT_CHANNEL_OP, 3, AT)).isEqualTo(Errno.EINVAL);
        assertThat(guest.call(HypercallNumber.EVENT_CHANNEL_OP, 11, AT)).isEqualTo(Errno.ENOSYS);
    }

    @Test
    void anIpiIsPendingUntilTheGuestClearsIt() {
        words(AT, 0);
        assertThat(guest.call(HypercallNumber.EVENT_CHANNEL_OP, 7, AT)).isZero();
        int port = memory.readInt(AT + 4);
        words(AT, port);
        assertThat(guest.call(HypercallNumber.EVENT_CHANNEL_OP, 4, AT)).isZero();
        assertThat(guest.parts().xen().shared().isPending(port)).isTrue();
        assertThat(vcpu.info.isPending()).isTrue();
        assertThat(guest.parts().events().raised()).isEqualTo(1);
        guest.call(HypercallNumber.EVENT_CHANNEL_OP, 4, AT);
        assertThat(guest.parts().events().raised()).isEqualTo(1);
    }

    @Test
    void aMaskedPortIsAnnouncedWhenItIsUnmasked() {
        words(AT, 0);
        guest.call(HypercallNumber.EVENT_CHANNEL_OP, 7, AT);
        int port = memory.readInt(AT + 4);
        guest.parts().xen().shared().masked(port, true);
        words(AT, port);
        guest.call(HypercallNumber.EVENT_CHANNEL_OP, 4, AT);
        assertThat(vcpu.info.isPending()).isFalse();
        assertThat(guest.call(HypercallNumber.EVENT_CHANNEL_OP, 9, AT)).isZero();
        assertThat(vcpu.info.isPending()).isTrue();
    }

    @Test
    void aPrivilegeLevelForPortsIsOfFour() {
        words(AT, 4);
        assertThat(guest.call(HypercallNumber.PHYSDEV_OP, 6, AT)).isEqualTo(Errno.EINVAL);
        words(AT, 1);
        assertThat(guest.call(HypercallNumber.PHYSDEV_OP, 6, AT)).isZero();
        assertThat(vcpu.hasIoPrivilege()).isTrue();
        assertThat(guest.call(HypercallNumber.PLATFORM_OP)).isEqualTo(Errno.EPERM);
    }

    @Test
    void shutdownHasAReason() {
        words(AT, 77);
        assertThat(guest.call(HypercallNumber.SCHED_OP, 2, AT)).isEqualTo(Errno.EINVAL);
        words(AT, 3);
        assertThat(guest.call(HypercallNumber.SCHED_OP, 2, AT)).isZero();
        assertThat(guest.parts().end().reason()).isInstanceOf(GuestEnd.Crashed.class);
    }

    @Test
    void aPeriodicTimerIsNotTooFast() {
        words(AT, 10);
        assertThat(guest.call(HypercallNumber.VCPU_OP, 6, 0, AT)).isEqualTo(Errno.EINVAL);
        words(AT, -5);
        assertThat(guest.call(HypercallNumber.VCPU_OP, 6, 0, AT)).isEqualTo(Errno.EINVAL);
        words(AT, 2_000_000);
        assertThat(guest.call(HypercallNumber.VCPU_OP, 6, 0, AT)).isZero();
        assertThat(guest.parts().clock().nextEvent()).isEqualTo(2_000_000);
        assertThat(guest.call(HypercallNumber.VCPU_OP, 7, 0, 0)).isZero();
        assertThat(guest.parts().clock().nextEvent()).isEqualTo(Long.MAX_VALUE);
    }

    // ---- in a row
    // --------------------------------------------------------------------------------------------------------------------

    @Test
    void aMulticallStoresEachResultAndGoesOnBehindErrors() {
        words(AT, 17, 1, 0, 0, 0, 0, 0, 0);
        words(AT + 64, 999, 1);
        words(AT + 128, 13, 1, AT, 1);
        words(AT + 192, 17, 1, 7);
        assertThat(guest.call(HypercallNumber.MULTICALL, AT, 4)).isZero();
        assertThat(memory.readLong(AT + 8)).isEqualTo(0x4_0011);
        assertThat(memory.readLong(AT + 72)).isEqualTo(Errno.ENOSYS);
        assertThat(memory.readLong(AT + 136)).isEqualTo(Errno.EINVAL);
        assertThat(memory.readLong(AT + 200)).isEqualTo(4096);
    }

    @Test
    void aLongListIsPreemptedAndGoesOn() {
        long[] arguments = {AT, PvGuest.BATCH + 10, AT + 0x9_0000, SELF, 0, 0};
        long entry = guest.entryOf(AT + 0xA_0000);
        long value = guest.parts().memory().readLong(entry);
        for (int i = 0; i < arguments[1]; i++) {
            words(AT + 16L * i, entry, i % 2 == 0 ? value & ~2 : value);
        }
        HypercallTable table = guest.table();
        assertThat(table.call(1, arguments)).isEqualTo(Errno.RESTART);
        assertThat(memory.readInt(AT + 0x9_0000)).isEqualTo(PvGuest.BATCH);
        assertThat(table.call(1, arguments)).isZero();
        assertThat(memory.readInt(AT + 0x9_0000)).isEqualTo(PvGuest.BATCH + 10);
    }
}
