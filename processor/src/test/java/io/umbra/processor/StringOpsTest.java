package io.umbra.processor;

import static org.assertj.core.api.Assertions.assertThat;

import io.umbra.x86.RFlags;
import io.umbra.x86.VcpuState;
import java.util.Locale;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** Strings: the short cuts against the definition, which makes one iteration after the other. */
class StringOpsTest {
    private static final long SEED = 20260104;
    private static final String[] INSTRUCTIONS = {
        "f3 a4", "f3 66 a5", "f3 a5", "f3 48 a5", "f3 aa", "f3 66 ab", "f3 ab", "f3 48 ab", "f3 ac", "f3 48 ad",
                "f3 a6", "f2 a6",
        "f3 a7", "f2 48 a7", "f3 ae", "f2 ae", "f3 af", "f2 66 af", "f3 67 a4", "f3 67 ab", "a4", "48 ab", "a6", "af"
    };

    @Test
    void shortCutsLeaveWhatSingleIterationsLeave() {
        Random random = new Random(SEED);
        try (Workbench fast = new Workbench(64).withTlb();
                Workbench slow = new Workbench(64)) {
            for (int round = 0; round < 4000; round++) {
                String instruction = INSTRUCTIONS[random.nextInt(INSTRUCTIONS.length)];
                long seed = random.nextLong();
                prepare(fast, new Random(seed));
                prepare(slow, new Random(seed));
                String context = String.format(Locale.ROOT, "%s, seed %d, round %d", instruction, SEED, round);
                assertThat(toTheEnd(fast, instruction)).as(context).isEqualTo(toTheEnd(slow, instruction));
                assertThat(fast.snapshot()).as(context).isEqualTo(slow.snapshot());
            }
        }
    }

    private static void prepare(Workbench bench, Random random) {
        byte[] contents = new byte[Workbench.BYTES];
        random.nextBytes(contents);
        if (random.nextBoolean()) {
            for (int i = 0; i < contents.length; i++) {
                contents[i] = (byte) (contents[i] == 5 ? 1 : 0);
            }
        }
        bench.fill(contents);
        for (int i = 0; i < 16; i++) {
            bench.cpu.gpr[i] = random.nextLong();
        }
        boolean uniform = random.nextBoolean();
        bench.cpu.gpr[VcpuState.RAX] = uniform ? 0 : random.nextLong();
        bench.cpu.gpr[VcpuState.RCX] = random.nextInt(random.nextBoolean() ? 40 : 9000);
        bench.cpu.gpr[VcpuState.RSI] = Workbench.BASE + random.nextInt(Workbench.BYTES);
        long distance = random.nextInt(100) - 50L;
        bench.cpu.gpr[VcpuState.RDI] = random.nextBoolean()
                ? bench.cpu.gpr[VcpuState.RSI] + distance
                : Workbench.BASE + random.nextInt(Workbench.BYTES);
        bench.flags(RFlags.ALWAYS_ONE | (random.nextInt(4) == 0 ? RFlags.DIRECTION : 0));
    }

    private static int toTheEnd(Workbench bench, String instruction) {
        Op op = bench.make(instruction);
        bench.cpu.ripBase = Workbench.RIP;
        try {
            do {
                op.execute(bench.cpu);
            } while (bench.cpu.repeatAgain);
            return -1;
        } catch (GuestException fault) {
            return fault.vector;
        }
    }

    @Test
    void aTargetInsideOfTheSourceRepeatsWhatIsBetween() {
        try (Workbench bench = new Workbench(64).withTlb()) {
            bench.put(Workbench.BASE, 3, 0xCCBBAA);
            strings(bench, Workbench.BASE, Workbench.BASE + 3, 9);
            bench.execute("f3 a4");
            assertThat(bench.get(Workbench.BASE, 8)).isEqualTo(0xBBAA_CCBB_AACC_BBAAL);
            assertThat(bench.get(Workbench.BASE + 8, 8)).isEqualTo(0xCCBBAACCL);
        }
    }

    @Test
    void aFaultLeavesTheIterationsBeforeIt() {
        try (Workbench bench = new Workbench(64)) {
            bench.end = Workbench.BASE + 2 * 4096;
            bench.withTlb();
            strings(bench, Workbench.BASE, bench.end - 24, 10);
            assertThat(bench.vectorOf("f3 48 a5")).isEqualTo(Workbench.PAGE_FAULT);
            assertThat(bench.cpu.gpr[VcpuState.RCX]).isEqualTo(7);
            assertThat(bench.cpu.gpr[VcpuState.RSI]).isEqualTo(Workbench.BASE + 24);
            assertThat(bench.cpu.gpr[VcpuState.RDI]).isEqualTo(bench.end);
        }
    }

    @Test
    void emulationAndSingleSteppingMakeOneIteration() {
        try (Workbench bench = new Workbench(64).withTlb()) {
            for (int i = 0; i < 2; i++) {
                bench.cpu.emulating = i == 0;
                bench.flags(i == 0 ? 0 : RFlags.TRAP);
                strings(bench, Workbench.BASE, Workbench.BASE + 64, 2);
                bench.execute("f3 a4");
                assertThat(bench.cpu.gpr[VcpuState.RCX]).isEqualTo(1);
                assertThat(bench.cpu.repeatAgain).isTrue();
                assertThat(bench.cpu.rip).isEqualTo(Workbench.RIP);
                bench.execute("f3 a4");
                assertThat(bench.cpu.repeatAgain).isFalse();
                assertThat(bench.cpu.rip).isEqualTo(Workbench.RIP + 2);
            }
        }
    }

    @Test
    void aCountOfZeroDoesNothing() {
        try (Workbench bench = new Workbench(64)) {
            strings(bench, 0, 0, 0);
            bench.flags(RFlags.ZERO);
            bench.execute("f2 ae");
            assertThat(bench.cpu.gpr[VcpuState.RDI]).isZero();
            assertThat(bench.flags() & RFlags.STATUS).isEqualTo(RFlags.ZERO);
            assertThat(bench.cpu.rip).isEqualTo(Workbench.RIP + 2);
        }
    }

    @Test
    void sixteenBitAddressesWrapAndKeepTheUpperHalves() {
        try (Workbench bench = new Workbench(16)) {
            bench.state.segments[VcpuState.ES].base = Workbench.BASE;
            bench.cpu.gpr[VcpuState.RAX] = 0x5A;
            bench.cpu.gpr[VcpuState.RDI] = 0x7777_0000L;
            bench.cpu.gpr[VcpuState.RCX] = 0x9999_0001L;
            bench.flags(RFlags.DIRECTION);
            bench.execute("f3 aa");
            assertThat(bench.get(Workbench.BASE, 1)).isEqualTo(0x5A);
            assertThat(bench.cpu.gpr[VcpuState.RDI]).isEqualTo(0x7777_FFFFL);
            assertThat(bench.cpu.gpr[VcpuState.RCX]).isEqualTo(0x9999_0000L);
        }
    }

    private static void strings(Workbench bench, long source, long target, long count) {
        bench.cpu.gpr[VcpuState.RSI] = source;
        bench.cpu.gpr[VcpuState.RDI] = target;
        bench.cpu.gpr[VcpuState.RCX] = count;
    }
}
