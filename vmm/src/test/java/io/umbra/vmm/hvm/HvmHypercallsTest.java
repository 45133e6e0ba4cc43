package io.umbra.vmm.hvm;

import static org.assertj.core.api.Assertions.assertThat;

import io.umbra.shadow.P2mType;
import io.umbra.shadow.pv.Errno;
import io.umbra.vmm.loader.MemoryMap;
import io.umbra.vmm.xen.HypercallNumber;
import io.umbra.x86.VcpuState;
import java.util.function.Consumer;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Each hypercall of an HVM guest by itself, called from 64-bit code and from 32-bit code: what it answers, and what it does. */
class HvmHypercallsTest {
    private static final long AT = TestMachine.SCRATCH;
    private static final long SELF = TestMachine.SELF;
    private static final long PAGE = 4096;
    private static final int PAGE_REGISTER = 0x4000_0000;

    /** Runs a test on a machine whose tables are audited at the end, and whose frames all return. */
    private static void on(boolean isWide, Consumer<TestMachine> test) {
        try (TestMachine machine = new TestMachine(isWide)) {
            test.accept(machine);
            machine.paging.audit();
            long before = machine.frames.freeFrames();
            machine.xen.close();
            assertThat(machine.frames.freeFrames()).isGreaterThan(before);
        }
    }

    private static long parameter(TestMachine machine, int number) {
        machine.physicalInt(AT, (int) SELF);
        machine.physicalInt(AT + 4, number);
        assertThat(machine.call(HypercallNumber.HVM_OP, 1, AT))
                .as("parameter %d", number)
                .isZero();
        return machine.physical(AT + 8);
    }

    private static long set(TestMachine machine, int number, long value) {
        machine.physicalInt(AT, (int) SELF);
        machine.physicalInt(AT + 4, number);
        machine.physical(AT + 8, value);
        return machine.call(HypercallNumber.HVM_OP, 0, AT);
    }

    private static long add(TestMachine machine, int space, long index, long gfn) {
        machine.physicalInt(AT, (int) SELF);
        machine.physicalInt(AT + 4, space);
        machine.words(AT + 8, index, gfn);
        return machine.call(HypercallNumber.MEMORY_OP, 7, AT);
    }

    private static long reservation(TestMachine machine, int command, int order, long... gfns) {
        machine.words(AT + 0x100, gfns);
        machine.words(AT, AT + 0x100, gfns.length);
        long rest = AT + (machine.state.is64Bit() ? 16 : 8);
        machine.physicalInt(rest, order);
        machine.physicalInt(rest + 4, 0);
        machine.physicalInt(rest + 8, (int) SELF);
        return machine.call(HypercallNumber.MEMORY_OP, command, AT);
    }

    // ---- finding and calling
    // -----------------------------------------------------------------------------------------------------

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void thePageOfEntriesIsWrittenWhereTheRegisterSays(boolean isWide) {
        on(isWide, machine -> {
            assertThat(HvmInterface.hasRegister(PAGE_REGISTER)).isTrue();
            assertThat(machine.xen.writeRegister(AT)).isTrue();
            assertThat(machine.physical(AT + 17 * 32)).isEqualTo(0xC3D9_010F_0000_0011L << 8 | 0xB8);
            assertThat(machine.physicalInt(AT + 23 * 32) & 0xFFFF).as("iret").isEqualTo(0x0B0F);
            assertThat(machine.physicalInt(AT + 127 * 32 + 1)).isEqualTo(127);
        });
    }

    @ParameterizedTest
    @ValueSource(longs = {TestMachine.SCRATCH | 1, 0x1234_5000L, 0x80_0000, -4096, 1L << 45})
    void aPageThatCannotBeIsAGeneralProtectionFault(long value) {
        on(true, machine -> assertThat(machine.xen.writeRegister(value)).isFalse());
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void onlyTheKernelMayCall(boolean isWide) {
        on(isWide, machine -> {
            assertThat(machine.call(HypercallNumber.XEN_VERSION, 0)).isEqualTo(4 << 16 | 17);
            machine.state.cpl = 3;
            assertThat(machine.call(HypercallNumber.XEN_VERSION, 0)).isEqualTo(Errno.EPERM);
            machine.state.cpl = 0;
            machine.wide(false);
            machine.state.cr0 = 0;
            assertThat(machine.call(HypercallNumber.XEN_VERSION, 0)).isEqualTo(Errno.EPERM);
        });
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void unknownNumbersAreNotThereAndBadPointersAreFaults(boolean isWide) {
        on(isWide, machine -> {
            for (long number : new long[] {0, 1, 2, 3, 14, 23, 26, 27, 33, 36, 41, 127, 128, 0xFFFF_FFFFL}) {
                assertThat(machine.call(number)).as("%d", number).isEqualTo(Errno.ENOSYS);
            }
            long bad = TestMachine.NO_MEMORY;
            assertThat(machine.call(HypercallNumber.CONSOLE_IO, 0, 4, bad)).isEqualTo(Errno.EFAULT);
            assertThat(machine.call(HypercallNumber.XEN_VERSION, 1, bad)).isEqualTo(Errno.EFAULT);
            assertThat(machine.call(HypercallNumber.MEMORY_OP, 7, bad)).isEqualTo(Errno.EFAULT);
            assertThat(machine.call(HypercallNumber.HVM_OP, 1, bad)).isEqualTo(Errno.EFAULT);
            assertThat(machine.call(HypercallNumber.SCHED_OP, 3, bad)).isEqualTo(Errno.EFAULT);
            assertThat(machine.call(HypercallNumber.MULTICALL, bad, 1)).isEqualTo(Errno.EFAULT);
        });
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void theAnswerOf32BitCodeFillsHalfARegister(boolean isWide) {
        on(isWide, machine -> {
            machine.call(99);
            assertThat(machine.state.gpr[VcpuState.RAX]).isEqualTo(isWide ? Errno.ENOSYS : Errno.ENOSYS & 0xFFFF_FFFFL);
        });
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void longTextIsPrintedInPiecesOfOneCall(boolean isWide) {
        on(isWide, machine -> {
            machine.text(AT, "abc".repeat(3000));
            assertThat(machine.call(HypercallNumber.CONSOLE_IO, 0, 9000, AT)).isZero();
            assertThat(machine.text()).isEqualTo("abc".repeat(3000));
        });
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void callsInARowHaveTheCallersWords(boolean isWide) {
        on(isWide, machine -> {
            machine.words(AT, 17, -1, 7, 0, 0, 0, 0, 0, 99, -1);
            assertThat(machine.call(HypercallNumber.MULTICALL, AT, 2)).isZero();
            long word = isWide ? 8 : 4;
            assertThat(machine.physicalInt(AT + word)).isEqualTo(4096);
            assertThat(machine.physicalInt(AT + 9 * word)).isEqualTo(Errno.ENOSYS);
        });
    }

    // ---- memory
    // -------------------------------------------------------------------------------------------------------------------

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void sharedInfoIsAtOnePlaceAtATime(boolean isWide) {
        on(isWide, machine -> {
            machine.xen.writeRegister(AT);
            long first = AT / PAGE + 8;
            assertThat(add(machine, 0, 0, first)).isZero();
            int wallClock = isWide ? 0xC00 : 0x900;
            assertThat(machine.physicalInt(first * PAGE + wallClock) & 1).isZero();
            assertThat(machine.physicalInt(first * PAGE + wallClock + 4)).isEqualTo(0x2345_6789);
            assertThat(machine.physicalInt(first * PAGE + wallClock + 8)).isEqualTo(17);
            assertThat(machine.physicalInt(first * PAGE + (isWide ? 0xC0C : 0x924)))
                    .isOne();
            assertThat(add(machine, 0, 0, first + 1)).isZero();
            assertThat(machine.p2m.lookup(first)).isEqualTo(machine.p2m.lookup(0x4_0000));
            assertThat(machine.physicalInt((first + 1) * PAGE + wallClock + 8)).isEqualTo(17);
            assertThat(add(machine, 0, 1, first)).isEqualTo(Errno.EINVAL);
            assertThat(add(machine, 0, 0, 1L << 30)).isEqualTo(Errno.EINVAL);
            assertThat(add(machine, 7, 0, first)).isEqualTo(Errno.ENOSYS);
        });
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void anotherDomainsMemoryIsOutOfReach(boolean isWide) {
        on(isWide, machine -> {
            machine.physicalInt(AT, 5);
            for (int command : new int[] {3, 4, 7, 14, 15}) {
                assertThat(machine.call(HypercallNumber.MEMORY_OP, command, AT))
                        .as("%d", command)
                        .isEqualTo(Errno.ESRCH);
            }
            assertThat(machine.call(HypercallNumber.HVM_OP, 1, AT)).isEqualTo(Errno.ESRCH);
        });
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void framesAreGivenBackAndTakenAgain(boolean isWide) {
        on(isWide, machine -> {
            long gfn = AT / PAGE + 20;
            machine.physicalInt(AT, (int) SELF);
            long all = machine.call(HypercallNumber.MEMORY_OP, 3, AT);
            assertThat(reservation(machine, 6, 0, gfn))
                    .as("there is memory already")
                    .isZero();
            machine.physical(gfn * PAGE, 77);
            assertThat(reservation(machine, 1, 0, gfn, gfn + 1)).isEqualTo(2);
            assertThat(machine.p2m.lookup(gfn)).isEqualTo(machine.p2m.lookup(0x4_0000));
            machine.physicalInt(AT, (int) SELF);
            assertThat(machine.call(HypercallNumber.MEMORY_OP, 3, AT)).isEqualTo(all - 2);
            assertThat(reservation(machine, 1, 0, gfn)).as("given back already").isZero();
            assertThat(reservation(machine, 6, 1, gfn)).isOne();
            assertThat(machine.physical(gfn * PAGE)).isZero();
            assertThat(reservation(machine, 6, 0, 0x3000))
                    .as("more than it may have")
                    .isZero();
            assertThat(reservation(machine, 1, 0, gfn)).isOne();
            assertThat(reservation(machine, 6, 0, 0x3000)).as("elsewhere").isOne();
            assertThat(machine.call(HypercallNumber.MEMORY_OP, 14, AT)).isEqualTo(Errno.ESRCH);
        });
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void aFrameThatTheHypervisorWritesToMayVanish(boolean isWide) {
        on(isWide, machine -> {
            long ring = parameter(machine, 17);
            assertThat(reservation(machine, 1, 0, ring)).isOne();
            machine.xen.drain();
            machine.xen.type(room -> new byte[Math.min(room, 3)]);
            machine.physical(AT, AT / PAGE + 9);
            machine.physical(AT + 8, 0x100);
            assertThat(machine.call(HypercallNumber.VCPU_OP, 10, 0, AT)).isZero();
            assertThat(reservation(machine, 1, 0, AT / PAGE + 9)).isOne();
            machine.xen.timeStampAtZero(1);
            assertThat(machine.xen.guest().info().isPending()).isFalse();
        });
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void theMapTellsOfTheSpecialPages(boolean isWide) {
        on(isWide, machine -> {
            machine.words(AT, 0, AT + 0x100);
            machine.physicalInt(AT, 32);
            assertThat(machine.call(HypercallNumber.MEMORY_OP, 9, AT)).isZero();
            int ranges = machine.physicalInt(AT);
            assertThat(ranges).isEqualTo(new MemoryMap(4 << 20, true).ranges().size());
            assertThat(machine.physical(AT + 0x100 + 20L * (ranges - 1))).isEqualTo(0xFEFF_8000L);
            assertThat(machine.physicalInt(AT + 0x100 + 20L * (ranges - 1) + 16))
                    .isEqualTo(2);
            machine.physicalInt(AT, 2);
            assertThat(machine.call(HypercallNumber.MEMORY_OP, 9, AT)).isZero();
            assertThat(machine.physicalInt(AT)).isEqualTo(2);
        });
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void grantFramesArePlacedAndNamedByTheirPlace(boolean isWide) {
        on(isWide, machine -> {
            machine.physicalInt(AT, (int) SELF);
            assertThat(machine.call(HypercallNumber.GRANT_TABLE_OP, 6, AT, 1)).isZero();
            assertThat(machine.physicalInt(AT + 8)).isEqualTo(4);
            long gfn = AT / PAGE + 30;
            assertThat(add(machine, 1, 1, gfn)).isZero();
            assertThat(add(machine, 1, 4, gfn)).isEqualTo(Errno.EINVAL);
            machine.physicalInt(AT, (int) SELF);
            machine.physicalInt(AT + 4, 2);
            machine.words(AT + (isWide ? 16 : 12), AT + 0x100);
            assertThat(machine.call(HypercallNumber.GRANT_TABLE_OP, 2, AT, 1)).isZero();
            assertThat(machine.physicalInt(AT + 8) & 0xFFFF).as("status").isZero();
            assertThat(machine.physicalInt(AT + 0x100)).as("nowhere").isEqualTo(-1);
            assertThat(machine.physicalInt(AT + 0x100 + (isWide ? 8 : 4))).isEqualTo((int) gfn);
        });
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void aBatchTellsOfEachPlaceByItself(boolean isWide) {
        on(isWide, machine -> {
            long gfn = AT / PAGE + 40;
            machine.physicalInt(AT, (int) SELF | 1 << 16);
            machine.physicalInt(AT + 4, 3);
            machine.words(AT + 8, AT + 0x100, AT + 0x200, AT + 0x300);
            machine.words(AT + 0x100, 0, 9, 2);
            machine.words(AT + 0x200, gfn, gfn + 1, gfn + 2);
            assertThat(machine.call(HypercallNumber.MEMORY_OP, 23, AT)).isZero();
            assertThat(machine.physicalInt(AT + 0x300)).isZero();
            assertThat(machine.physicalInt(AT + 0x304)).isEqualTo(Errno.EINVAL);
            assertThat(machine.physicalInt(AT + 0x308)).isZero();
            machine.physicalInt(AT, (int) SELF);
            machine.words(AT + (isWide ? 8 : 4), gfn);
            assertThat(machine.call(HypercallNumber.MEMORY_OP, 15, AT)).isZero();
            assertThat(machine.call(HypercallNumber.MEMORY_OP, 15, AT)).isEqualTo(Errno.ENOENT);
        });
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void theConsolesRingWorksBothWays(boolean isWide) {
        on(isWide, machine -> {
            long ring = parameter(machine, 17) * PAGE;
            int port = (int) parameter(machine, 18);
            assertThat(machine.xen.hasConsole()).isFalse();
            machine.text(ring + 0x400, "login:");
            machine.physicalInt(ring + 0xC0C, 6);
            machine.physicalInt(AT, port);
            assertThat(machine.call(HypercallNumber.EVENT_CHANNEL_OP, 4, AT)).isZero();
            assertThat(machine.text()).isEqualTo("login:");
            assertThat(machine.xen.hasConsole()).isTrue();
            machine.xen.type(room -> new byte[] {'r', 'o', 'o', 't'});
            assertThat(machine.physicalInt(ring)).isEqualTo(0x746F_6F72);
            assertThat(machine.physicalInt(ring + 0xC04)).isEqualTo(4);
            assertThat(machine.xen.guest().shared().isPending(port)).isTrue();
        });
    }

    // ---- events, parameters, time
    // ---------------------------------------------------------------------------------------------------

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void parametersThatAreTheToolstacksCannotBeSet(boolean isWide) {
        on(isWide, machine -> {
            assertThat(parameter(machine, 1)).isEqualTo(0xFEFFC);
            assertThat(parameter(machine, 17)).isEqualTo(0xFEFFF);
            assertThat(parameter(machine, 2)).isEqualTo(1);
            assertThat(parameter(machine, 18)).isEqualTo(2);
            assertThat(set(machine, 17, 5)).isEqualTo(Errno.EPERM);
            assertThat(set(machine, 18, 5)).isEqualTo(Errno.EEXIST);
            assertThat(set(machine, 39, 5)).isEqualTo(Errno.EINVAL);
            assertThat(set(machine, 5, 5)).isEqualTo(Errno.EPERM);
            assertThat(set(machine, 19, 1)).isZero();
            assertThat(parameter(machine, 19)).isOne();
        });
    }

    /** An event that the guest sends itself: its bit where the width has it, and the vector for as long as the guest has not seen it. */
    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void anEventIsPendingAndTheVectorWaits(boolean isWide) {
        on(isWide, machine -> {
            long page = AT / PAGE + 8;
            assertThat(set(machine, 0, 2L << 56 | 0x77)).isZero();
            assertThat(add(machine, 0, 0, page)).isZero();
            machine.physicalInt(AT, 0);
            assertThat(machine.call(HypercallNumber.EVENT_CHANNEL_OP, 7, AT)).isZero();
            int port = machine.physicalInt(AT + 4);
            assertThat(machine.xen.hasCallback()).isFalse();
            machine.physicalInt(AT, port);
            assertThat(machine.call(HypercallNumber.EVENT_CHANNEL_OP, 4, AT)).isZero();
            assertThat(machine.xen.hasCallback()).isTrue();
            assertThat(machine.xen.callbackVector()).isEqualTo(0x77);
            assertThat(machine.physicalInt(page * PAGE + 0x800)).isEqualTo(1 << port);
            assertThat(machine.physicalInt(page * PAGE + (isWide ? 8 : 4)))
                    .as("selector")
                    .isOne();
            memoryByte(machine, page * PAGE, 0);
            assertThat(machine.xen.hasCallback()).isFalse();
        });
    }

    private static void memoryByte(TestMachine machine, long gpa, int value) {
        machine.memory.writeByte(machine.machine(gpa), value);
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void aVectorOfItsOwnGoesThroughTheLocalApicOnce(boolean isWide) {
        on(isWide, machine -> {
            set(machine, 0, 2L << 56 | 0x77);
            machine.physicalInt(AT, 0);
            machine.physicalInt(AT + 4, 15);
            assertThat(machine.call(HypercallNumber.HVM_OP, 23, AT)).isEqualTo(Errno.EINVAL);
            machine.physicalInt(AT + 4, 0xF3);
            assertThat(machine.call(HypercallNumber.HVM_OP, 23, AT)).isZero();
            assertThat(machine.apic.acknowledge()).as("told at once").isEqualTo(0xF3);
            machine.physicalInt(AT, 0);
            machine.call(HypercallNumber.EVENT_CHANNEL_OP, 7, AT);
            machine.physicalInt(AT, machine.physicalInt(AT + 4));
            machine.call(HypercallNumber.EVENT_CHANNEL_OP, 4, AT);
            assertThat(machine.xen.hasCallback()).isFalse();
            assertThat(machine.apic.hasPending()).as("in service").isFalse();
            machine.physicalInt(AT, 1);
            assertThat(machine.call(HypercallNumber.HVM_OP, 23, AT)).isEqualTo(Errno.ENOENT);
        });
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void aLineIsAssertedWhileAnEventIsPending(boolean isWide) {
        on(isWide, machine -> {
            set(machine, 0, 5);
            long page = AT / PAGE + 8;
            add(machine, 0, 0, page);
            memoryByte(machine, page * PAGE, 1);
            machine.xen.drive();
            assertThat(machine.line[0]).isTrue();
            memoryByte(machine, page * PAGE, 0);
            machine.xen.drive();
            assertThat(machine.line[0]).isFalse();
            memoryByte(machine, page * PAGE, 1);
            machine.xen.drive();
            set(machine, 0, 0);
            assertThat(machine.line[0]).as("given up").isFalse();
        });
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void aTimerWakesTheSleeper(boolean isWide) {
        on(isWide, machine -> {
            machine.physicalInt(AT, 0);
            machine.physicalInt(AT + 4, 0);
            assertThat(machine.call(HypercallNumber.EVENT_CHANNEL_OP, 1, AT)).isZero();
            if (isWide) {
                assertThat(machine.call(HypercallNumber.SET_TIMER_OP, 0x1_0000_0500L))
                        .isZero();
            } else {
                assertThat(machine.call(HypercallNumber.SET_TIMER_OP, 0x500, 1)).isZero();
            }
            assertThat(machine.call(HypercallNumber.SCHED_OP, 1)).isZero();
            assertThat(machine.xen.isAsleep()).isTrue();
            machine.clock.advanceTo(0x1_0000_04FFL);
            assertThat(machine.xen.tryWake(false)).isFalse();
            machine.clock.advanceTo(0x1_0000_0500L);
            assertThat(machine.xen.tryWake(false)).isTrue();
            assertThat(machine.xen.isAsleep()).isFalse();
        });
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void runStateHasTheCallersLayout(boolean isWide) {
        on(isWide, machine -> {
            machine.words(AT, AT + 0x100);
            assertThat(machine.call(HypercallNumber.VCPU_OP, 5, 0, AT)).isZero();
            machine.clock.advanceTo(1000);
            machine.xen.blocked(true);
            machine.clock.advanceTo(1700);
            machine.xen.blocked(false);
            long since = AT + 0x100 + (isWide ? 8 : 4);
            assertThat(machine.physical(since)).isEqualTo(1700);
            assertThat(machine.physical(since + 8)).as("running").isEqualTo(1000);
            assertThat(machine.physical(since + 24)).as("blocked").isEqualTo(700);
        });
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void aPolledPortEndsThePollAndSoDoesItsTime(boolean isWide) {
        on(isWide, machine -> {
            machine.physicalInt(AT + 0x100, 1);
            machine.words(AT, AT + 0x100);
            machine.physicalInt(AT + (isWide ? 8 : 4), 1);
            machine.physical(AT + (isWide ? 16 : 8), 5000);
            assertThat(machine.call(HypercallNumber.SCHED_OP, 3, AT)).isZero();
            assertThat(machine.xen.tryWake(false)).isFalse();
            machine.clock.advanceTo(5000);
            assertThat(machine.xen.tryWake(false)).isTrue();
            machine.physicalInt(AT + 0x100, 4096);
            assertThat(machine.call(HypercallNumber.SCHED_OP, 3, AT)).isEqualTo(Errno.EINVAL);
        });
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void theGuestEndsItself(boolean isWide) {
        on(isWide, machine -> {
            for (int reason = 0; reason <= 6; reason++) {
                machine.physicalInt(AT, reason);
                assertThat(machine.call(HypercallNumber.SCHED_OP, 2, AT)).isEqualTo(reason == 6 ? Errno.EINVAL : 0);
            }
            assertThat(machine.call(HypercallNumber.VCPU_OP, 2, 0)).isZero();
            assertThat(machine.ends)
                    .containsExactly("POWER_OFF", "REBOOT", "SUSPEND", "CRASH", "WATCHDOG", "SOFT_RESET", "down");
        });
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void theKindOfAFrameCanBeAsked(boolean isWide) {
        on(isWide, machine -> {
            machine.p2m.set(0x300, 1, 0, P2mType.MMIO);
            for (long[] pair : new long[][] {{0x301, 0}, {0x300, 2}, {0x3_0000, 2}, {-1, 2}}) {
                machine.physicalInt(AT, (int) SELF);
                machine.physical(AT + 8, pair[0]);
                assertThat(machine.call(HypercallNumber.HVM_OP, 15, AT)).isZero();
                assertThat(machine.physicalInt(AT) >>> 16).isEqualTo((int) pair[1]);
            }
            assertThat(machine.call(HypercallNumber.HVM_OP, 5, 0)).isZero();
            assertThat(machine.call(HypercallNumber.HVM_OP, 5, AT)).isEqualTo(Errno.EINVAL);
            machine.clock.advanceTo(12345);
            assertThat(machine.call(HypercallNumber.HVM_OP, 10, AT)).isZero();
            assertThat(machine.physical(AT)).isEqualTo(12345);
        });
    }
}
