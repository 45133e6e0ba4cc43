package io.umbra.vmm;

import static org.assertj.core.api.Assertions.assertThat;

import io.umbra.vmm.apic.ApicModelRegisters;
import io.umbra.vmm.device.CmosRtc;
import io.umbra.vmm.loader.MemoryMap;
import io.umbra.vmm.state.Persistent;
import io.umbra.vmm.state.StateException;
import io.umbra.vmm.state.StateFormat;
import io.umbra.x86.VcpuState;
import java.io.ByteArrayOutputStream;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

/**
 * Devices that were brought into any state, saved, and restored into other devices: whatever is done to both from then on, they answer alike. {@code -Dumbra.sequences} and {@code -Dumbra.seed}
 * choose how often, and what is done.
 */
class PlatformStateTest {
    private static final int SEQUENCES = Integer.getInteger("umbra.sequences", 400);
    private static final long SEED = Long.getLong("umbra.seed", 1);
    private static final int STEPS = 250;

    private static final int[] PORTS = {
        0x20, 0x21, 0xA0, 0xA1, 0x4D0, 0x4D1, 0x40, 0x41, 0x42, 0x43, 0x61, 0x60, 0x64, 0x92, 0x70, 0x71, 0x3F8, 0x3F9,
        0x3FA, 0x3FB, 0x3FC, 0x3FD, 0x3FE, 0x3FF, 0x600, 0x601, 0x602, 0x603, 0x604, 0x605, 0x608, 0x511, 0xE0, 0xE2,
        0x2001, 0x2003, 0x2005, 0x2009, 0x200C, 0x3D4, 0x3D5, 0x3D9, 0x3DA, 0xCF9
    };
    private static final int[] MODEL_REGISTERS = {
        0x1B, 0x6E0, 0x802, 0x808, 0x80B, 0x80F, 0x832, 0x838, 0x839, 0x83E, 0x83F
    };

    private static final class Machine {
        final VcpuState state = new VcpuState();
        final ByteArrayOutputStream console = new ByteArrayOutputStream();
        final Platform platform = new Platform(
                new MemoryMap(64 << 20), CmosRtc.DEFAULT_START, state, () -> state.instructions, console::write);

        /** Does something. @return all that can be seen of it */
        String step(SplittableRandom random) {
            long answer = 0;
            int port = PORTS[random.nextInt(PORTS.length)];
            switch (random.nextInt(12)) {
                case 0, 1, 2 -> platform.ports.write(port, 1, random.nextInt(256));
                case 3, 4 -> answer = platform.ports.read(port, 1);
                case 5 -> {
                    int register = 16 * random.nextInt(0x40);
                    platform.memory.write(ApicModelRegisters.DEFAULT_BASE + register, 4, value(random));
                    answer = platform.memory.read(ApicModelRegisters.DEFAULT_BASE + register, 4);
                }
                case 6 -> {
                    platform.memory.write(0xFEC0_0000L, 4, random.nextInt(0x40));
                    platform.memory.write(0xFEC0_0010L, 4, value(random) & 0x1_A8FF);
                    answer = platform.memory.read(0xFEC0_0010L, 4);
                }
                case 7 -> advance(random.nextInt(20) == 0 ? 1_300_000_000 : random.nextLong(200_000));
                case 8 -> {
                    int index = MODEL_REGISTERS[random.nextInt(MODEL_REGISTERS.length)];
                    long value = index == 0x1B ? 0xFEE0_0900L | (random.nextInt(4) == 0 ? 0x400 : 0) : value(random);
                    answer = platform.apicRegisters.write(index, value) ? 1 : 0;
                    answer = 31 * answer + platform.apicRegisters.read(index).orElse(-1);
                }
                case 9 -> {
                    platform.serial.receive(
                            random.nextInt(5) == 0 ? new byte[] {'a', 'b', (byte) random.nextInt()} : new byte[0]);
                    answer = platform.serial.freeSpace();
                }
                case 10 -> answer = platform.hasInterrupt() ? platform.acknowledge() : -1;
                default -> {
                    platform.ports.write(0x510, 2, random.nextInt(0x22));
                    platform.memory.write(0xFF00_0000L + random.nextInt(0x1_0000), 1, random.nextInt(256));
                    answer = platform.memory.read(0xFF00_0000L + random.nextInt(0x1_0000), 1);
                }
            }
            return "%x, interrupt %s, NMI %s %s, next event %d, CR8 %d, %d printed"
                    .formatted(
                            answer,
                            platform.hasInterrupt(),
                            platform.apic.hasNmi(),
                            platform.mayCauseNmi(),
                            platform.clock.nextEvent(),
                            state.cr8,
                            console.size());
        }

        private static long value(SplittableRandom random) {
            return switch (random.nextInt(4)) {
                case 0 -> random.nextInt(0x10, 0x100);
                case 1 -> random.nextInt(0x100) << 16;
                case 2 -> random.nextInt() & 0xFFFF_FFFFL;
                default -> random.nextInt(200_000);
            };
        }

        private void advance(long nanoseconds) {
            state.instructions += nanoseconds;
            platform.clock.advanceTo(state.instructions);
        }
    }

    @Test
    void restoredDevicesAnswerAsThoseThatWereSaved() throws StateException {
        for (int sequence = 0; sequence < SEQUENCES; sequence++) {
            long seed = SEED * 1_000_003 + sequence;
            SplittableRandom random = new SplittableRandom(seed);
            Machine saved = new Machine();
            for (int step = random.nextInt(STEPS); step > 0; step--) {
                saved.step(random);
            }
            Machine restored = new Machine();
            StateFormat.read(StateFormat.write(saved.platform.parts()), restored.platform.parts());
            restored.state.instructions = saved.state.instructions;
            restored.state.cr8 = saved.state.cr8;
            restored.console.writeBytes(saved.console.toByteArray());
            SplittableRandom same = random.split();
            long start = same.nextLong();
            SplittableRandom first = new SplittableRandom(start);
            SplittableRandom second = new SplittableRandom(start);
            for (int step = 0; step < STEPS; step++) {
                assertThat(restored.step(second))
                        .as("seed %d, step %d", seed, step)
                        .isEqualTo(saved.step(first));
            }
            assertThat(restored.console.toByteArray()).isEqualTo(saved.console.toByteArray());
        }
    }

    @Test
    void everyPartHasANameOfItsOwnAndWritesSomething() {
        List<Persistent> parts = new Machine().platform.parts();
        assertThat(parts.stream().map(Persistent::stateName)).doesNotHaveDuplicates();
        assertThat(parts)
                .allSatisfy(part -> assertThat(StateFormat.write(List.of(part)).length)
                        .as(part.stateName())
                        .isGreaterThan(12 + part.stateName().length()));
    }
}
