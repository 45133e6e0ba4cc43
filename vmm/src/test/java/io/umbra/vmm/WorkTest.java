package io.umbra.vmm;

import static org.assertj.core.api.Assertions.assertThat;

import io.umbra.processor.Translation;
import io.umbra.shadow.PolicyOption;
import io.umbra.vmm.DomainConfig.PagingKind;
import io.umbra.vmm.loader.GuestImage;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Fixed guests are exactly as much work as {@link WorkTable} says: a regression of work is caught without timing anything. */
class WorkTest {
    private static final Path GUESTS = Path.of("../guests");
    private static final long LIMIT = 200_000_000;

    @ParameterizedTest
    @CsvSource({
        "story,              images/shadow-story.elf,   SHADOW, write-protect, false",
        "story,              images/shadow-story.elf,   SHADOW, write-protect, true",
        "story-strict-tlb,   images/shadow-story.elf,   SHADOW, strict-tlb,    false",
        "story-out-of-sync,  images/shadow-story.elf,   SHADOW, out-of-sync,   false",
        "story-nested,       images/shadow-story.elf,   NESTED, write-protect, false",
        "tables,             trials/images/tables.elf,  SHADOW, write-protect, false",
        "events,             trials/images/events.elf,  SHADOW, write-protect, false",
        "operands,           trials/images/operands.elf, SHADOW, write-protect, false",
    })
    void workIsAsInTheTable(String name, Path image, PagingKind paging, String coherence, boolean isTranslated)
            throws Exception {
        DomainConfig plain = DomainConfig.of(64 << 20);
        DomainConfig config = new DomainConfig(
                        plain.memoryBytes(),
                        paging,
                        PolicyOption.parse(Map.of("coherence", coherence)),
                        1,
                        false,
                        plain.startDate(),
                        false)
                .with(isTranslated ? Translation.fastest().eager() : Translation.OFF);
        try (Domain domain = new Domain(config, console -> {}, ConsoleInput.none())) {
            domain.load(GuestImage.recognise(Files.readAllBytes(GUESTS.resolve(image)), name), "", null);
            domain.limit(LIMIT);
            assertThat(domain.run()).isEqualTo(new GuestEnd.DebugExit(0));
            WorkTable.check(name, domain);
        }
    }
}
