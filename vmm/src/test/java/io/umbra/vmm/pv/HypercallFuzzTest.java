package io.umbra.vmm.pv;

import static org.assertj.core.api.Assertions.fail;

import io.umbra.shadow.DomainCrash;
import io.umbra.vmm.xen.BadPointer;
import io.umbra.vmm.xen.HypercallNumber;
import io.umbra.vmm.xen.HypercallTable;
import java.util.SplittableRandom;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Random calls with random arguments, and random memory where they point to: nothing but an answer or the domain's crash comes of them, and the tables stay as they must be. */
class HypercallFuzzTest {
    private static final int CALLS = 20_000;
    private static final int BETWEEN_AUDITS = 2_000;
    private static final int PAGES = 16;

    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3, 4, 5, 6})
    void aHostileGuestHarmsOnlyItself(long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        int done = 0;
        while (done < CALLS) {
            try (TestGuest guest = TestGuest.idle()) {
                done += attack(guest, random, seed, CALLS - done);
            }
        }
    }

    /** @return calls that were made until the domain had enough */
    private static int attack(TestGuest guest, SplittableRandom random, long seed, int most) {
        HypercallTable table = guest.table();
        long[] frames = new long[PAGES + 4];
        for (int i = 0; i < PAGES; i++) {
            frames[i] = guest.mfn(TestGuest.SCRATCH + 4096L * i);
        }
        frames[PAGES] = guest.parts().tables().kernelBase();
        frames[PAGES + 1] = guest.entryOf(TestGuest.SCRATCH) >>> 12;
        frames[PAGES + 2] = guest.parts().vcpu().info.place() >>> 12;
        frames[PAGES + 3] = 0x3F_FFFFL;
        for (int call = 0; call < most; call++) {
            long number = random.nextInt(8) == 0 ? random.nextLong() & 0xFF : known(random);
            long[] arguments = arguments(random, guest, frames);
            try {
                scribble(random, guest, frames);
                long result = table.call(number, arguments);
                if (result == io.umbra.shadow.pv.Errno.RESTART) {
                    table.call(number, arguments);
                }
                if (!guest.parts().vcpu().isKernel()) {
                    guest.parts().vcpu().enterKernel();
                }
                guest.parts().clock().advanceTo(guest.parts().clock().now() + random.nextInt(1000));
            } catch (DomainCrash crash) {
                return call + 1;
            } catch (BadPointer unmapped) {
                return call + 1;
            } catch (RuntimeException e) {
                fail(
                        "seed %d, call %d of %d with %s"
                                .formatted(seed, call, number, java.util.Arrays.toString(arguments)),
                        e);
            }
            if (call % BETWEEN_AUDITS == 0) {
                guest.domain.audit();
            }
        }
        guest.domain.audit();
        return most;
    }

    private static long known(SplittableRandom random) {
        HypercallNumber[] all = HypercallNumber.values();
        HypercallNumber one = all[random.nextInt(all.length)];
        boolean endsSoon = one == HypercallNumber.IRET && random.nextInt(100) != 0;
        return endsSoon ? HypercallNumber.MMUEXT_OP.number() : one.number();
    }

    private static long[] arguments(SplittableRandom random, TestGuest guest, long[] frames) {
        long[] arguments = new long[6];
        for (int i = 0; i < arguments.length; i++) {
            arguments[i] = value(random, guest, frames);
        }
        return arguments;
    }

    /** What a guest could mean something by, or not. */
    private static long value(SplittableRandom random, TestGuest guest, long[] frames) {
        long frame = frames[random.nextInt(frames.length)];
        return switch (random.nextInt(14)) {
            case 0 -> random.nextLong();
            case 1 -> TestGuest.UNMAPPED;
            case 2 -> GuestMemory.HYPERVISOR_START + random.nextInt(1 << 20);
            case 3 -> PvGuest.DOMID_SELF;
            case 4 -> frame;
            case 5 -> frame << 12 | random.nextInt(512) * 8L | random.nextInt(4);
            case 6 -> frame << 12 | random.nextInt(0x1000);
            case 7 -> -1L >>> random.nextInt(64);
            case 8, 9 -> random.nextInt(33);
            case 10 -> guest.entryOf(TestGuest.SCRATCH + 4096L * random.nextInt(PAGES)) | random.nextInt(4);
            default -> TestGuest.SCRATCH + random.nextInt(PAGES * 4096) & (random.nextBoolean() ? -8L : -1L);
        };
    }

    private static void scribble(SplittableRandom random, TestGuest guest, long[] frames) {
        long at = TestGuest.SCRATCH + random.nextInt(PAGES * 512 - 64) * 8L;
        for (int i = 0; i < 24; i++) {
            try {
                guest.memory().writeLong(at + 8L * i, value(random, guest, frames));
            } catch (BadPointer readOnly) {
                return;
            }
        }
    }
}
