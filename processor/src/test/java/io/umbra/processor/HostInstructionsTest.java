package io.umbra.processor;

import static io.umbra.processor.TestMachine.CODE;
import static io.umbra.processor.TestMachine.DATA;
import static io.umbra.processor.TestMachine.USER_SPACE;
import static io.umbra.x86.VcpuState.RAX;
import static io.umbra.x86.VcpuState.RBX;
import static io.umbra.x86.VcpuState.RCX;
import static io.umbra.x86.VcpuState.RDI;
import static io.umbra.x86.VcpuState.RDX;
import static io.umbra.x86.VcpuState.RSI;
import static io.umbra.x86.VcpuState.RSP;
import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.umbra.x86.Cr0;
import io.umbra.x86.Cr4;
import io.umbra.x86.Event;
import io.umbra.x86.Exit;
import io.umbra.x86.FaultHandler;
import io.umbra.x86.Intercepts;
import io.umbra.x86.PageFaultCode;
import io.umbra.x86.RFlags;
import io.umbra.x86.VcpuState;
import io.umbra.x86.Vector;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.HexFormat;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Instructions that have translations into machine code, and where those leave: what an interpreting and a translating processor make of the same code at the borders that random programs seldom reach. */
class HostInstructionsTest {
    /** So often is a block interpreted first: what follows an STI must be known when its block is translated. */
    private static final int HOT = 3;

    private static final int WARM = 6;
    private static final Exit GENERAL_PROTECTION = exception(Vector.GENERAL_PROTECTION);

    private static Exit exception(int vector) {
        return new Exit.Exception(vector == Vector.DEBUG ? Event.exception(vector) : Event.exception(vector, 0), null);
    }

    @BeforeEach
    void needsAnX86Host() {
        assumeTrue(HostEntry.isAvailable());
    }

    // ---- what is translated -----------------------------------------------------------------------------------------

    private static boolean isTranslated(String hex, int mode) {
        byte[] bytes = HexFormat.of().parseHex(hex);
        Instruction instruction = Decoder.decode(bytes, 0, bytes.length, mode);
        if (instruction == null) {
            throw new IllegalArgumentException(hex);
        }
        Block block = new Block(new Op[] {OpFactory.make(instruction, 0)}, 0, 0, mode, null);
        HostEmitter emit = new HostEmitter(block);
        emit.begin(0);
        return HostInstructions.all(emit).stream().anyMatch(some -> some.write(instruction, 0));
    }

    /** With their flags visible. */
    @ParameterizedTest
    @ValueSource(
            strings = {
                "F6C401",
                "80E7F0",
                "00FD",
                "8A27",
                "8827",
                "B4FF",
                "FEC6",
                "0F94C5", // high bytes
                "480FA30F",
                "480FB30F",
                "F0480FAB0F",
                "0FBB0F",
                "660FA307",
                "0FBCC1",
                "480FBDC1", // bits
                "9C",
                "9D",
                "FA",
                "FB",
                "FC",
                "FD",
                "F5",
                "F8",
                "F9",
                "9E",
                "9F",
                "8CD8",
                "8C07", // flags, selectors
                "480FC70F",
                "0FC70F",
                "0FB007",
                "660FB107",
                "0FC0C1",
                "86C8",
                "6687C8", // exchanges
                "0FA5C8",
                "480FADC8",
                "660FB6C1",
                "660FBE07",
                "0FAEE8",
                "0FAEF0",
                "0FAEF8",
                "660FD7C1",
                "660F74C1",
                "660F6EC0",
                "66480F7EC0",
                "F20F1007",
                "660F73D804",
                "660FC5C103",
                "AA",
                "66AB",
                "F348AB",
                "A4",
                "F3A5",
                "F348A5",
                "48AD", // strings
                "0F20C0",
                "0F20D1",
                "0F20D8",
                "410F20E1",
                "0F01F8",
                "0F01CA",
                "0F01CB",
                "0F01EE" // what kernels do at entries
            })
    void hasATranslation(String hex) {
        assertThat(isTranslated(hex, 64)).isTrue();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "660F3800C1",
                "660F380007",
                "660F3A0FC105",
                "660F3817C1",
                "660F381CC1",
                "660F382907",
                "660F3831C1",
                "660F3A160702",
                "660F3810C1",
                "F30FB8C1",
                "F3480FBCC1",
                "F30FBD07",
                "F20F38F1C1"
            })
    void hasATranslationWhereTheHostHasIt(String hex) {
        assumeTrue(HostFeature.SSE4_2.isPresent() && HostFeature.BMI1.isPresent() && HostFeature.LZCNT.isPresent());
        assertThat(isTranslated(hex, 64)).isTrue();
    }

    @ParameterizedTest
    @ValueSource(strings = {"F4", "0F22D8", "CF", "0F3800C1", "A6", "F3AE", "F3AC", "64A4", "6C", "440F20C0"})
    void isLeftToTheInterpreter(String hex) {
        assertThat(isTranslated(hex, 64)).isFalse();
    }

    // ---- what it does -----------------------------------------------------------------------------------------------

    /** Both run the code, after it has been translated; the state is compared. @return the translating one's exit */
    private static Exit run(
            String hex, long place, long budget, Consumer<TestMachine> before, Consumer<TestMachine> then) {
        Translation translation = new Translation(HOT, true, Translation.Target.HOST, 1 << 20);
        try (TestMachine expected = TestMachine.shadow(PagingFeatures.OFFERED, Translation.OFF);
                TestMachine actual = TestMachine.shadow(PagingFeatures.OFFERED, translation)) {
            Exit exit = new Exit.Stopped();
            for (int n = 0; n < WARM; n++) {
                boolean isLast = n == WARM - 1;
                exit = once(actual, hex, place, isLast ? budget : 1000, before);
                assertThat(exit).isEqualTo(once(expected, hex, place, isLast ? budget : 1000, before));
                assertThat(actual.state.gpr).isEqualTo(expected.state.gpr);
                assertThat(actual.state.rip).isEqualTo(expected.state.rip);
                assertThat(actual.state.rflags).isEqualTo(expected.state.rflags);
                assertThat(actual.state.interruptShadow).isEqualTo(expected.state.interruptShadow);
                assertThat(actual.state.instructions).isEqualTo(expected.state.instructions);
                assertThat(actual.processor.tlbCounts()).isEqualTo(expected.processor.tlbCounts());
                assertThat(actual.peek(DATA, 8)).isEqualTo(expected.peek(DATA, 8));
                assertThat(actual.peek(DATA + 8, 8)).isEqualTo(expected.peek(DATA + 8, 8));
            }
            then.accept(actual);
            return exit;
        }
    }

    private static Exit once(TestMachine machine, String hex, long place, long budget, Consumer<TestMachine> before) {
        if (machine.peek(place, 1) == 0) {
            machine.code(place, hex);
        }
        machine.processor.intercept(Intercepts.DEPRIVILEGED);
        machine.processor.pendingTraps(0);
        machine.state.interruptShadow = false;
        machine.state.rflags = RFlags.ALWAYS_ONE;
        machine.state.gpr[RSI] = DATA;
        if (place == USER_SPACE) {
            machine.userMode();
        }
        machine.state.rip = place;
        before.accept(machine);
        return machine.processor.run(budget);
    }

    private static void nothing(TestMachine machine) {
        assertThat(machine.state.rip).isNotZero();
    }

    @Test
    void theShadowOfStiEndsBehindTheNextInstruction() {
        String code = "FB FFC0 FFC3 F4";
        run(
                code,
                CODE,
                1000,
                HostInstructionsTest::nothing,
                m -> assertThat(m.state.interruptShadow).isFalse());
        run(code, CODE, 1, HostInstructionsTest::nothing, m -> {
            assertThat(m.state.interruptShadow).isTrue();
            assertThat(m.processor.isInterruptible()).isFalse();
        });
        run(
                code,
                CODE,
                2,
                HostInstructionsTest::nothing,
                m -> assertThat(m.processor.isInterruptible()).isTrue());
    }

    @Test
    void aFaultInTheShadowOfStiLeavesItThere() {
        Exit exit = run("FB 488B07 90 90 F4", CODE, 1000, m -> m.state.gpr[RDI] = 0x7000_0000, m -> {
            assertThat(m.state.interruptShadow).isTrue();
            assertThat(m.state.rip).isEqualTo(CODE + 1);
        });
        assertThat(exit).isInstanceOf(Exit.PageFault.class);
    }

    @Test
    void stiCastsNoShadowWhereInterruptsAreEnabled() {
        run(
                "FB 488B07 90 90 F4",
                CODE,
                1000,
                m -> {
                    m.state.gpr[RDI] = 0x7000_0000;
                    m.state.rflags |= RFlags.INTERRUPT;
                },
                m -> assertThat(m.state.interruptShadow).isFalse());
    }

    @Test
    void anInterruptComesBehindTheInstructionThatFollowsSti() {
        run("FB FFC0 FFC3 F4", CODE, 1000, m -> {}, m -> {
            m.state.rflags &= ~RFlags.INTERRUPT;
            m.state.rip = CODE;
            m.processor.interruptWindow(true);
            assertThat(m.processor.run(1000)).isEqualTo(new Exit.InterruptWindow());
            assertThat(m.state.rip).isEqualTo(CODE + 3);
        });
    }

    @ParameterizedTest
    @ValueSource(strings = {"FA 90 90 F4", "FB 90 90 F4"})
    void cliAndStiNeedThePrivilege(String code) {
        Exit exit = run(
                code, USER_SPACE, 1000, m -> {}, m -> assertThat(m.state.rip).isEqualTo(USER_SPACE));
        assertThat(exit).isEqualTo(GENERAL_PROTECTION);
        run(
                code,
                USER_SPACE,
                1000,
                m -> m.state.rflags |= RFlags.IO_PRIVILEGE,
                m -> assertThat(m.state.rip).isEqualTo(USER_SPACE + 3));
    }

    /** pushf; or [rsp], rdx; popf: what follows is translated while RDX is 0. */
    @Test
    void popfOfTheTrapFlagIsFollowedByATrap() {
        int[] runs = {0};
        Exit exit = run(
                "9C 48091424 9D FFC0 FFC0 F4",
                CODE,
                1000,
                m -> m.state.gpr[RDX] = ++runs[0] > 2 * (WARM - 1) ? RFlags.TRAP : 0,
                m -> assertThat(m.state.rip).isEqualTo(CODE + 8));
        assertThat(exit).isEqualTo(exception(Vector.DEBUG));
    }

    /** xor dword [rsp], n between PUSHF and POPF, for each bit. */
    @ParameterizedTest
    @ValueSource(longs = {CODE, USER_SPACE})
    void popfChangesWhatThePrivilegeAllows(long place) {
        for (int bit = 0; bit < 22; bit++) {
            if (bit != 8) {
                String mask = HexFormat.of().toHexDigits(Integer.reverseBytes(1 << bit));
                run("9C 813424" + mask + "9D 9C 58 F4", place, 1000, m -> {}, HostInstructionsTest::nothing);
            }
        }
    }

    /** Behind a store that makes the TLB know the page. */
    @ParameterizedTest
    @ValueSource(longs = {0, 1, 8, 0xFF8})
    void cmpxchg16bWantsAnAlignedOperand(long offset) {
        Exit exit = run(
                "8806 480FC70E 90 F4",
                CODE,
                1000,
                m -> m.state.gpr[RSI] = DATA + offset,
                m -> assertThat(m.state.rip).isEqualTo(offset == 0 ? CODE + 8 : CODE + 2));
        assertThat(exit).isEqualTo(offset == 0 ? new Exit.Halt() : GENERAL_PROTECTION);
    }

    @ParameterizedTest
    @ValueSource(longs = {7, 8})
    void cmpxchg16bComparesAndExchangesBothHalves(long high) {
        run(
                "F0480FC70E 9C 5F F4",
                CODE,
                1000,
                m -> {
                    m.poke(DATA, 8, 5);
                    m.poke(DATA + 8, 8, 7);
                    m.state.gpr[RAX] = 5;
                    m.state.gpr[RDX] = high;
                    m.state.gpr[RBX] = 11;
                    m.state.gpr[RCX] = 12;
                },
                m -> {
                    assertThat(m.peek(DATA, 8)).isEqualTo(high == 7 ? 11 : 5);
                    assertThat(m.peek(DATA + 8, 8)).isEqualTo(high == 7 ? 12 : 7);
                    assertThat(m.state.gpr[RDX]).isEqualTo(7);
                    assertThat(m.state.gpr[RDI] & RFlags.ZERO).isEqualTo(high == 7 ? RFlags.ZERO : 0);
                });
    }

    /** Bits −1, −8 × 4096 and 8 × 4096 from [rsi] on: in the page before, and one page away. */
    @ParameterizedTest
    @ValueSource(longs = {-1, -32768, 32768, 1L << 40})
    void aBitStringReachesOtherPages(long index) {
        run(
                "480FAB06 9C 5F F4",
                CODE,
                1000,
                m -> {
                    m.state.gpr[RAX] = index;
                    m.state.gpr[RSI] = DATA + 0x800;
                },
                m -> assertThat(m.state.rip).isEqualTo(index > -32768 && index <= 32768 ? CODE + 7 : CODE));
    }

    @Test
    void selectorsAreThoseInForce() {
        run("668CD8 8CCB 8C16 8CE1 F4", CODE, 1000, m -> m.state.gpr[RAX] = -1, m -> {
            assertThat(m.state.gpr[RBX]).isEqualTo(TestMachine.KERNEL_CODE);
            assertThat(m.peek(DATA, 2)).isEqualTo(TestMachine.KERNEL_DATA);
            assertThat(m.state.gpr[RAX]).isEqualTo(-0x10000);
        });
    }

    @Test
    void vectorsAreNotAvailableWhileTheTaskIsSwitched() {
        Exit exit = run(
                "660F3800C1 90 F4",
                CODE,
                1000,
                m -> m.state.cr0 |= Cr0.TASK_SWITCHED,
                m -> assertThat(m.state.rip).isEqualTo(CODE));
        assertThat(exit).isInstanceOf(Exit.Exception.class);
    }

    @Test
    void aMisalignedOperandOfPshufbFaults() {
        Exit exit = run(
                "8A06 660F380006 90 F4",
                CODE,
                1000,
                m -> m.state.gpr[RSI] = DATA + 8,
                m -> assertThat(m.state.rip).isEqualTo(CODE + 2));
        assertThat(exit).isEqualTo(GENERAL_PROTECTION);
    }

    /** jmp to the next page, which the TLB has forgotten. */
    @Test
    void whereTheBudgetEndsNothingIsLookedFor() {
        run(
                "E9FB0F0000",
                CODE,
                1,
                m -> {
                    if (m.peek(CODE + 0x1000, 1) == 0) {
                        m.code(CODE + 0x1000, "90F4");
                    }
                    m.processor.invalidate(CODE + 0x1000);
                },
                m -> assertThat(m.state.rip).isEqualTo(CODE + 0x1000));
    }

    @Test
    void pushfLeavesForAFaultWithTheStackAsItWas() {
        Exit exit = run(
                "9C 90 F4",
                CODE,
                1000,
                m -> m.state.gpr[RSP] = 0x7000_0000,
                m -> assertThat(m.state.gpr[RSP]).isEqualTo(0x7000_0000));
        assertThat(exit).isInstanceOf(Exit.PageFault.class);
    }

    /** PSHUFB of what is neither aligned nor mapped, and of what is only not mapped. */
    @ParameterizedTest
    @ValueSource(longs = {0x7000_0008, 0x7000_0010})
    void anOperandIsAlignedBeforeItIsMapped(long linear) {
        Exit exit = run(
                "FFC0 660F380006 90 F4",
                CODE,
                1000,
                m -> m.state.gpr[RSI] = linear,
                m -> assertThat(m.state.rip).isEqualTo(CODE + 2));
        Exit missing = new Exit.PageFault(linear, 0, null);
        assertThat(exit).isEqualTo(linear % 16 == 0 ? missing : GENERAL_PROTECTION);
    }

    /** inc eax; mov [rdi], rax; add [rdi], rax; the frame is mapped at the first touch, and taken away before each run. */
    @Test
    void aFaultThatIsFixedIsNoneForTheInstruction() {
        AtomicInteger faults = new AtomicInteger();
        run(
                "FFC0 488907 480107 90 F4",
                CODE,
                1000,
                m -> {
                    m.memory.writeLong(m.entry(0x7000_0000, 1), 0);
                    m.processor.invalidate(0x7000_0000);
                    m.state.gpr[RAX] = 20;
                    m.state.gpr[RDI] = 0x7000_0008;
                    m.processor.faultHandler(new Mapper(m, faults));
                },
                m -> {
                    assertThat(m.peek(0x7000_0008, 8)).isEqualTo(42);
                    assertThat(m.state.rip).isEqualTo(CODE + 10);
                });
        assertThat(faults).hasValue(2 * WARM);
    }

    /** Maps a page, and is told where the instruction is. */
    private record Mapper(TestMachine machine, AtomicInteger faults) implements FaultHandler {
        @Override
        public boolean pageFault(long linear, int code) {
            faults.incrementAndGet();
            assertThat(machine.state.rip).isEqualTo(CODE + 2);
            assertThat(code).isEqualTo(PageFaultCode.WRITE);
            machine.mapTo(linear, 900, TestMachine.RW);
            return true;
        }

        @Override
        public boolean nestedFault(long guestPhysical, int access, long linear) {
            return false;
        }

        @Override
        public boolean readPdptes(long cr3, long[] target) {
            return false;
        }
    }

    // ---- strings ----------------------------------------------------------------------------------------------------

    /** REP MOVSQ of RCX elements from DATA + RBX to DATA + RDX: within a page, to its last byte, over it, over each other. */
    @ParameterizedTest
    @CsvSource({
        "0, 0, 0x800",
        "1, 0, 0x800",
        "16, 0, 8",
        "16, 8, 0",
        "32, 0xF00, 0",
        "33, 0xF00, 0",
        "31, 0xF08, 0x1F08",
        "32, 0, 0x1F00",
        "512, 0, 0x1000",
        "512, 0x1000, 0",
        "511, 0x10, 0x1008",
        "9, 0xFF9, 0x1000",
        "5, 3, 4"
    })
    void aStringIsCopiedElementByElement(int count, String from, String to) {
        long[] sums = new long[2];
        run(
                "488D341E 488D3C16 F348A5 F4",
                CODE,
                1000,
                m -> {
                    for (int at = 0; at < 0x2000; at += 8) {
                        m.poke(DATA + at, 8, at * 0x0101_0101_0101L);
                    }
                    m.state.gpr[RCX] = count;
                    m.state.gpr[RBX] = Long.decode(from);
                    m.state.gpr[RDX] = Long.decode(to) - Long.decode(from);
                },
                m -> {
                    assertThat(m.state.gpr[RCX]).isZero();
                    for (int at = 0; at < 0x2000; at += 8) {
                        sums[0] = sums[0] * 31 + m.peek(DATA + at, 8);
                    }
                });
        byte[] model = new byte[0x2000];
        ByteBuffer words = ByteBuffer.wrap(model).order(ByteOrder.LITTLE_ENDIAN);
        for (int at = 0; at < 0x2000; at += 8) {
            words.putLong(at, at * 0x0101_0101_0101L);
        }
        for (int n = 0; n < count; n++) {
            words.putLong(Integer.decode(to) + 8 * n, words.getLong(Integer.decode(from) + 8 * n));
        }
        for (int at = 0; at < 0x2000; at += 8) {
            sums[1] = sums[1] * 31 + words.getLong(at);
        }
        assertThat(sums[0]).isEqualTo(sums[1]);
    }

    /** rep movsb and movsq between pages that have the same places in the TLB, or others, and rep stosb, of so many bytes that it is made in parts. */
    @ParameterizedTest
    @CsvSource({
        "F3A4 F4, 0x123, 0x456, 20000",
        "F3A4 F4, 0x456, 0x123, 20000",
        "F3A4 F4, 0x123, 0x3456, 20000",
        "F348A5 F4, 0, 0, 512",
        "F3A4 F4, 0xFFF, 1, 0x10000",
        "F348A5 F4, 0x120, 0x458, 5000",
        "F348A5 F4, 0x120, 0x45C, 5000",
        "F3AA F4, 0, 0x123, 0x10000",
        "F3AA F4, 0, 0x123, 0x10001",
        "F3AA F4, 0, 0, 0x18000"
    })
    void aStringGoesOverManyPages(String code, String from, String to, String count) {
        long source = 0x4000_0000L;
        long target = source + ((long) TlbBank.ENTRIES << 12);
        int pages = 26;
        long[] sums = new long[2 * WARM];
        int[] runs = {0};
        run(
                code,
                CODE,
                1000,
                m -> {
                    for (long n = 0; n < pages; n++) {
                        for (long page : new long[] {source + (n << 12), target + (n << 12)}) {
                            if (m.memory.readLong(m.entry(page, 1)) == 0) {
                                m.map(page, TestMachine.RW);
                            }
                        }
                        m.poke(source + (n << 12) + 8 * n, 8, n * 0x0123_4567L);
                        m.poke(target + (n << 12) + 0x800, 8, 0);
                        sums[runs[0]] = sums[runs[0]] * 31 + m.peek(target + (n << 12) + 8 * n, 8);
                    }
                    runs[0]++;
                    m.state.gpr[RAX] = (runs[0] - 1L) / 2 + 3;
                    m.state.gpr[RSI] = source + Long.decode(from);
                    m.state.gpr[RDI] = target + Long.decode(to);
                    m.state.gpr[RCX] = Long.decode(count);
                },
                m -> {
                    assertThat(m.state.gpr[RCX]).isZero();
                    assertThat(m.state.rip).isGreaterThan(CODE + 2);
                });
        for (int n = 0; n < sums.length; n += 2) {
            assertThat(sums[n]).isEqualTo(sums[n + 1]);
        }
    }

    /** std; rep stosd; cld: backward, into the page before. */
    @Test
    void backwardAStringIsLeftToTheInterpreter() {
        run(
                "FD F3AB FC F4",
                CODE,
                1000,
                m -> {
                    m.state.gpr[RCX] = 4;
                    m.state.gpr[RDI] = DATA + 0x1004;
                },
                m -> assertThat(m.state.gpr[RDI]).isEqualTo(DATA + 0xFF4));
    }

    /** rep stosb over the code that follows it, in its own page: the last NOP becomes HLT. */
    @Test
    void aStringThatIsStoredIntoCodeIsSeenThere() {
        Exit exit = run(
                "F3AA 90 90 90 90 90",
                CODE,
                1000,
                m -> {
                    m.poke(CODE + 5, 2, 0x9090);
                    m.state.gpr[RAX] = 0xF4;
                    m.state.gpr[RCX] = 1;
                    m.state.gpr[RDI] = CODE + 6;
                },
                m -> assertThat(m.state.rip).isEqualTo(CODE + 7));
        assertThat(exit).isEqualTo(new Exit.Halt());
    }

    /** A store makes the TLB know DATA; DATA + 0x2000 is not mapped: the first 0x200 elements are stored. */
    @Test
    void aFaultInAStringComesAtItsElement() {
        Exit exit = run(
                "8806 F348AB 90 F4",
                CODE,
                1000,
                m -> {
                    m.state.gpr[RAX] = 5;
                    m.state.gpr[RCX] = 0x210;
                    m.state.gpr[RDI] = DATA + 0x1000;
                },
                m -> {
                    assertThat(m.state.gpr[RCX]).isEqualTo(0x10);
                    assertThat(m.state.gpr[RDI]).isEqualTo(DATA + 0x2000);
                    assertThat(m.state.rip).isEqualTo(CODE + 2);
                });
        assertThat(exit).isInstanceOf(Exit.PageFault.class);
    }

    // ---- what kernels do at entries ---------------------------------------------------------------------------------

    /** mov rax, cr0; mov rbx, cr2; mov rdx, cr3; mov rdi, cr4 */
    @Test
    void controlRegistersAreRead() {
        run("0F20C0 0F20D3 0F20DA 0F20E7 F4", CODE, 1000, m -> m.state.cr2 = 0x1234_5678_9ABCL, m -> {
            assertThat(m.state.gpr[RAX]).isEqualTo(m.state.cr0);
            assertThat(m.state.gpr[RBX]).isEqualTo(0x1234_5678_9ABCL);
            assertThat(m.state.gpr[RDX]).isEqualTo(m.state.cr3);
            assertThat(m.state.gpr[RDI]).isEqualTo(m.state.cr4);
        });
    }

    @ParameterizedTest
    @ValueSource(strings = {"0F20C0 90 F4", "0F20D8 90 F4", "0F01F8 90 F4"})
    void userCodeMayNot(String code) {
        Exit exit = run(
                code, USER_SPACE, 1000, m -> {}, m -> assertThat(m.state.rip).isEqualTo(USER_SPACE));
        assertThat(exit).isEqualTo(GENERAL_PROTECTION);
    }

    /** CLAC and STAC; pushf; pop rax. */
    @ParameterizedTest
    @CsvSource({"0F01CA, false", "0F01CA, true", "0F01CB, false", "0F01CB, true"})
    void alignmentFlagIsClearedAndSet(String code, boolean isSet) {
        long before = isSet ? RFlags.ALIGNMENT_CHECK : 0;
        long after = code.equals("0F01CB") ? RFlags.ALIGNMENT_CHECK : 0;
        run(
                code + "9C 58 F4",
                CODE,
                1000,
                m -> m.state.rflags |= before,
                m -> assertThat(m.state.gpr[RAX] & RFlags.ALIGNMENT_CHECK).isEqualTo(after));
        Exit exit = run(
                code + "90 F4",
                USER_SPACE,
                1000,
                m -> m.state.rflags |= before,
                m -> assertThat(m.state.rip).isEqualTo(USER_SPACE));
        assertThat(exit).isEqualTo(exception(Vector.INVALID_OPCODE));
    }

    @Test
    void swapGsExchangesTheBases() {
        run(
                "0F01F8 65488B06 F4",
                CODE,
                1000,
                m -> {
                    m.poke(DATA + 8, 8, 77);
                    m.state.segments[VcpuState.GS].base = 5;
                    m.state.kernelGsBase = 8;
                },
                m -> {
                    assertThat(m.state.gpr[RAX]).isEqualTo(77);
                    assertThat(m.state.kernelGsBase).isEqualTo(5);
                });
    }

    @ParameterizedTest
    @ValueSource(longs = {0, 1})
    void rdpkruWantsKeysAndZero(long ecx) {
        Exit exit = run(
                "0F01EE 90 F4",
                CODE,
                1000,
                m -> {
                    m.state.cr4 |= Cr4.PROTECTION_KEYS;
                    m.state.pkru = 0xC;
                    m.state.gpr[RCX] = ecx;
                    m.state.gpr[RDX] = -1;
                },
                m -> {
                    assertThat(m.state.gpr[RDX]).isEqualTo(ecx == 0 ? 0 : -1);
                    assertThat(m.state.rip).isEqualTo(ecx == 0 ? CODE + 5 : CODE);
                });
        assertThat(exit).isEqualTo(ecx == 0 ? new Exit.Halt() : GENERAL_PROTECTION);
    }

    @Test
    void rdpkruIsUnknownWithoutKeys() {
        Exit exit = run("0F01EE 90 F4", CODE, 1000, m -> m.state.cr4 &= ~Cr4.PROTECTION_KEYS, m -> {});
        assertThat(exit).isEqualTo(exception(Vector.INVALID_OPCODE));
    }
}
