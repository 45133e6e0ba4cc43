package io.umbra.processor;

import static io.umbra.processor.TestMachine.CODE;
import static io.umbra.processor.TestMachine.DATA;
import static io.umbra.processor.TestMachine.HANDLERS;
import static io.umbra.processor.TestMachine.RW;
import static io.umbra.processor.TestMachine.STACK;
import static io.umbra.processor.TestMachine.STACK_TOP;
import static io.umbra.x86.VcpuState.RSI;
import static io.umbra.x86.VcpuState.RSP;
import static org.assertj.core.api.Assertions.assertThat;

import io.umbra.x86.Event;
import io.umbra.x86.Exit;
import io.umbra.x86.RFlags;
import io.umbra.x86.StateImage;
import java.util.HexFormat;
import java.util.SplittableRandom;
import java.util.stream.LongStream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Two processors run the same random program side by side, one interpreting and one translating, in pieces of random length, with interrupts, single steps and breakpoints thrown in: after
 * each piece everything must be the same, down to what the TLB holds and the walks that it made. {@code -Dumbra.seed} and {@code -Dumbra.programs} make another run or a longer one.
 */
class TranslatorTest {
    private static final long SEED = Long.getLong("umbra.seed", 1);
    private static final int PROGRAMS = Integer.getInteger("umbra.programs", 60);
    private static final int ROUNDS = 30;
    /** For machine code: enough, and so little that it is full again and again. */
    private static final long[] ROOMS = {1 << 20, 48 << 10};

    private static final String RETURN = "48CF";
    private static final int INTERRUPT = 0x40;
    private static final int DEBUG = 1;

    static LongStream seeds() {
        return LongStream.range(SEED * 1000, SEED * 1000 + PROGRAMS);
    }

    @ParameterizedTest
    @MethodSource("seeds")
    void translatedCodeDoesWhatTheInterpreterDoes(long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        byte[] program = RandomProgram.of(seed, 3 + random.nextInt(60));
        Translation forced = TestedTranslation.of(1 + random.nextInt(4)).withRoom(ROOMS[random.nextInt(ROOMS.length)]);
        try (TestMachine reference = machine(Translation.OFF, program, seed);
                TestMachine translating = machine(forced, program, seed)) {
            int piece = 0;
            boolean ended = false;
            while (!ended) {
                long budget = random.nextInt(5) == 0 ? random.nextInt(2000) : 1 + random.nextInt(60);
                disturb(random, reference, translating);
                Exit expected = reference.processor.run(budget);
                Exit actual = translating.processor.run(budget);
                String where = "seed %d, piece %d, %s"
                        .formatted(seed, piece++, HexFormat.of().formatHex(program, 0, 400));
                assertThat(actual).as(where).isEqualTo(expected);
                assertSame(reference, translating, where);
                ended = !(expected instanceof Exit.BudgetSpent) && !goesOn(expected, reference, translating);
            }
        }
    }

    private static TestMachine machine(Translation translation, byte[] program, long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        TestMachine machine = TestMachine.shadow(PagingFeatures.OFFERED, translation);
        machine.code(CODE, HexFormat.of().formatHex(program));
        for (int vector : new int[] {DEBUG, INTERRUPT}) {
            machine.gate(vector, 0, 0);
            machine.code(HANDLERS + 16L * vector, RETURN);
        }
        for (int register = 0; register < 16; register++) {
            machine.state.gpr[register] = random.nextLong() >> random.nextInt(64);
        }
        machine.state.gpr[RSP] = STACK_TOP - 256;
        machine.state.gpr[15] = ROUNDS;
        // Some programs reach into a page that is missing at first.
        machine.state.gpr[RSI] = random.nextInt(3) == 0 ? DATA + 0x1FA0 : DATA + random.nextInt(0x1000);
        machine.state.rflags |= RFlags.INTERRUPT;
        return machine;
    }

    /** The same to both. */
    private static void disturb(SplittableRandom random, TestMachine... machines) {
        int kind = random.nextInt(12);
        long breakpoint = CODE + random.nextInt(200);
        for (TestMachine machine : machines) {
            switch (kind) {
                case 0 -> {
                    if (machine.processor.isInterruptible()) {
                        machine.processor.inject(Event.external(INTERRUPT));
                    }
                }
                case 1 -> machine.state.rflags ^= RFlags.TRAP;
                case 2 -> machine.state.rflags &= ~RFlags.TRAP;
                case 3 -> {
                    machine.state.dr[0] = breakpoint;
                    machine.state.dr[7] ^= 1;
                }
                case 4 -> {
                    machine.state.dr[1] = machine.state.gpr[RSI] + 16 & -8;
                    machine.state.dr[7] ^= 4 | 0xBL << 20;
                }
                case 5 -> machine.processor.flush();
                case 6 -> machine.processor.invalidate(CODE);
                case 7 -> machine.processor.interruptWindow(true);
                default -> {}
            }
        }
    }

    private static boolean goesOn(Exit exit, TestMachine... machines) {
        if (exit instanceof Exit.InterruptWindow) {
            for (TestMachine machine : machines) {
                machine.processor.interruptWindow(false);
            }
            return true;
        }
        if (exit instanceof Exit.PageFault fault && fault.linear() >>> 12 == DATA + 0x2000 >>> 12) {
            for (TestMachine machine : machines) {
                machine.map(DATA + 0x2000, RW);
            }
            return true;
        }
        return false;
    }

    private static void assertSame(TestMachine expected, TestMachine actual, String where) {
        assertThat(image(expected).differences(image(actual))).as(where).isEmpty();
        for (long page : new long[] {CODE, CODE + 0x1000, STACK, DATA, DATA + 0x1000}) {
            assertThat(contents(actual, page)).as(where).isEqualTo(contents(expected, page));
        }
    }

    private static StateImage image(TestMachine machine) {
        StateImage image = new StateImage();
        machine.processor.describe(image);
        return image;
    }

    private static byte[] contents(TestMachine machine, long page) {
        byte[] bytes = new byte[4096];
        machine.memory.read(machine.machineAddress(page), bytes, 0, bytes.length);
        return bytes;
    }
}
