package io.umbra.vmm;

import static org.assertj.core.api.Assertions.assertThat;

import io.umbra.processor.Translation;
import io.umbra.vmm.loader.GuestImage;
import io.umbra.x86.VcpuState;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.HexFormat;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Ports that are read without leaving the guest. */
class QuietPortsTest {
    private static final int TICKS = 0x1234;
    /** IN, TEST, JZ. */
    private static final int LOOP = 3;

    private static final int OUTS = 4;

    private static final long LOAD = 1 << 20;
    private static final int HEADER = 32;

    /** The gate of counter 2, mode 0, a count; and then until its output is high. RDTSC counts instructions. */
    private static final String CODE = "B001E661 B0B0E643 B034E642 B012E642 0F31 89C3 E461A82074FA 0F31 F4";

    private static byte[] guest() {
        byte[] code = HexFormat.of().parseHex(CODE.replace(" ", ""));
        return ByteBuffer.allocate(HEADER + code.length)
                .order(ByteOrder.LITTLE_ENDIAN)
                .put("UMBRAFLT".getBytes(StandardCharsets.US_ASCII))
                .putLong(LOAD)
                .putLong(LOAD + HEADER)
                .putLong(0)
                .put(code)
                .array();
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void aLoopThatWaitsForTheTimerEndsWhenItIsDue(boolean translates) throws Exception {
        DomainConfig config = DomainConfig.of(16 << 20).with(translates ? Translation.fastest() : Translation.OFF);
        try (Domain domain = new Domain(config, printed -> {}, ConsoleInput.none())) {
            domain.load(GuestImage.recognise(guest(), "waits"), "", null);
            domain.limit(100_000_000);

            assertThat(domain.run()).isInstanceOf(GuestEnd.PoweredOff.class);

            VcpuState state = domain.state();
            long waited = state.gpr[VcpuState.RAX] - state.gpr[VcpuState.RBX];
            long due = TICKS * 1_000_000_000L / 1_193_182;
            assertThat(waited).isBetween(due - 1000, due + 1000);
            long reads = (waited - 2) / LOOP;
            assertThat(domain.processorCounts().get(ProcessorCounter.EXIT_PORT)).isEqualTo(OUTS + reads);
        }
    }
}
