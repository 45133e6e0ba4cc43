package io.umbra.processor;

import static io.umbra.processor.TestMachine.CODE;
import static io.umbra.processor.TestMachine.DATA;
import static org.assertj.core.api.Assertions.assertThat;

import io.umbra.x86.Cr0;
import io.umbra.x86.Cr4;
import io.umbra.x86.Exit;
import io.umbra.x86.FaultHandler;
import io.umbra.x86.RFlags;
import io.umbra.x86.VcpuState;
import io.umbra.x86.Vector;
import java.util.Random;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;

/** Gathers of which some elements fault: what is complete then, and that they go on from there. */
class GatherTest {
    private static final long SEED = Long.getLong("umbra.seed", 1);
    /** {@code [rax + xmm1 * 1]} to register 0, under mask 2; an index of 4 bytes. */
    private static final String VPGATHERDD = "c4e26d900408", VPGATHERDQ = "c4e2ed900408";

    private static final long ABSENT = 0x70_0000;

    /** One word of the destination and of the mask for each element; from the manual's own pseudo-code. */
    private static final class Definition {
        final long[] destination;
        final long[] mask;
        final int bits;

        Definition(long[] destination, long[] mask, int bits) {
            this.destination = destination;
            this.mask = mask;
            this.bits = bits;
        }

        /** @return the address that faults, or -1 */
        long run(long base, int[] indices, Workbench bench) {
            for (int i = 0; i < mask.length; i++) {
                mask[i] = mask[i] >>> bits - 1 == 0 ? 0 : -1L >>> 64 - bits;
            }
            for (int i = 0; i < mask.length; i++) {
                long address = base + indices[i];
                if (mask[i] != 0) {
                    if (address + bits / 8 > bench.end) {
                        return address;
                    }
                    destination[i] = bench.get(address, bits / 8);
                    mask[i] = 0;
                }
            }
            return -1;
        }
    }

    private static long[] elements(VcpuState state, int register, int bits) {
        long[] quarters = {
            state.xmm[2 * register],
            state.xmm[2 * register + 1],
            state.ymmHigh[2 * register],
            state.ymmHigh[2 * register + 1]
        };
        long[] all = new long[256 / bits];
        for (int i = 0; i < all.length; i++) {
            all[i] = quarters[i * bits / 64] >>> i * bits % 64 & -1L >>> 64 - bits;
        }
        return all;
    }

    @Test
    void progressIsTheDefinitionsWhereverAnElementFaults() {
        Random random = new Random(SEED);
        int faults = 0;
        try (Workbench bench = new Workbench(64)) {
            VcpuState state = bench.state;
            state.cr0 = Cr0.PROTECTION;
            state.cr4 = Cr4.XSAVE;
            state.xcr0 = 7;
            for (long at = Workbench.BASE; at < bench.end; at += 8) {
                bench.put(at, 8, random.nextLong());
            }
            for (int n = 0; n < 3000; n++) {
                bench.end = Workbench.BASE + 8192;
                int bits = random.nextBoolean() ? 32 : 64;
                int[] indices = new int[8];
                for (int i = 0; i < 8; i++) {
                    indices[i] = random.nextInt(random.nextInt(3) == 0 ? 12000 : 8000);
                }
                for (int i = 0; i < 4; i++) {
                    (i < 2 ? state.xmm : state.ymmHigh)[2 + (i & 1)] =
                            indices[2 * i] & 0xFFFF_FFFFL | (long) indices[2 * i + 1] << 32;
                    (i < 2 ? state.xmm : state.ymmHigh)[i & 1] = random.nextLong();
                    (i < 2 ? state.xmm : state.ymmHigh)[4 + (i & 1)] = random.nextLong();
                }
                state.gpr[VcpuState.RAX] = Workbench.BASE;
                Definition definition = new Definition(elements(state, 0, bits), elements(state, 2, bits), bits);
                for (int round = 0; round < 2; round++) {
                    long expected = definition.run(Workbench.BASE, indices, bench);
                    int vector = bench.vectorOf(bits == 32 ? VPGATHERDD : VPGATHERDQ);
                    assertThat(vector).as("seed %d case %d", SEED, n).isEqualTo(expected < 0 ? -1 : Vector.PAGE_FAULT);
                    if (expected >= 0) {
                        faults++;
                        assertThat(bench.cpu.exception.linear).isEqualTo(expected);
                    }
                    assertThat(elements(state, 0, bits)).as("case %d", n).isEqualTo(definition.destination);
                    assertThat(elements(state, 2, bits)).as("case %d", n).isEqualTo(definition.mask);
                    bench.end = Workbench.BASE + Workbench.BYTES;
                }
            }
        }
        assertThat(faults).isBetween(300, 2700);
    }

    private static TestMachine machine(TestMachine machine) {
        machine.state.cr4 |= Cr4.XSAVE;
        machine.state.xcr0 = 7;
        machine.code(CODE, VPGATHERDD + "F4");
        machine.poke(DATA, 4, 0x1111);
        machine.poke(DATA + 4, 4, 0x2222);
        machine.state.gpr[VcpuState.RAX] = DATA;
        int far = (int) (ABSENT - DATA);
        int[] indices = {0, far, 4, far + 0x1000, 0, far + 8, 4, 0};
        for (int i = 0; i < 4; i++) {
            (i < 2 ? machine.state.xmm : machine.state.ymmHigh)[2 + (i & 1)] =
                    indices[2 * i] & 0xFFFF_FFFFL | (long) indices[2 * i + 1] << 32;
            (i < 2 ? machine.state.xmm : machine.state.ymmHigh)[4 + (i & 1)] = -1;
        }
        machine.state.ymmHigh[5] = 0x8000_0000L;
        return machine;
    }

    private static void expectAll(VcpuState state) {
        assertThat(state.xmm[0]).isEqualTo(0x1111L | 0x3333L << 32);
        assertThat(state.xmm[1]).isEqualTo(0x2222L | 0x4444L << 32);
        assertThat(state.ymmHigh[0]).isEqualTo(0x1111L | 0x5555L << 32);
        assertThat(state.ymmHigh[1]).isEqualTo(0x2222L);
        assertThat(state.xmm[4] | state.xmm[5] | state.ymmHigh[4] | state.ymmHigh[5])
                .isZero();
    }

    private static void mapAbsent(TestMachine machine, long linear) {
        machine.map(linear & -4096L, TestMachine.RW);
        if (linear < ABSENT + 0x1000) {
            machine.poke(ABSENT, 4, 0x3333);
            machine.poke(ABSENT + 8, 4, 0x5555);
        } else {
            machine.poke(ABSENT + 0x1000, 4, 0x4444);
        }
    }

    @Test
    void faultsThatAreFixedInPlaceAreNotSeen() {
        try (TestMachine machine = machine(TestMachine.shadow())) {
            TreeSet<Long> seen = new TreeSet<>();
            machine.processor.faultHandler(new FaultHandler() {
                @Override
                public boolean pageFault(long linear, int code) {
                    seen.add(linear);
                    mapAbsent(machine, linear);
                    return true;
                }

                @Override
                public boolean nestedFault(long guestPhysical, int access, long linear) {
                    return false;
                }

                @Override
                public boolean readPdptes(long cr3, long[] target) {
                    return true;
                }
            });
            assertThat(machine.run()).isInstanceOf(Exit.Halt.class);
            assertThat(seen).containsExactly(ABSENT, ABSENT + 0x1000);
            expectAll(machine.state);
        }
    }

    @Test
    void theGuestsHandlerFindsWhatIsCompleteAndResumes() {
        try (TestMachine machine = machine(TestMachine.native64())) {
            VcpuState state = machine.state;
            machine.gate(Vector.PAGE_FAULT, 0, 0);
            machine.gate(Vector.DEBUG, 0, 0);
            long handler = TestMachine.HANDLERS + 16L * Vector.PAGE_FAULT;
            machine.code(handler, "F4 4883C408 48CF"); // hlt; add rsp,8; iretq
            machine.code(TestMachine.HANDLERS + 16L * Vector.DEBUG, "F4");
            state.rflags |= RFlags.TRAP;
            long stack = state.gpr[VcpuState.RSP];

            assertThat(machine.run()).isInstanceOf(Exit.Halt.class);
            assertThat(state.cr2).isEqualTo(ABSENT);
            assertThat(state.xmm[0]).isEqualTo(0x1111);
            assertThat(state.xmm[4]).isEqualTo(0xFFFF_FFFF_0000_0000L);
            assertThat(state.ymmHigh[5]).isEqualTo(0xFFFF_FFFFL);
            assertThat(machine.peek(stack - 24, 8) & (RFlags.RESUME | RFlags.TRAP))
                    .isEqualTo(RFlags.RESUME | RFlags.TRAP);
            assertThat(machine.peek(stack - 40, 8)).isEqualTo(CODE);
            mapAbsent(machine, ABSENT);

            assertThat(machine.run()).isInstanceOf(Exit.Halt.class);
            assertThat(state.cr2).isEqualTo(ABSENT + 0x1000);
            assertThat(state.xmm[5]).isEqualTo(0xFFFF_FFFF_0000_0000L);
            mapAbsent(machine, ABSENT + 0x1000);

            assertThat(machine.run()).isInstanceOf(Exit.Halt.class);
            expectAll(state);
            assertThat(state.rip).isEqualTo(TestMachine.HANDLERS + 16L * Vector.DEBUG + 1);
            assertThat(machine.peek(stack - 40, 8)).isEqualTo(CODE + 6);
        }
    }
}
