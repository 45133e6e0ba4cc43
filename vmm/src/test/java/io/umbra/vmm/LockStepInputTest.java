package io.umbra.vmm;

import static org.assertj.core.api.Assertions.assertThat;

import io.umbra.processor.Translation;
import io.umbra.vmm.loader.GuestImage;
import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.HexFormat;
import org.junit.jupiter.api.Test;

/** What comes from outside while two machines run in lock-step: both get it at the same moment of their runs, or the comparisons would tell. */
class LockStepInputTest {
    /** Prints what it reads from its serial port, up to a q. */
    private static final String ECHO = "66bafc03" // mov dx, 0x3fc: ready to receive
            + "b003" // mov al, 3
            + "ee" // out dx, al
            + "66bafb03" // mov dx, 0x3fb: 8 bits a character
            + "ee" // out dx, al
            + "66bafd03" // again: mov dx, 0x3fd
            + "ec" // in al, dx
            + "a801" // test al, 1
            + "74f7" // jz again
            + "66baf803" // mov dx, 0x3f8
            + "ec" // in al, dx
            + "ee" // out dx, al
            + "3c71" // cmp al, 'q'
            + "75ed" // jne again
            + "31c0" // xor eax, eax
            + "e6f4"; // out 0xf4, al
    /** Counts for ever. */
    private static final String COUNT = "48ffc0ebfb";
    /** Halts with interrupts enabled, of which none ever comes. */
    private static final String HALT = "fbf4ebfd";

    /** So that a test that fails ends. */
    private static final long LIMIT = 20_000_000;

    private static LockStep machine(String code, ByteArrayOutputStream console, ConsoleInput input, Runnable onPrinted)
            throws Exception {
        DomainConfig config = DomainConfig.of(4 << 20)
                .with(new Translation(1, true, Translation.fastest().target(), 1 << 20));
        byte[] program = HexFormat.of().parseHex(code);
        byte[] image = ByteBuffer.allocate(32 + program.length)
                .order(ByteOrder.LITTLE_ENDIAN)
                .put("UMBRAFLT".getBytes(StandardCharsets.US_ASCII))
                .putLong(0x10_0000)
                .putLong(0x10_0020)
                .putLong(0)
                .put(program)
                .array();
        LockStep both = LockStep.of(
                (role, printed, typed) -> {
                    Domain domain = new Domain(role.of(config), printed, typed);
                    domain.load(GuestImage.recognise(image, "program"), "", null);
                    return domain;
                },
                value -> {
                    console.write(value);
                    onPrinted.run();
                },
                input,
                new LockStepPlan(0, 1000, 10_000));
        both.limit(LIMIT);
        return both;
    }

    @Test
    void whatIsTypedReachesBoth() throws Exception {
        ConsoleInput input = new ConsoleInput();
        ByteArrayOutputStream console = new ByteArrayOutputStream();
        byte[] line = "type on ".getBytes(StandardCharsets.US_ASCII);
        try (LockStep both = machine(ECHO, console, input, () -> {
            if (console.size() == 80) {
                input.type(new byte[] {'q'});
            } else if (console.size() % line.length == 0) {
                input.type(line);
            }
        })) {
            Thread typist = Thread.ofPlatform().start(() -> input.type(line));
            assertThat(both.run()).isEqualTo(new GuestEnd.DebugExit(0));
            typist.join();
            assertThat(console.toString(StandardCharsets.US_ASCII)).isEqualTo("type on ".repeat(10) + "q");
            assertThat(both.comparisons()).isPositive();
        }
    }

    @Test
    void aRunThatIsStoppedFromOutsideIsComparedAtItsEnd() throws Exception {
        GuestEnd enough = new GuestEnd.Stopped("enough");
        try (LockStep both = machine(COUNT, new ByteArrayOutputStream(), new ConsoleInput(), () -> {})) {
            Thread user = Thread.ofPlatform().start(() -> stopAfter(5000, both, enough));
            assertThat(both.run()).isEqualTo(enough);
            user.join();
            assertThat(both.twin().instructions()).isEqualTo(both.domain().instructions());
        }
    }

    private static void stopAfter(long instructions, LockStep both, GuestEnd reason) {
        try {
            while (both.domain().instructions() < instructions) {
                Thread.sleep(1);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        both.stop(reason);
    }

    @Test
    void aGuestThatHaltsForEverCanBeStoppedToo() throws Exception {
        GuestEnd enough = new GuestEnd.Stopped("enough");
        try (LockStep both = machine(HALT, new ByteArrayOutputStream(), new ConsoleInput(), () -> {})) {
            Thread user = Thread.ofPlatform().start(() -> both.stop(enough));
            assertThat(both.run()).isEqualTo(enough);
            user.join();
            assertThat(both.comparisons()).isEqualTo(1);
        }
    }

    @Test
    void aGuestThatHaltsForEverWithoutInputCrashesInBoth() throws Exception {
        try (LockStep both = machine(HALT, new ByteArrayOutputStream(), ConsoleInput.none(), () -> {})) {
            assertThat(both.run()).isInstanceOf(GuestEnd.Crashed.class);
            assertThat(both.comparisons()).isEqualTo(1);
        }
    }
}
