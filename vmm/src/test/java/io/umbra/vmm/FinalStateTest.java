package io.umbra.vmm;

import static org.assertj.core.api.Assertions.assertThat;

import io.umbra.processor.Translation;
import io.umbra.shadow.FaultOutcome;
import io.umbra.shadow.PolicyOption;
import io.umbra.shadow.Trace;
import io.umbra.vmm.loader.GuestImage;
import io.umbra.x86.StateImage;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Who watches a run changes nothing in it: traced, reported on, verified or none of it, each guest ends in the same state, to the last register, TLB entry, counter and byte of machine memory. */
class FinalStateTest {
    private static final long EACH = 10_000;

    /** Listens to what comes most often. */
    private static final class Listener extends Trace {
        private long heard;

        @Override
        public void fault(int vcpu, long linear, int code) {
            heard++;
        }

        @Override
        public void walked(long linear, int access, long gfn, int level, int code) {
            heard++;
        }

        @Override
        public void outcome(FaultOutcome outcome) {
            heard++;
        }
    }

    private static Domain start(String guest, String settings, boolean verify, Trace trace, Translation translation)
            throws Exception {
        DomainConfig plain = DomainConfig.of(16 << 20);
        Map<String, String> options = new LinkedHashMap<>(SmallGuests.options(settings));
        DomainConfig config = new DomainConfig(
                        plain.memoryBytes(),
                        SmallGuests.paging(settings),
                        PolicyOption.parse(options),
                        3,
                        false,
                        plain.startDate(),
                        verify)
                .with(translation);
        Domain domain = new Domain(config, printed -> {}, ConsoleInput.none(), trace);
        domain.load(GuestImage.recognise(Files.readAllBytes(Path.of("../guests").resolve(guest)), guest), "", null);
        domain.limit(SmallGuests.LIMIT);
        return domain;
    }

    /** Asks for all that a report holds, again and again. */
    private static GuestEnd runReported(Domain domain) {
        GuestEnd end = null;
        while (end == null) {
            end = domain.runTo(domain.instructions() + EACH);
            assertThat(domain.counters()).isNotNull();
            assertThat(domain.processorCounts().values()).isNotEmpty();
            assertThat(domain.hypercalls()).isEmpty();
            assertThat(domain.screen()).isNotNull();
            assertThat(domain.verified()).isNotNegative();
        }
        return end;
    }

    private static StateImage image(Domain domain) {
        StateImage image = new StateImage();
        domain.describe(image);
        return image;
    }

    @ParameterizedTest
    @CsvSource({
        "images/shadow-story.elf, coherence=write-protect",
        "images/shadow-story.elf, coherence=out-of-sync",
        "images/shadow-story.elf, coherence=strict-tlb",
        "images/shadow-story.elf, nested",
        "trials/images/tables.elf, coherence=write-protect",
        "trials/images/events.elf, coherence=out-of-sync",
        "trials/images/interrupts.elf, coherence=write-protect"
    })
    void watchedOrNotAGuestEndsInTheSameState(String guest, String settings) throws Exception {
        Listener listener = new Listener();
        try (Domain alone = start(guest, settings, false, Trace.OFF, Translation.OFF);
                Domain watched = start(guest, settings, true, listener, Translation.fastest())) {
            GuestEnd end = alone.run();
            assertThat(runReported(watched)).isEqualTo(end);
            boolean shadows = !settings.equals("nested");
            assertThat(listener.heard > 0).as("events traced").isEqualTo(shadows);
            assertThat(watched.verified() > 0).as("faults verified").isEqualTo(shadows);
            assertThat(image(alone).differences(image(watched))).isEmpty();
            MachineComparison comparison = new MachineComparison(alone, watched);
            assertThat(comparison.allFrames()).isEmpty();
            assertThat(comparison.devices()).isEmpty();
        }
    }
}
