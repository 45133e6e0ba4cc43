package io.umbra.vmm;

import static org.assertj.core.api.Assertions.assertThat;

import io.umbra.vmm.DomainConfig.PagingKind;
import io.umbra.vmm.loader.GuestImage;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.HexFormat;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class TextScreenTest {
    /** Writes "Um" to the first line, a smile to the second and a corner to the last cell; then starts the screen at a cell, and leaves. */
    private static byte[] code(int start) {
        return HexFormat.of()
                .parseHex(
                        "48c7c700800b00" // mov rdi, 0xb8000
                                + "c70755076d07" // mov dword [rdi], "Um"
                                + "66c787a00000000107" // mov word [rdi + 160], 0x0701
                                + "66c7879e0f0000d907" // mov word [rdi + 3998], 0x07d9
                                + "66bad403" // mov dx, 0x3d4
                                + "66b80c00" // mov ax, 12
                                + "66ef" // out dx, ax
                                + "66b80d" // mov ax, 13 and the start's lower half
                                + HexFormat.of().toHexDigits((byte) start)
                                + "66ef"
                                + "31c0e6f4"); // xor eax, eax; out 0xf4, al
    }

    private static String screen(PagingKind paging, int start) throws Exception {
        byte[] code = code(start);
        byte[] image = ByteBuffer.allocate(32 + code.length)
                .order(ByteOrder.LITTLE_ENDIAN)
                .put("UMBRAFLT".getBytes(StandardCharsets.US_ASCII))
                .putLong(0x10_0000)
                .putLong(0x10_0020)
                .putLong(0)
                .put(code)
                .array();
        DomainConfig plain = DomainConfig.of(4 << 20);
        DomainConfig config =
                new DomainConfig(plain.memoryBytes(), paging, plain.policy(), 1, false, plain.startDate(), false);
        try (Domain domain = new Domain(config, character -> {}, ConsoleInput.none())) {
            domain.load(GuestImage.recognise(image, "screen"), "", null);
            domain.limit(10_000);
            assertThat(domain.run()).isEqualTo(new GuestEnd.DebugExit(0));
            return domain.screen();
        }
    }

    @ParameterizedTest
    @EnumSource
    void showsWhatTheGuestWroteToItsMemory(PagingKind paging) throws Exception {
        String screen = screen(paging, 0);
        assertThat(screen).isEqualTo("Um\n☺\n" + "\n".repeat(22) + " ".repeat(79) + "┘\n");
    }

    @ParameterizedTest
    @EnumSource
    void startsWhereTheGuestSays(PagingKind paging) throws Exception {
        assertThat(screen(paging, 80)).startsWith("☺\n\n");
    }
}
