package io.umbra.vmm;

import static org.assertj.core.api.Assertions.assertThat;

import io.umbra.shadow.PolicyOption;
import io.umbra.vmm.DomainConfig.PagingKind;
import io.umbra.vmm.loader.GuestImage;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Collectors;

/** The project's own guests, to be interrupted in their runs: how to start one, and what must be the same at its end. */
final class SmallGuests {
    static final List<String> ALL = List.of(
            "images/shadow-story.elf",
            "trials/images/tables.elf",
            "trials/images/events.elf",
            "trials/images/interrupts.elf");

    static final long LIMIT = 50_000_000;

    private static final Path GUESTS = Path.of("../guests");
    private static final long MEMORY = 16 << 20;

    /** Of the counts, those that the guest causes: how often, and why, it leaves guest mode on its own account. */
    private static final List<ProcessorCounter> CAUSED_BY_THE_GUEST = List.of(
            ProcessorCounter.EXIT_PORT,
            ProcessorCounter.EXIT_CPUID,
            ProcessorCounter.EXIT_MSR,
            ProcessorCounter.EXIT_HALT,
            ProcessorCounter.EXIT_HYPERCALL);

    private static final Map<String, Outcome> UNDISTURBED = new ConcurrentHashMap<>();

    /** What a guest did in all of its run. */
    record Outcome(GuestEnd end, String console, long instructions, Map<ProcessorCounter, Long> counts) {}

    static Domain start(String guest, String settings, boolean verify, ByteArrayOutputStream console) throws Exception {
        DomainConfig plain = DomainConfig.of(MEMORY);
        DomainConfig config = new DomainConfig(
                MEMORY, paging(settings), PolicyOption.parse(options(settings)), 3, false, plain.startDate(), verify);
        Domain domain = new Domain(config, console::write, ConsoleInput.none());
        domain.load(GuestImage.recognise(Files.readAllBytes(GUESTS.resolve(guest)), guest), "", null);
        domain.hideHypercalls();
        domain.limit(LIMIT);
        return domain;
    }

    static PagingKind paging(String settings) {
        return settings.equals("nested") ? PagingKind.NESTED : PagingKind.SHADOW;
    }

    /** @param settings as {@code a=b c=d}, or {@code nested} */
    static Map<String, String> options(String settings) {
        Map<String, String> options = new LinkedHashMap<>();
        for (String setting : settings.split(" ", -1)) {
            int at = setting.indexOf('=');
            if (at > 0) {
                options.put(setting.substring(0, at), setting.substring(at + 1));
            }
        }
        return options;
    }

    static Outcome outcome(Domain domain, GuestEnd end, ByteArrayOutputStream console) {
        Map<ProcessorCounter, Long> counts = new LinkedHashMap<>();
        for (ProcessorCounter counter : CAUSED_BY_THE_GUEST) {
            counts.put(counter, domain.processorCounts().get(counter));
        }
        return new Outcome(end, console.toString(StandardCharsets.ISO_8859_1), domain.instructions(), counts);
    }

    /** Of a guest that nobody interrupts. It is the same under every paging and policy. */
    static Outcome undisturbed(String guest) throws Exception {
        Outcome known = UNDISTURBED.get(guest);
        if (known != null) {
            return known;
        }
        ByteArrayOutputStream console = new ByteArrayOutputStream();
        try (Domain domain = start(guest, "", false, console)) {
            Outcome outcome = outcome(domain, domain.run(), console);
            UNDISTURBED.put(guest, outcome);
            return outcome;
        }
    }

    static void assertSame(Outcome found, Outcome expected, String which) {
        assertThat(found.end()).as(which).isEqualTo(expected.end());
        assertThat(withoutStaleness(found.console())).as(which).isEqualTo(withoutStaleness(expected.console()));
        assertThat(found.counts()).as(which).isEqualTo(expected.counts());
        if (found.console().equals(expected.console())) {
            assertThat(found.instructions()).as(which).isEqualTo(expected.instructions());
        }
    }

    /** The built-in guest looks at a page whose entry it has changed without a flush, and tells whether it saw the old frame or the new: both are right, and one takes an instruction more to tell. */
    private static String withoutStaleness(String console) {
        return console.lines()
                .filter(line -> !line.contains("before INVLPG a load saw"))
                .collect(Collectors.joining("\n"));
    }

    private SmallGuests() {}
}
