package io.umbra.vmm;

import static org.assertj.core.api.Assertions.assertThat;

import io.umbra.processor.Translation;
import io.umbra.shadow.Counter;
import io.umbra.shadow.PolicyOption;
import io.umbra.vmm.DebianGuest.Boot;
import io.umbra.vmm.DebianGuest.Kernel;
import io.umbra.vmm.DomainConfig.PagingKind;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** An unmodified Debian kernel boots to its init, forks and executes 200 times and powers off, and prints the same under every policy. */
class DebianBootTest {
    private static final String TUNED = "console=ttyS0 tsc=reliable panic=-1 reboot=t";
    private static final long MEMORY = 256L << 20;
    private static final long LIMIT = 20_000_000_000L;

    private static DebianGuest guest;
    private static Boot reference;

    @BeforeAll
    static void bootOnce() throws Exception {
        guest = DebianGuest.fetched(Kernel.AMD64);
        reference = guest.boot(DomainConfig.of(MEMORY).with(Translation.OFF), TUNED, LIMIT);
    }

    @Test
    void bootsToItsInitForksAndPowersOff() {
        assertThat(reference.console()).contains("umbra: init reached").contains("reboot: Power down");
        assertThat(reference.end()).isEqualTo(new GuestEnd.PoweredOff("the guest powered off through ACPI"));
    }

    @Test
    void usesItsApicsAndFindsNoFaultWithTheTables() {
        assertThat(reference.console())
                .contains("IOAPIC[0]: apic_id 1, version 17, address 0xfec00000, GSI 0-23")
                .contains("TSC deadline timer available")
                .contains("PIT calibration matches PMTIMER")
                .contains("ttyS0 at I/O 0x3f8 (irq = 4")
                .doesNotContain("ACPI Error", "ACPI BIOS", "ACPI Warning", "unchecked MSR");
    }

    @Test
    void bootsTheSameUnderBothPagingsWithoutAcpi() throws Exception {
        String commandLine = TUNED + " acpi=off";
        DomainConfig plain = DomainConfig.of(MEMORY);
        Boot shadow = guest.boot(plain, commandLine, LIMIT);
        assertThat(shadow.console()).contains("umbra: init reached").contains("reboot: System halted");
        assertThat(shadow.end()).isInstanceOf(GuestEnd.PoweredOff.class);
        Boot nested = guest.boot(
                new DomainConfig(MEMORY, PagingKind.NESTED, plain.policy(), 1, false, plain.startDate(), false),
                commandLine,
                LIMIT);
        assertThat(nested.console()).isEqualTo(shadow.console());
        assertThat(nested.end()).isEqualTo(shadow.end());
    }

    /** Linux sets D itself in all that it maps writable, so dirty-bit faults are not among these; the built-in guest has them. */
    @Test
    void theReportShowsWhatShadowsDid() {
        var counters = reference.domain().counters();
        long switches = counters.get(Counter.CR3_LOAD);
        assertThat(counters.get(Counter.CR3_RETAINED)).as("retained roots").isGreaterThan(switches * 9 / 10);
        assertThat(counters.get(Counter.ROOT_LINK_SHARED))
                .as("links to a shared kernel half")
                .isGreaterThan(counters.get(Counter.ROOT_LINK) / 2);
        assertThat(counters.get(Counter.SPLINTER)).isPositive();
        assertThat(counters.get(Counter.GUEST_FAULT)).isGreaterThan(1000);
        assertThat(counters.get(Counter.EMULATE)).isGreaterThan(1000);
    }

    /** Exactly, for the kernel and the busybox that the table was made with. */
    @Test
    void itsWorkIsAsInTheTable() throws Exception {
        WorkTable.assumeHas(guest.name());
        WorkTable.check(guest.name(), reference.domain());
    }

    @Test
    void bootsWithoutAnyTuning() throws Exception {
        Boot boot = guest.boot(DomainConfig.of(MEMORY), "console=ttyS0", LIMIT);
        assertThat(boot.console()).contains("umbra: init reached");
        assertThat(boot.end()).isInstanceOf(GuestEnd.PoweredOff.class);
    }

    @ParameterizedTest
    @CsvSource({"coherence,strict-tlb", "coherence,out-of-sync", "prefetch,0", "blow-every,10000"})
    void printsTheSameUnder(String option, String value) throws Exception {
        assertSameConsole(new DomainConfig(
                MEMORY,
                PagingKind.SHADOW,
                PolicyOption.parse(Map.of(option, value)),
                7,
                false,
                DomainConfig.of(MEMORY).startDate(),
                false));
    }

    @Test
    void printsTheSameUnderNestedPaging() throws Exception {
        DomainConfig plain = DomainConfig.of(MEMORY);
        assertSameConsole(
                new DomainConfig(MEMORY, PagingKind.NESTED, plain.policy(), 1, false, plain.startDate(), false));
    }

    /** All of {@code --verify}: faults against the definition, translated code against the interpreter, in lock-step. */
    @Test
    void everyTranslationOfAddressesAndOfCodeIsAsItsDefinitionSays() throws Exception {
        ByteArrayOutputStream console = new ByteArrayOutputStream();
        DomainConfig config =
                DomainConfig.of(MEMORY).with(Translation.fastest()).withVerify(true);
        try (LockStep both = guest.inLockStep(config, TUNED, console::write)) {
            both.limit(LIMIT);
            assertThat(both.run()).isEqualTo(reference.end());
            assertThat(console.toString(StandardCharsets.UTF_8)).isEqualTo(reference.console());
            assertThat(both.domain().instructions())
                    .isEqualTo(reference.domain().instructions());
            assertThat(both.domain().verified()).isGreaterThan(20_000);
            assertThat(both.comparisons()).isGreaterThan(10_000);
            for (Counter counter : Counter.values()) {
                assertThat(both.domain().counters().get(counter))
                        .as(counter.name())
                        .isEqualTo(reference.domain().counters().get(counter));
            }
        }
    }

    @Test
    void printsTheSameWithMemoryThatComesAndGoes() throws Exception {
        DomainConfig plain = DomainConfig.of(MEMORY);
        RamPlan plan = new RamPlan(true, 48 << 20, 250_000_000);
        Boot boot = assertSameConsole(
                new DomainConfig(MEMORY, PagingKind.SHADOW, plain.policy(), 1, false, plain.startDate(), false, plan));
        assertThat(boot.domain().counters().get(Counter.PAGE_IN)).isGreaterThan(500);
        assertThat(boot.domain().counters().get(Counter.UNSHARE)).isGreaterThan(500);
    }

    @Test
    void translatedItIsTheSameToTheLastWalk() throws Exception {
        Boot boot = assertSameConsole(DomainConfig.of(MEMORY).with(Translation.fastest()));
        for (ProcessorCounter counter : ProcessorCounter.values()) {
            assertThat(boot.domain().processorCounts().get(counter))
                    .as(counter.name())
                    .isEqualTo(reference.domain().processorCounts().get(counter));
        }
    }

    /** Log-dirty is cleaned every 10 ms of the guest's time, and misses no page whose bytes changed. */
    @ParameterizedTest
    @CsvSource({"SHADOW", "NESTED"})
    void nothingThatItWritesIsMissingInTheDirtyLog(PagingKind paging) throws Exception {
        DomainConfig plain = DomainConfig.of(MEMORY);
        DomainConfig config = new DomainConfig(MEMORY, paging, plain.policy(), 1, false, plain.startDate(), false);
        DirtySeries[] series = new DirtySeries[1];
        Boot boot = guest.boot(config, TUNED, LIMIT, domain -> series[0] = domain.logDirty(10_000_000, true));
        assertThat(boot.console()).isEqualTo(reference.console());
        assertThat(boot.domain().instructions()).isEqualTo(reference.domain().instructions());
        assertThat(series[0].changed()).isGreaterThan(10_000);
        assertThat(series[0].count()).isGreaterThan(100);
    }

    /** Migrated every 50 ms under shadows, saved in the middle, restored under nested paging, and migrated again. */
    @Test
    void migratedSavedAndRestoredItCannotTell() throws Exception {
        ByteArrayOutputStream console = new ByteArrayOutputStream();
        ByteArrayOutputStream stream = new ByteArrayOutputStream();
        Domain first = guest.loaded(DomainConfig.of(MEMORY), TUNED, console::write);
        first.limit(reference.domain().instructions() / 2);
        try (MigratingGuest moving = new MigratingGuest(first, 50_000_000, MigratingGuest.LINK, console::write)) {
            assertThat(moving.run()).isInstanceOf(GuestEnd.LimitReached.class);
            assertThat(moving.migrations()).hasSizeGreaterThan(4);
            DomainStream.save(moving.domain(), stream);
        }
        Domain second = DomainStream.restore(
                new ByteArrayInputStream(stream.toByteArray()),
                new RestoreRequest(PagingKind.NESTED, Map.of(), 3, false, console::write, ConsoleInput.none()));
        second.limit(LIMIT);
        try (MigratingGuest moving = new MigratingGuest(second, 50_000_000, MigratingGuest.LINK, console::write)) {
            assertThat(moving.run()).isEqualTo(reference.end());
            assertThat(moving.migrations()).hasSizeGreaterThan(4);
            assertThat(moving.domain().instructions())
                    .isEqualTo(reference.domain().instructions());
            assertThat(console.toString(StandardCharsets.UTF_8)).isEqualTo(reference.console());
        }
    }

    private static Boot assertSameConsole(DomainConfig config) throws Exception {
        Boot boot = guest.boot(config, TUNED, LIMIT);
        assertThat(boot.console()).isEqualTo(reference.console());
        assertThat(boot.end()).isEqualTo(reference.end());
        assertThat(boot.domain().instructions()).isEqualTo(reference.domain().instructions());
        return boot;
    }
}
