package io.umbra.vmm.pv;

import static org.assertj.core.api.Assertions.assertThat;

import io.umbra.vmm.GuestEnd;
import io.umbra.vmm.xen.HypercallNumber;
import io.umbra.x86.VcpuState;
import org.junit.jupiter.api.Test;

/** Guests of some instructions: how they enter the hypervisor, and what it hands them. */
class PvGuestTest {
    private static final long AT = TestGuest.SCRATCH;
    private static final long TRAPS = AT + 0x1000;
    private static final long FRAME = AT + 0x2000;

    private static final int RCX = VcpuState.RCX, RSP = VcpuState.RSP;

    /** Where a handler keeps what it was entered with: RSP, and eight words from there. */
    private static Code saveFrame() {
        Code code = new Code().store(RSP, FRAME);
        for (int i = 0; i < 9; i++) {
            code.bytes(0x48, 0x8B, 0x44, 0x24, 8 * i).store(FRAME + 8 + 8L * i);
        }
        return code;
    }

    private static void setTraps(TestGuest guest, long... entries) {
        guest.load();
        for (int i = 0; i < entries.length; i++) {
            guest.memory().writeLong(TRAPS + 8L * i, entries[i]);
        }
    }

    private static long word(TestGuest guest, int index) {
        return guest.memory().readLong(FRAME + 8L * index);
    }

    private static void assertEndsWell(TestGuest guest) {
        GuestEnd end = guest.run();
        assertThat(end).as(guest.domain.registers()).isInstanceOf(GuestEnd.PoweredOff.class);
        guest.domain.audit();
        assertThat(guest.domain.state().cpl).isEqualTo(3);
    }

    @Test
    void startsWithStartInfoAtItsStackInRing3() {
        Code code = new Code().store(VcpuState.RSI, FRAME).store(RSP, FRAME + 8).end();
        try (TestGuest guest = TestGuest.of(code)) {
            assertEndsWell(guest);
            long info = word(guest, 0);
            assertThat(new String(guest.memory().read(info, 14), java.nio.charset.StandardCharsets.US_ASCII))
                    .isEqualTo("xen-3.0-x86_64");
            assertThat(guest.memory().readLong(info + 0x20)).isEqualTo(2048);
            assertThat(guest.memory().readLong(info + 0x28) >>> 12)
                    .isEqualTo(guest.parts().vcpu().info.place() >>> 12);
            assertThat(guest.mfn(guest.memory().readLong(info + 0x58)))
                    .isEqualTo(guest.parts().tables().kernelBase());
            long list = guest.memory().readLong(info + 0x68);
            assertThat(guest.memory().readLong(list + 8 * 0x100)).isEqualTo(guest.mfn(AT));
            assertThat(guest.domain.state().segments[VcpuState.CS].selector).isEqualTo(PvVcpu.FLAT_CODE_64);
        }
    }

    @Test
    void theMapOfMachineFramesIsReadableAndNotWritable() {
        try (TestGuest guest = TestGuest.of(new Code())) {
            guest.load();
            long place = GuestMemory.HYPERVISOR_START + 8 * guest.mfn(AT);
            TestGuest reader = TestGuest.of(new Code().load(place).store(FRAME).end());
            assertEndsWell(reader);
            assertThat(word(reader, 0)).isEqualTo(0x100);
            reader.close();
            TestGuest writer = TestGuest.of(new Code().mov(0, 1).store(place).end());
            assertThat(writer.run().message()).contains("#PF").contains("no handler");
            writer.close();
        }
    }

    @Test
    void aHypercallKeepsAllRegistersButThreeAndCountsAsOneInstruction() {
        Code code = new Code()
                .mov(12, 0x1212)
                .mov(5, 0x5555)
                .hypercall(HypercallNumber.XEN_VERSION, 7)
                .store(FRAME)
                .store(12, FRAME + 8)
                .end();
        try (TestGuest guest = TestGuest.of(code)) {
            assertEndsWell(guest);
            assertThat(word(guest, 0)).isEqualTo(4096);
            assertThat(word(guest, 1)).isEqualTo(0x1212);
            assertThat(guest.domain.counts().hypercalls()).containsEntry("xen_version", 1L);
            assertThat(guest.domain.instructions()).isEqualTo(2 + 3 + 4 + 4);
        }
    }

    @Test
    void anExceptionOfTheKernelComesWithItsFrame() {
        Code code = new Code()
                .hypercall(HypercallNumber.SET_TRAP_TABLE, TRAPS)
                .mov(RSP, TestGuest.STACK - 3)
                .mov(RCX, 0xCC)
                .mov(11, 0xBB)
                .bytes(0x0F, 0x0B);
        try (TestGuest guest =
                TestGuest.of(code).at(TestGuest.HANDLER, saveFrame().end())) {
            setTraps(guest, 0x0010_0406L, TestGuest.HANDLER, 0, 0);
            assertEndsWell(guest);
            assertThat(word(guest, 0)).as("rsp").isEqualTo((TestGuest.STACK - 3 & -16) - 56);
            assertThat(word(guest, 1)).as("rcx").isEqualTo(0xCC);
            assertThat(word(guest, 2)).as("r11").isEqualTo(0xBB);
            assertThat(word(guest, 4)).as("cs, with the old mask").isEqualTo(0x1_0000_E030L);
            assertThat(word(guest, 5) & 0x200).as("if").isZero();
            assertThat(word(guest, 6)).as("old rsp").isEqualTo(TestGuest.STACK - 3);
            assertThat(word(guest, 7)).as("ss").isEqualTo(PvVcpu.FLAT_DATA);
            assertThat(guest.domain.counts().traps()).containsEntry("#UD", 1L);
        }
    }

    @Test
    void aPageFaultTellsItsAddressAndASupervisorsAccess() {
        Code code = new Code().hypercall(HypercallNumber.SET_TRAP_TABLE, TRAPS).load(TestGuest.UNMAPPED);
        try (TestGuest guest =
                TestGuest.of(code).at(TestGuest.HANDLER, saveFrame().end())) {
            setTraps(guest, 0x0010_000EL, TestGuest.HANDLER, 0, 0);
            assertEndsWell(guest);
            assertThat(word(guest, 3)).as("error code").isZero();
            assertThat(guest.parts().memory().readLong(guest.parts().vcpu().info.place() + 16))
                    .isEqualTo(TestGuest.UNMAPPED);
        }
    }

    @Test
    void aGuestWithoutHandlerOrStackCrashesItsDomain() {
        try (TestGuest guest = TestGuest.of(new Code().bytes(0x0F, 0x0B))) {
            assertThat(guest.run().message()).contains("#UD", "kernel mode", "no handler");
        }
        Code code = new Code()
                .hypercall(HypercallNumber.SET_TRAP_TABLE, TRAPS)
                .mov(RSP, 0x100)
                .bytes(0x0F, 0x0B);
        try (TestGuest guest = TestGuest.of(code)) {
            setTraps(guest, 0x0010_0006L, TestGuest.HANDLER, 0, 0);
            assertThat(guest.run().message()).contains("stack");
            assertThat(guest.domain.registers()).contains("rip").contains("kernel mode");
        }
    }

    @Test
    void privilegedInstructionsMeanWhatTheyMeanAtRing0() {
        Code code = new Code()
                .mov(RCX, 0xC000_0101L)
                .mov(0, 0x7000)
                .mov(2, 0)
                .bytes(0x0F, 0x30) // WRMSR
                .mov(0, 0)
                .bytes(0x0F, 0x32) // RDMSR
                .store(FRAME)
                .bytes(0x0F, 0x20, 0xC0) // MOV RAX, CR0
                .store(FRAME + 8)
                .bytes(0x0F, 0x20, 0xD8) // MOV RAX, CR3
                .store(FRAME + 16)
                .bytes(0x0F, 0x06, 0x0F, 0x09) // CLTS, WBINVD
                .mov(0, TRAPS)
                .hypercall(HypercallNumber.PHYSDEV_OP, 6, TRAPS)
                .bytes(0xFA, 0xFB) // CLI, STI
                .mov(0, 0)
                .bytes(0xE4, 0x60) // IN AL, 0x60
                .store(FRAME + 24)
                .end();
        try (TestGuest guest = TestGuest.of(code)) {
            setTraps(guest, 1);
            assertEndsWell(guest);
            assertThat(word(guest, 0)).isEqualTo(0x7000);
            assertThat(word(guest, 1)).isEqualTo(0x8005_0033L);
            assertThat(word(guest, 2)).isEqualTo(guest.parts().tables().kernelBase() << 12);
            assertThat(word(guest, 3)).isEqualTo(0xFF);
            assertThat(guest.domain.counts().privileged())
                    .containsEntry("write_msr", 1L)
                    .containsEntry("in", 1L);
        }
    }

    @Test
    void anUnknownModelRegisterIsAGeneralProtectionFault() {
        Code code = new Code()
                .hypercall(HypercallNumber.SET_TRAP_TABLE, TRAPS)
                .mov(RCX, 0xC000_0082L)
                .bytes(0x0F, 0x30);
        try (TestGuest guest =
                TestGuest.of(code).at(TestGuest.HANDLER, saveFrame().end())) {
            setTraps(guest, 0x0010_000DL, TestGuest.HANDLER, 0, 0);
            assertEndsWell(guest);
            assertThat(guest.domain.counts().traps()).containsEntry("#GP", 1L);
        }
    }

    @Test
    void forcedAndPlainCpuidGiveTheSame() {
        Code code = new Code()
                .mov(0, 0x4000_0000L)
                .bytes(0x0F, 0x0B, 'x', 'e', 'n', 0x0F, 0xA2)
                .store(RCX, FRAME)
                .store(FRAME + 8)
                .mov(0, 0x4000_0000L)
                .bytes(0x0F, 0xA2)
                .store(RCX, FRAME + 16)
                .end();
        try (TestGuest guest = TestGuest.of(code)) {
            assertEndsWell(guest);
            assertThat(word(guest, 0)).isEqualTo(0x6558_4D4DL);
            assertThat(word(guest, 1)).isEqualTo(0x4000_0005L);
            assertThat(word(guest, 2)).isEqualTo(word(guest, 0));
        }
    }

    @Test
    void aSoftwareInterruptNeedsThePermissionOfItsEntry() {
        Code code = new Code()
                .hypercall(HypercallNumber.SET_TRAP_TABLE, TRAPS)
                .bytes(0xCD, 0x82) // INT 0x82: DPL 1
                .bytes(0xCD, 0x83); // INT 0x83: DPL 0
        try (TestGuest guest = TestGuest.of(code)
                .at(
                        TestGuest.HANDLER,
                        new Code()
                                .mov(5, 1)
                                .store(5, FRAME + 0x80)
                                .bytes(0x48, 0x8B, 0x4C, 0x24, 16)
                                .bytes(0xFF, 0xE1))
                .at(TestGuest.OTHER, saveFrame().end())) {
            setTraps(guest, 0x0010_0182L, TestGuest.HANDLER, 0x0010_000DL, TestGuest.OTHER, 0, 0);
            assertEndsWell(guest);
            assertThat(guest.memory().readLong(FRAME + 0x80)).isEqualTo(1);
            assertThat(word(guest, 3)).as("error code").isEqualTo(0x83 * 8 | 2);
        }
    }

    @Test
    void userModeHasItsOwnTableAndComesBackBySyscall() {
        // A user table that maps one page of code and one of data.
        try (TestGuest guest = userGuest(new Code()
                .mov(0, 0x1234)
                .mov(7, 0x40_1000L)
                .bytes(0x48, 0x89, 0x07) // MOV [RDI], RAX
                .syscall())) {
            assertEndsWell(guest);
            assertThat(guest.memory().readLong(AT + 0x7000)).isEqualTo(0x1234);
            assertThat(word(guest, 0)).as("rsp, from the kernel's stack").isEqualTo(TestGuest.STACK - 56);
            assertThat(word(guest, 1)).as("rcx: the user's rip").isEqualTo(word(guest, 3));
            assertThat(word(guest, 4) & 0xFFFF).as("cs").isEqualTo(PvVcpu.FLAT_CODE_64);
            assertThat(word(guest, 5) & 0x200).as("if: events were not masked").isNotZero();
            assertThat(guest.domain.counts().systemCalls()).isEqualTo(1);
        }
    }

    @Test
    void theKernelIsNotThereInUserMode() {
        try (TestGuest guest = userGuest(new Code().load(AT))) {
            assertEndsWell(guest);
            assertThat(word(guest, 3))
                    .as("error code: a user's read of nothing")
                    .isEqualTo(4);
            assertThat(guest.domain.counts().traps()).containsEntry("#PF", 1L);
        }
    }

    @Test
    void userModeMayNotUsePrivilegedInstructions() {
        try (TestGuest guest = userGuest(new Code().bytes(0xFA))) {
            assertEndsWell(guest);
            assertThat(guest.domain.counts().traps()).containsEntry("#GP", 1L);
        }
    }

    @Test
    void aReturnToABadSegmentGoesToTheFailsafeCallback() {
        try (TestGuest guest = userGuest(new Code(), 0x53)) {
            assertEndsWell(guest);
            assertThat(word(guest, 7)).as("the rip that could not be").isEqualTo(0x40_0000L);
            assertThat(word(guest, 8) & 0xFFFF).isEqualTo(0x53);
        }
    }

    private static TestGuest userGuest(Code user) {
        return userGuest(user, PvVcpu.FLAT_CODE_64);
    }

    /** Its kernel makes a user root at AT + 0x3000, enters user mode at 4 MiB, and ends at the first thing that comes back. */
    private static TestGuest userGuest(Code user, int selector) {
        Code code = new Code()
                .hypercall(HypercallNumber.SET_TRAP_TABLE, TRAPS)
                .hypercall(HypercallNumber.CALLBACK_OP, 0, TRAPS + 0x100)
                .hypercall(HypercallNumber.CALLBACK_OP, 0, TRAPS + 0x110)
                .hypercall(HypercallNumber.STACK_SWITCH, PvVcpu.FLAT_DATA, TestGuest.STACK)
                .hypercall(HypercallNumber.MULTICALL, TRAPS + 0x200, 4)
                .hypercall(HypercallNumber.MMUEXT_OP, TRAPS + 0x400, 1, 0, PvGuest.DOMID_SELF)
                .mov(RSP, TestGuest.STACK - 0x400)
                .push(PvVcpu.FLAT_DATA)
                .push(0x40_1800L)
                .push(0x202)
                .push(selector)
                .push(0x40_0000L)
                .push(0)
                .push(0)
                .push(0)
                .push(0)
                .mov(0, HypercallNumber.IRET.number())
                .syscall();
        TestGuest guest = TestGuest.of(code)
                .at(TestGuest.USER, user)
                .at(TestGuest.HANDLER, saveFrame().end());
        setTraps(guest, 0x0010_000EL, TestGuest.HANDLER, 0x0010_000DL, TestGuest.HANDLER, 0, 0);
        GuestMemory memory = guest.memory();
        memory.writeLong(TRAPS + 0x100, 2);
        memory.writeLong(TRAPS + 0x108, TestGuest.HANDLER);
        memory.writeLong(TRAPS + 0x110, 1);
        memory.writeLong(TRAPS + 0x118, TestGuest.HANDLER);
        long[] tables = {AT + 0x3000, AT + 0x4000, AT + 0x5000, AT + 0x6000};
        memory.writeLong(tables[0], guest.mfn(tables[1]) << 12 | 0x67);
        memory.writeLong(tables[1], guest.mfn(tables[2]) << 12 | 0x67);
        memory.writeLong(tables[2] + 16, guest.mfn(tables[3]) << 12 | 0x67);
        memory.writeLong(tables[3], guest.mfn(TestGuest.USER) << 12 | 0x25);
        memory.writeLong(tables[3] + 8, guest.mfn(AT + 0x7000) << 12 | 0x67);
        for (int i = 0; i < tables.length; i++) {
            long entry = TRAPS + 0x200 + 64L * i;
            memory.writeLong(entry, HypercallNumber.UPDATE_VA_MAPPING.number());
            memory.writeLong(entry + 16, tables[i]);
            memory.writeLong(entry + 24, guest.mfn(tables[i]) << 12 | 0x61);
            memory.writeLong(entry + 32, 2);
        }
        memory.writeLong(TRAPS + 0x400, 15);
        memory.writeLong(TRAPS + 0x408, guest.mfn(tables[0]));
        return guest;
    }

    @Test
    void aTimerWakesASleepingVcpuAtItsMoment() {
        Code code = new Code()
                .hypercall(HypercallNumber.CALLBACK_OP, 0, TRAPS)
                .hypercall(HypercallNumber.EVENT_CHANNEL_OP, 1, TRAPS + 0x20)
                .hypercall(HypercallNumber.VCPU_OP, 8, 0, TRAPS + 0x40)
                .hypercall(HypercallNumber.SCHED_OP, 1)
                .bytes(0xEB, 0xFE);
        Code handler = new Code()
                .bytes(0x0F, 0x31) // RDTSC
                .store(FRAME + 0x100);
        Code rest = saveFrame().end();
        for (byte each : rest.finished()) {
            handler.bytes(each);
        }
        try (TestGuest guest = TestGuest.of(code).at(TestGuest.HANDLER, handler)) {
            setTraps(guest, 0, TestGuest.HANDLER, 0, 0, 0, 0, 0, 0, 5_000_000, 0);
            assertEndsWell(guest);
            assertThat(guest.memory().readLong(FRAME + 0x100)).isEqualTo(5_000_000);
            assertThat(word(guest, 4) >>> 32)
                    .as("the mask that block had cleared")
                    .isZero();
            assertThat(guest.parts().vcpu().info.isMasked()).isTrue();
            assertThat(guest.domain.counts().upcalls()).isEqualTo(1);
        }
    }

    @Test
    void aPollEndsAtItsTimeAlsoWithEventsMasked() {
        Code code = new Code()
                .hypercall(HypercallNumber.SCHED_OP, 3, TRAPS)
                .bytes(0x0F, 0x31)
                .store(FRAME)
                .end();
        try (TestGuest guest = TestGuest.of(code)) {
            setTraps(guest, TestGuest.ZERO, 0, 3_000_000);
            assertEndsWell(guest);
            assertThat(word(guest, 0)).isEqualTo(3_000_000);
            assertThat(guest.parts().clock().nextEvent()).isEqualTo(Long.MAX_VALUE);
        }
    }

    @Test
    void aMomentAtTheEndOfTimeDoesNotCome() {
        Code code = new Code()
                .hypercall(HypercallNumber.SET_TIMER_OP, Long.MAX_VALUE - 1)
                .hypercall(HypercallNumber.SCHED_OP, 3, TRAPS)
                .end();
        try (TestGuest guest = TestGuest.of(code)) {
            setTraps(guest, TestGuest.ZERO, 0, Long.MAX_VALUE);
            assertThat(guest.run().message()).contains("nothing can wake it");
        }
    }

    @Test
    void aGuestThatNothingCanWakeIsReported() {
        try (TestGuest guest = TestGuest.of(new Code().hypercall(HypercallNumber.SCHED_OP, 1))) {
            assertThat(guest.run().message()).contains("nothing can wake it");
        }
    }

    @Test
    void aStoreToAPagetableIsEmulatedAndAuditedWithTheAssist() {
        TestGuest probe = TestGuest.idle();
        long table = probe.entryOf(AT);
        long linear = probe.memory().readLong(probe.domain.state().gpr[VcpuState.RSI] + 0x58) + 3 * 4096;
        assertThat(probe.mfn(linear)).as("the first L1").isEqualTo(table >>> 12);
        probe.close();
        Code code = new Code()
                .hypercall(HypercallNumber.VM_ASSIST, 0, 2)
                .mov(0, 0)
                .store(linear + 8 * 0x140)
                .end();
        try (TestGuest guest = TestGuest.of(code)) {
            guest.load();
            long entry = guest.entryOf(TestGuest.VIRTUAL_BASE + 0x14_0000);
            assertThat(guest.parts().memory().readLong(entry)).isNotZero();
            assertEndsWell(guest);
            assertThat(guest.parts().memory().readLong(entry)).isZero();
            assertThat(guest.domain.counts().tableStores()).isEqualTo(1);
        }
        Code refused = new Code()
                .hypercall(HypercallNumber.VM_ASSIST, 0, 2)
                .mov(0, (table & -4096) | 0x67)
                .store(linear + 8 * 0x140)
                .end();
        try (TestGuest guest = TestGuest.of(refused)) {
            assertThat(guest.run().message()).contains("#PF(0x3)");
            guest.domain.audit();
        }
    }

    @Test
    void whatIsTypedReachesTheRingAndRaisesItsPort() {
        // Waits for the console's port, then copies the first word of the ring.
        Code code = new Code().hypercall(HypercallNumber.SCHED_OP, 3, TRAPS).end();
        try (TestGuest guest = TestGuest.of(code)) {
            setTraps(guest, TRAPS + 0x20, 1, 0, 0, 2);
            guest.input.type("typed".getBytes(java.nio.charset.StandardCharsets.US_ASCII));
            assertEndsWell(guest);
            long info = guest.domain.state().gpr[VcpuState.RSI];
            assertThat(info).isNotZero();
            assertThat(guest.parts().xen().shared().isPending(2)).isTrue();
        }
    }

    @Test
    void theHypercallPageOfOlderKernelsIsFilled() {
        long page = TestGuest.VIRTUAL_BASE + 0x6000;
        Code code = new Code()
                .mov(7, 7)
                .mov(5, page + 32L * HypercallNumber.XEN_VERSION.number())
                .mov(RCX, 0x77)
                .bytes(0xFF, 0xD5) // CALL RBP
                .store(FRAME)
                .store(RCX, FRAME + 8)
                .end();
        try (TestGuest guest = TestGuest.of(code).load(page)) {
            assertEndsWell(guest);
            assertThat(word(guest, 0)).isEqualTo(4096);
            assertThat(word(guest, 1)).as("rcx is kept").isEqualTo(0x77);
        }
    }

    @Test
    void twoRunsAreTheSame() {
        long[] counts = new long[2];
        for (int i = 0; i < 2; i++) {
            try (TestGuest guest = userGuest(new Code().syscall())) {
                assertEndsWell(guest);
                counts[i] = guest.domain.instructions();
            }
        }
        assertThat(counts[0]).isEqualTo(counts[1]);
    }
}
