package io.umbra.vmm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.umbra.shadow.PolicyOption;
import io.umbra.vmm.DomainConfig.Abi;
import io.umbra.vmm.DomainConfig.PagingKind;
import io.umbra.vmm.loader.GuestImage;
import io.umbra.vmm.loader.LoadException;
import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The guests of {@code guests/xen}, which use Xen's interface from code of either width: what they print is written beside them. */
class XenGuestTest {
    private static final Path GUESTS = Path.of("../guests/xen");
    private static final long MEMORY = 16 << 20;
    private static final long LIMIT = 10_000_000;

    private final ByteArrayOutputStream console = new ByteArrayOutputStream();

    private Domain domain(String image, String settings, boolean verify, Abi abi) throws Exception {
        return domain(image, settings, verify, abi, ConsoleInput.none());
    }

    private Domain domain(String image, String settings, boolean verify, Abi abi, ConsoleInput input) throws Exception {
        DomainConfig plain = DomainConfig.of(MEMORY);
        DomainConfig config = new DomainConfig(
                        MEMORY,
                        SmallGuests.paging(settings),
                        PolicyOption.parse(SmallGuests.options(settings)),
                        7,
                        false,
                        plain.startDate(),
                        verify)
                .with(abi);
        Domain domain = new Domain(config, console::write, input);
        byte[] content = Files.readAllBytes(GUESTS.resolve("images").resolve(image));
        domain.load(GuestImage.recogniseForXen(content, image), "", null);
        domain.limit(LIMIT);
        return domain;
    }

    @ParameterizedTest
    @CsvSource({
        "hvm32.elf, ''",
        "hvm32.elf, nested",
        "hvm32pse.elf, ''",
        "hvm32pse.elf, nested",
        "hvm32pae.elf, ''",
        "hvm32pae.elf, nested",
        "hvm64.elf, ''",
        "hvm64.elf, nested",
        "hvm64.elf, blow-every=50",
        "hvm32pae.elf, coherence=strict-tlb"
    })
    void findsAllThatAGuestOfXensInterfaceNeeds(String image, String settings) throws Exception {
        Domain domain = domain(image, settings, !settings.equals("nested"), Abi.XEN);
        assertThat(domain.run()).isEqualTo(new GuestEnd.PoweredOff("the guest powered off"));
        assertThat(console.toString(StandardCharsets.ISO_8859_1))
                .isEqualTo(Files.readString(GUESTS.resolve("expected.txt")));
        assertThat(domain.hypercalls())
                .containsEntry("memory_op", 3L)
                .containsEntry("unknown", 1L)
                .containsKeys("hvm_op", "event_channel_op", "sched_op", "vcpu_op");
        domain.destroy();
    }

    /** As Xen's builder finds it: where there is no note segment, the sections are looked through. */
    @Test
    void aNoteInASectionAloneIsFound() throws Exception {
        byte[] content = Files.readAllBytes(GUESTS.resolve("images/hvm32.elf"));
        ByteBuffer elf = ByteBuffer.wrap(content).order(ByteOrder.LITTLE_ENDIAN);
        int note = elf.getInt(28) + elf.getShort(42);
        assertThat(elf.getInt(note)).as("a note segment").isEqualTo(4);
        elf.putInt(note, 0);
        assertThat(GuestImage.recogniseForXen(content, "kernel").kind()).isEqualTo("ELF kernel with PVH entry");
        elf.putInt(32, content.length);
        assertThatThrownBy(() -> GuestImage.recogniseForXen(content, "kernel")).isInstanceOf(LoadException.class);
    }

    /** The log holds what the hypervisor writes to the pages that it shares, too. */
    @Test
    void dirtyLogHoldsWhatTheHypervisorWrites() throws Exception {
        for (String paging : new String[] {"", "nested"}) {
            try (Domain domain = domain("hvm64.elf", paging, false, Abi.XEN)) {
                DirtySeries series = domain.logDirty(100_000, true);
                assertThat(domain.run()).isInstanceOf(GuestEnd.PoweredOff.class);
                assertThat(series).isNotNull();
            }
        }
    }

    @Test
    void whatIsTypedBeforeTheGuestHasAConsoleWaitsForIt() throws Exception {
        ConsoleInput input = new ConsoleInput();
        input.type("early".getBytes(StandardCharsets.US_ASCII));
        input.close();
        try (Domain domain = domain("hvm64.elf", "", false, Abi.XEN, input)) {
            assertThat(domain.run()).isInstanceOf(GuestEnd.PoweredOff.class);
            assertThat(domain.ram().read(0xFEFF_F000L, 5))
                    .asString(StandardCharsets.US_ASCII)
                    .isEqualTo("early");
            assertThat(domain.ram().readInt(0xFEFF_FC04L)).isEqualTo(5);
        }
    }

    @Test
    void withoutTheInterfaceThereIsNone() throws Exception {
        try (Domain domain = domain("hvm32.elf", "", false, Abi.UMBRA)) {
            assertThat(domain.run()).isEqualTo(new GuestEnd.DebugExit(1));
            assertThat(domain.hypercalls()).isEmpty();
        }
    }

    @Test
    void cannotBeSavedYet() throws Exception {
        try (Domain domain = domain("hvm32.elf", "", false, Abi.XEN)) {
            assertThatThrownBy(() -> new DomainSender(domain, new ByteArrayOutputStream(), false))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("cannot be saved");
        }
    }

    @Test
    void memoryThatComesAndGoesCannotBeShared() {
        DomainConfig plain = DomainConfig.of(MEMORY);
        RamPlan onDemand = new RamPlan(true, Long.MAX_VALUE, 0);
        DomainConfig config = new DomainConfig(
                MEMORY, PagingKind.SHADOW, plain.policy(), 7, false, plain.startDate(), false, onDemand);
        assertThatThrownBy(() -> config.with(Abi.XEN)).isInstanceOf(IllegalArgumentException.class);
    }
}
