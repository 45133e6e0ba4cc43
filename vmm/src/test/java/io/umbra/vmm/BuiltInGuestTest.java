package io.umbra.vmm;

import static org.assertj.core.api.Assertions.assertThat;

import io.umbra.processor.Translation;
import io.umbra.shadow.Counter;
import io.umbra.shadow.PolicyOption;
import io.umbra.vmm.DomainConfig.PagingKind;
import io.umbra.vmm.loader.GuestImage;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
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
        return play(paging, settings, verify, false);
    }

    private static Played playWithoutHypercalls(PagingKind paging, Map<String, String> settings) throws Exception {
        return play(paging, settings, false, true);
    }

    private static Played play(PagingKind paging, Map<String, String> settings, boolean verify, boolean hidesHypercalls)
            throws Exception {
        return play(paging, settings, verify, hidesHypercalls, Translation.OFF);
    }

    private static Played play(
            PagingKind paging,
            Map<String, String> settings,
            boolean verify,
            boolean hidesHypercalls,
            Translation translation)
            throws Exception {
        DomainConfig plain = DomainConfig.of(64 << 20);
        DomainConfig config = new DomainConfig(
                        plain.memoryBytes(), paging, PolicyOption.parse(settings), 3, false, plain.startDate(), verify)
                .with(translation);
        ByteArrayOutputStream console = new ByteArrayOutputStream();
        try (Domain domain = new Domain(config, console::write, ConsoleInput.none())) {
            domain.load(GuestImage.recognise(Files.readAllBytes(IMAGE), "story"), "", null);
            domain.limit(LIMIT);
            if (hidesHypercalls) {
                domain.hideHypercalls();
            }
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

    /** Not only what the guest sees: the TLB's walks and the shadows, too. */
    @ParameterizedTest
    @CsvSource({
        "SHADOW,write-protect,HOST,1",
        "SHADOW,strict-tlb,HOST,2",
        "SHADOW,out-of-sync,HOST,5",
        "NESTED,write-protect,HOST,1",
        "SHADOW,write-protect,BYTECODE,2"
    })
    void translatedItIsTheSameToTheLastWalk(
            PagingKind paging, String coherence, Translation.Target target, int threshold) throws Exception {
        Map<String, String> settings = Map.of("coherence", coherence);
        Played interpreted = play(paging, settings, false);
        Played translated = play(paging, settings, false, false, new Translation(threshold, true, target, 1 << 20));
        assertThat(translated.console()).isEqualTo(interpreted.console());
        assertThat(translated.end()).isEqualTo(interpreted.end());
        assertThat(translated.domain().instructions())
                .isEqualTo(interpreted.domain().instructions());
        for (ProcessorCounter counter : ProcessorCounter.values()) {
            assertThat(translated.domain().processorCounts().get(counter))
                    .as(counter.name())
                    .isEqualTo(interpreted.domain().processorCounts().get(counter));
        }
        for (Counter counter : Counter.values()) {
            assertThat(translated.domain().counters().get(counter))
                    .as(counter.name())
                    .isEqualTo(interpreted.domain().counters().get(counter));
        }
    }

    @Test
    void whereHypercallsAreHiddenTheConsoleDoesNotDependOnThePolicy() throws Exception {
        Played shadow = playWithoutHypercalls(PagingKind.SHADOW, Map.of());
        assertThat(shadow.console()).contains("All 78 checks passed").doesNotContain("[hypervisor] faults");
        for (Played other : List.of(
                playWithoutHypercalls(PagingKind.SHADOW, Map.of("coherence", "strict-tlb", "populate", "one-level")),
                playWithoutHypercalls(PagingKind.NESTED, Map.of()))) {
            assertThat(other.console()).isEqualTo(shadow.console());
            assertThat(other.domain().instructions()).isEqualTo(shadow.domain().instructions());
        }
    }

    @Test
    void theProcessorsSideIsCounted() throws Exception {
        ProcessorCounts shadow =
                playWithoutHypercalls(PagingKind.SHADOW, Map.of()).domain().processorCounts();
        Played played = playWithoutHypercalls(PagingKind.NESTED, Map.of());
        ProcessorCounts nested = played.domain().processorCounts();
        assertThat(shadow.get(ProcessorCounter.EXIT_CONTROL_REGISTER)).isPositive();
        assertThat(nested.get(ProcessorCounter.EXIT_CONTROL_REGISTER)).isZero();
        assertThat(nested.get(ProcessorCounter.EXIT_PORT))
                .isEqualTo(shadow.get(ProcessorCounter.EXIT_PORT))
                .isGreaterThan(played.console().length());
        assertThat(shadow.get(ProcessorCounter.WALK_REFUSED)).isGreaterThan(nested.get(ProcessorCounter.WALK_REFUSED));
        assertThat(nested.get(ProcessorCounter.WALK_REFERENCE))
                .isGreaterThan(10 * nested.get(ProcessorCounter.TLB_MISS))
                .isGreaterThan(shadow.get(ProcessorCounter.WALK_REFERENCE));
    }
}
