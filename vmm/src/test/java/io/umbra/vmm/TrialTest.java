package io.umbra.vmm;

import static org.assertj.core.api.Assertions.assertThat;

import io.umbra.shadow.PolicyOption;
import io.umbra.vmm.DomainConfig.PagingKind;
import io.umbra.vmm.loader.GuestImage;
import io.umbra.vmm.loader.LoadException;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

/** The trials of {@code guests/trials}: what they print is written beside them, and every policy must give just that. */
class TrialTest {
    private static final Path TRIALS = Path.of("../guests/trials");
    private static final long LIMIT = 200_000_000;
    private static final String NESTED = "nested";

    private record Played(GuestEnd end, String console) {}

    private static Played play(String trial, String scenario, String settings) throws IOException, LoadException {
        DomainConfig plain = DomainConfig.of(64 << 20);
        PagingKind paging = settings.equals(NESTED) ? PagingKind.NESTED : PagingKind.SHADOW;
        DomainConfig config = new DomainConfig(
                plain.memoryBytes(),
                paging,
                PolicyOption.parse(parsed(settings)),
                7,
                false,
                plain.startDate(),
                paging == PagingKind.SHADOW);
        ByteArrayOutputStream console = new ByteArrayOutputStream();
        byte[] image = Files.readAllBytes(TRIALS.resolve("images").resolve(trial + ".elf"));
        try (Domain domain = new Domain(config, console::write, ConsoleInput.none())) {
            domain.load(GuestImage.recognise(image, trial), scenario, null);
            domain.limit(LIMIT);
            GuestEnd end = domain.run();
            return new Played(end, console.toString(StandardCharsets.ISO_8859_1));
        }
    }

    private static Map<String, String> parsed(String settings) {
        Map<String, String> map = new LinkedHashMap<>();
        for (String setting : settings.split(" ", -1)) {
            int at = setting.indexOf('=');
            if (at > 0) {
                map.put(setting.substring(0, at), setting.substring(at + 1));
            }
        }
        return map;
    }

    private static String expected(String name) throws IOException {
        return Files.readString(TRIALS.resolve("expected").resolve(name + ".txt"), StandardCharsets.ISO_8859_1);
    }

    static Stream<Arguments> trialsUnderPolicies() {
        return Stream.of("tables", "events", "interrupts", "operands")
                .flatMap(trial -> Stream.of(
                                "",
                                NESTED,
                                "coherence=strict-tlb",
                                "populate=one-level",
                                "writable-search=brute-force",
                                "early-unshadow=off",
                                "pool=128",
                                "large-pages=on",
                                "blow-every=1",
                                "blow-every=7",
                                "coherence=strict-tlb populate=one-level pool=128")
                        .map(settings -> Arguments.of(trial, settings)));
    }

    @ParameterizedTest
    @MethodSource("trialsUnderPolicies")
    void aTrialPrintsWhatItMustUnder(String trial, String settings) throws IOException, LoadException {
        Played played = play(trial, "", settings);
        assertThat(played.console()).isEqualTo(expected(trial));
        assertThat(played.end()).isEqualTo(new GuestEnd.DebugExit(0));
    }

    @ParameterizedTest
    @CsvSource({"tables,y,''", "tables,z,''", "tables,z,nested", "events,z,''", "events,z,nested"})
    void aFatalScenarioEndsTheGuestAndNothingElse(String trial, String scenario, String settings)
            throws IOException, LoadException {
        Played played = play(trial, scenario, settings);
        assertThat(played.console()).isEqualTo(expected(trial + "-" + scenario));
        assertThat(played.end())
                .isInstanceOfSatisfying(
                        GuestEnd.Reset.class, end -> assertThat(end.message()).contains("triple fault"));
    }
}
