package io.umbra.vmm.hvm;

import static org.assertj.core.api.Assertions.fail;

import io.umbra.shadow.DomainCrash;
import io.umbra.shadow.FaultOutcome;
import io.umbra.shadow.P2m;
import io.umbra.vmm.xen.HypercallNumber;
import io.umbra.x86.PageFaultCode;
import java.util.Arrays;
import java.util.SplittableRandom;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Random calls of both widths with random arguments, random memory where they point to, and accesses of the guest's between them that make shadows: nothing but an answer or the domain's crash comes of them, and shadows
 * and frames stay as they must be.
 */
class HvmHypercallFuzzTest {
    private static final int CALLS = 20_000;
    private static final int BETWEEN_AUDITS = 1_000;
    private static final int PAGES = 16;

    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3, 4})
    void aHostileGuestHarmsOnlyItself(long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        int done = 0;
        while (done < CALLS) {
            try (TestMachine machine = new TestMachine(random.nextBoolean())) {
                done += attack(machine, random, seed, Math.min(3000, CALLS - done));
            }
        }
    }

    /** @return calls that were made until the domain had enough */
    private static int attack(TestMachine machine, SplittableRandom random, long seed, int most) {
        for (int call = 0; call < most; call++) {
            long number = random.nextInt(8) == 0 ? random.nextLong() & 0xFF : known(random);
            long[] arguments = new long[6];
            Arrays.setAll(arguments, i -> value(random));
            if (number == HypercallNumber.MULTICALL.number() || number == HypercallNumber.CONSOLE_IO.number()) {
                arguments[1] &= random.nextInt(16) == 0 ? 0xFFFF : 0x3F;
            }
            boolean changesWidth = random.nextInt(50) == 0;
            try {
                if (changesWidth) {
                    machine.wide(random.nextBoolean());
                }
                scribble(random, machine);
                touch(random, machine);
                machine.call(number, arguments);
                machine.xen.writeRegister(random.nextInt(20) == 0 ? value(random) & -4096L : 1);
                machine.xen.drive();
                machine.xen.drain();
                machine.xen.type(room -> new byte[Math.min(room, 5)]);
                machine.clock.advanceTo(machine.clock.now() + random.nextInt(1000));
                machine.xen.tryWake(true);
                if (call % BETWEEN_AUDITS == 0) {
                    machine.paging.audit();
                }
            } catch (DomainCrash crash) {
                return call + 1;
            } catch (RuntimeException | AssertionError e) {
                fail("seed %d, call %d of %d with %s".formatted(seed, call, number, Arrays.toString(arguments)), e);
            }
        }
        machine.paging.audit();
        checkFrames(machine);
        return most;
    }

    /** No two places have one frame, and all that the domain has returns. */
    private static void checkFrames(TestMachine machine) {
        machine.paging.close();
        machine.xen.close();
        for (long gfn = 0; gfn <= machine.p2m.highestGfn(); gfn++) {
            long entry = machine.p2m.lookup(gfn);
            if (P2m.isBacked(entry)) {
                machine.frames.free(P2m.mfn(entry));
            }
        }
        machine.p2m.free();
        if (machine.frames.freeFrames() != machine.memory.frames() - 1) {
            fail("frames are missing: %d of %d".formatted(machine.frames.freeFrames(), machine.memory.frames() - 1));
        }
    }

    private static long known(SplittableRandom random) {
        HypercallNumber[] served = {
            HypercallNumber.MEMORY_OP,
            HypercallNumber.MEMORY_OP,
            HypercallNumber.HVM_OP,
            HypercallNumber.HVM_OP,
            HypercallNumber.EVENT_CHANNEL_OP,
            HypercallNumber.VCPU_OP,
            HypercallNumber.SCHED_OP,
            HypercallNumber.GRANT_TABLE_OP,
            HypercallNumber.MULTICALL,
            HypercallNumber.CONSOLE_IO,
            HypercallNumber.XEN_VERSION,
            HypercallNumber.SET_TIMER_OP,
        };
        return served[random.nextInt(served.length)].number();
    }

    /** What a guest could mean something by, or not. */
    private static long value(SplittableRandom random) {
        long gfn = (TestMachine.SCRATCH >>> 12) + random.nextInt(PAGES);
        return switch (random.nextInt(14)) {
            case 0 -> random.nextLong();
            case 1 -> TestMachine.NO_MEMORY;
            case 2 -> 0xFEFF8 + random.nextInt(9);
            case 3, 4 -> TestMachine.SELF;
            case 5 -> gfn;
            case 6 -> random.nextInt(32);
            case 7 -> -1L >>> random.nextInt(64);
            case 8, 9 -> random.nextInt(40);
            case 10 -> 0x1000L * random.nextInt(6) + random.nextInt(4096);
            case 11 -> 0x7FF0 | (long) random.nextInt(4) << 16 | (long) random.nextInt(4) << 32;
            default -> TestMachine.SCRATCH + random.nextInt(PAGES * 4096) & (random.nextBoolean() ? -8L : -1L);
        };
    }

    private static void scribble(SplittableRandom random, TestMachine machine) {
        long at = TestMachine.SCRATCH + random.nextInt(PAGES * 512 - 64) * 8L;
        for (int i = 0; i < 24; i++) {
            long gpa = at + 8L * i;
            if (P2m.isBacked(machine.p2m.lookup(gpa >>> 12))) {
                machine.physical(gpa, value(random));
            }
        }
    }

    /** The guest accesses its memory, as it might between two calls: so there are shadows to be kept right. */
    private static void touch(SplittableRandom random, TestMachine machine) {
        if (!machine.state.is64Bit()) {
            return;
        }
        for (int i = 0; i < 4; i++) {
            long linear = random.nextInt(2) == 0
                    ? random.nextInt(8) * 4096L
                    : TestMachine.SCRATCH + random.nextInt(PAGES) * 4096L;
            FaultOutcome outcome = machine.paging.pageFault(0, linear, random.nextBoolean() ? PageFaultCode.WRITE : 0);
            if (outcome instanceof FaultOutcome.Emulate) {
                return;
            }
        }
    }
}
