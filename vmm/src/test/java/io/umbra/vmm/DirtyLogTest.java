package io.umbra.vmm;

import static org.assertj.core.api.Assertions.assertThat;

import io.umbra.shadow.DirtyCause;
import io.umbra.shadow.PolicyOption;
import io.umbra.vmm.DomainConfig.PagingKind;
import io.umbra.vmm.loader.GuestImage;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** The trials play as ever with log-dirty cleaned at odd moments, and all memory is held against its bitmap each time. */
class DirtyLogTest {
    private static final Path GUESTS = Path.of("../guests");
    private static final long MEMORY = 64 << 20;
    private static final long LIMIT = 200_000_000;
    private static final String NESTED = "nested";

    private record Played(GuestEnd end, String console, Domain domain, DirtySeries series) {}

    private static Played play(String image, String settings, long period) throws Exception {
        DomainConfig plain = DomainConfig.of(MEMORY);
        PagingKind paging = settings.equals(NESTED) ? PagingKind.NESTED : PagingKind.SHADOW;
        DomainConfig config = new DomainConfig(
                MEMORY, paging, PolicyOption.parse(parsed(settings)), 7, false, plain.startDate(), false);
        ByteArrayOutputStream console = new ByteArrayOutputStream();
        try (Domain domain = new Domain(config, console::write, ConsoleInput.none())) {
            domain.load(GuestImage.recognise(Files.readAllBytes(GUESTS.resolve(image)), image), "", null);
            domain.limit(LIMIT);
            DirtySeries series = domain.logDirty(period, true);
            GuestEnd end = domain.run();
            return new Played(end, console.toString(StandardCharsets.ISO_8859_1), domain, series);
        }
    }

    private static Map<String, String> parsed(String settings) {
        return Arrays.stream(settings.split(" ", -1))
                .filter(setting -> setting.contains("="))
                .map(setting -> setting.split("=", 2))
                .collect(Collectors.toMap(pair -> pair[0], pair -> pair[1]));
    }

    static Stream<Arguments> trialsUnderPolicies() {
        return Stream.of("tables", "events")
                .flatMap(trial -> Stream.of(
                                "",
                                NESTED,
                                "dirty-clean=blow",
                                "coherence=strict-tlb",
                                "populate=one-level",
                                "early-unshadow=off pool=128",
                                "coherence=out-of-sync",
                                "coherence=out-of-sync prefetch=0 dirty-clean=blow",
                                "blow-every=7")
                        .map(settings -> Arguments.of(trial, settings)));
    }

    @ParameterizedTest
    @MethodSource("trialsUnderPolicies")
    void nothingThatATrialWritesIsMissedUnder(String trial, String settings) throws Exception {
        Played played = play("trials/images/" + trial + ".elf", settings, 10_007);
        String expected = Files.readString(
                GUESTS.resolve("trials/expected").resolve(trial + ".txt"), StandardCharsets.ISO_8859_1);
        assertThat(played.console()).isEqualTo(expected);
        assertThat(played.end()).isEqualTo(new GuestEnd.DebugExit(0));
        assertThat(played.series().changed()).isPositive();
    }

    @Test
    void periodsEndAtExactMomentsAndAddUp() throws Exception {
        Played played = play("images/shadow-story.elf", "", 10_000);
        assertThat(played.console()).contains("All 78 checks passed");
        DirtySeries series = played.series();
        assertThat(series.count()).isEqualTo(Math.ceilDiv(series.end(), 10_000));
        assertThat(series.periods())
                .isNotEmpty()
                .allMatch(period -> period.start() % 10_000 == 0 && period.start() < series.end());
        long marks = 0;
        for (DirtyCause cause : DirtyCause.values()) {
            marks += series.marks(cause);
        }
        assertThat(series.pages()).isEqualTo(marks);
        assertThat(series.changed()).isLessThan(marks);
        assertThat(series.marks(DirtyCause.WALK)).isPositive();
        assertThat(series.marks(DirtyCause.EMULATED)).isPositive();
    }

    @Test
    void twoRunsHaveTheSameSeries() throws Exception {
        Played first = play("images/shadow-story.elf", "", 5_000);
        Played second = play("images/shadow-story.elf", "", 5_000);
        assertThat(second.series().periods()).isEqualTo(first.series().periods());
        assertThat(second.console()).isEqualTo(first.console());
    }

    /** What is written to is the guest's doing; how its memory is virtualised adds only what walks of its tables find to set. */
    @Test
    void theTwoWaysToCleanFindTheSamePages() throws Exception {
        DirtySeries reprotected = play("trials/images/tables.elf", "", 20_000).series();
        DirtySeries blown =
                play("trials/images/tables.elf", "dirty-clean=blow", 20_000).series();
        assertThat(blown.changed()).isEqualTo(reprotected.changed());
        assertThat(blown.periods().stream().mapToLong(DirtySeries.Period::pages))
                .containsExactlyElementsOf(reprotected.periods().stream()
                        .map(DirtySeries.Period::pages)
                        .toList());
    }
}
