package io.umbra.vmm;

import static org.assertj.core.api.Assertions.assertThat;

import io.umbra.shadow.Counter;
import io.umbra.shadow.PolicyOption;
import io.umbra.vmm.DomainConfig.PagingKind;
import io.umbra.vmm.loader.GuestImage;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The built-in guest checks its own memory, registers and fault codes; under every policy it must find them right. */
class BuiltInGuestTest {
    private static final Path IMAGE = Path.of("../guests/images/shadow-story.elf");
    private static final long LIMIT = 50_000_000;

    private record Played(GuestEnd end, String console, Domain domain) {}

    private static Played play(PagingKind paging, Map<String, String> settings, boolean verify) throws Exception {
        DomainConfig plain = DomainConfig.of(64 << 20);
        DomainConfig config = new DomainConfig(
                plain.memoryBytes(), paging, PolicyOption.parse(settings), 3, false, plain.startDate(), verify);
        ByteArrayOutputStream console = new ByteArrayOutputStream();
        try (Domain domain = new Domain(config, console::write, ConsoleInput.none())) {
            domain.load(GuestImage.recognise(Files.readAllBytes(IMAGE), "story"), "", null);
            domain.limit(LIMIT);
            GuestEnd end = domain.run();
            return new Played(end, console.toString(StandardCharsets.UTF_8), domain);
        }
    }

    @ParameterizedTest
    @CsvSource({
        "coherence,write-protect",
        "coherence,strict-tlb",
        "populate,one-level",
        "writable-search,brute-force",
        "pool,128",
        "blow-every,1",
        "blow-every,100"
    })
    void allItsChecksPassUnder(String option, String value) throws Exception {
        Played played = play(PagingKind.SHADOW, Map.of(option, value), true);
        assertThat(played.console()).contains("All 78 checks passed");
        assertThat(played.end()).isEqualTo(new GuestEnd.DebugExit(0));
    }

    @Test
    void allItsChecksPassUnderNestedPaging() throws Exception {
        Played played = play(PagingKind.NESTED, Map.of(), false);
        assertThat(played.console()).contains("All 78 checks passed");
        assertThat(played.domain().counters().get(Counter.SHADOW_ALLOC)).isZero();
    }

    @Test
    void twoRunsAreEqualToTheLastInstruction() throws Exception {
        Played first = play(PagingKind.SHADOW, Map.of(), false);
        Played second = play(PagingKind.SHADOW, Map.of(), false);
        assertThat(second.console()).isEqualTo(first.console());
        assertThat(second.domain().instructions()).isEqualTo(first.domain().instructions());
    }
}
