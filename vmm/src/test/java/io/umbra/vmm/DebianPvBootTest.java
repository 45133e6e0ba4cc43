package io.umbra.vmm;

import static org.assertj.core.api.Assertions.assertThat;

import io.umbra.vmm.DebianGuest.Kernel;
import io.umbra.vmm.DebianGuest.PvBoot;
import io.umbra.vmm.pv.PvConfig;
import io.umbra.vmm.pv.ShadowSwitch;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** Debian's kernel, which can run as a Xen PV guest, boots as one on its own audited tables to its init, forks and executes 200 times and powers off. */
class DebianPvBootTest {
    private static final String COMMAND_LINE = "console=hvc0 earlyprintk=xen panic=-1";
    private static final long MEMORY = 256L << 20;
    private static final long LIMIT = 20_000_000_000L;

    private static DebianGuest guest;
    private static PvBoot reference;

    @BeforeAll
    static void bootOnce() throws Exception {
        guest = DebianGuest.fetched(Kernel.AMD64);
        reference = guest.bootPv(PvConfig.of(MEMORY), COMMAND_LINE, LIMIT);
    }

    @Test
    void bootsToItsInitForksAndPowersOff() {
        assertThat(reference.end()).isEqualTo(new GuestEnd.PoweredOff("the guest powered off"));
        assertThat(reference.console())
                .contains("Hypervisor detected: Xen PV")
                .contains("xen:events: Using 2-level ABI")
                .contains("umbra: init reached")
                .contains("reboot: System halted")
                .doesNotContain("BUG:", "WARNING:", "unchecked MSR", "Firmware Bug");
    }

    @Test
    void theReportShowsWhatItAskedFor() {
        var counts = reference.domain().counts();
        assertThat(counts.hypercalls()).containsKeys("mmu_update", "iret", "multicall", "mmuext_op pin L4");
        assertThat(counts.tableStores()).isGreaterThan(100);
        assertThat(counts.systemCalls()).isGreaterThan(1000);
        assertThat(counts.traps()).containsKeys("#PF", "#GP");
        assertThat(counts.privileged()).containsKeys("write_msr", "forced_cpuid");
    }

    /** Shadows and the log come and go two thousand times under the kernel; it cannot tell. */
    @Test
    void printsTheSameWhileShadowsAreSwitchedOnAndOffEveryMillisecond() throws Exception {
        ShadowSwitch[] turned = new ShadowSwitch[1];
        PvBoot boot = guest.bootPv(
                PvConfig.of(MEMORY), COMMAND_LINE, LIMIT, domain -> turned[0] = domain.switchShadows(1_000_000, false));
        assertThat(boot.console()).isEqualTo(reference.console());
        assertThat(boot.domain().instructions()).isEqualTo(reference.domain().instructions());
        assertThat(turned[0].rounds()).isGreaterThan(1000);
        assertThat(turned[0].dirty()).isGreaterThan(10_000);
    }

    @Test
    void eachBitmapHoldsEveryPageThatChanged() throws Exception {
        ShadowSwitch[] turned = new ShadowSwitch[1];
        PvBoot boot = guest.bootPv(
                PvConfig.of(MEMORY), COMMAND_LINE, LIMIT, domain -> turned[0] = domain.switchShadows(20_000_000, true));
        assertThat(boot.console()).isEqualTo(reference.console());
        assertThat(turned[0].changed()).isGreaterThan(10_000);
    }

    @Test
    void printsTheSameOnShadowsThroughout() throws Exception {
        PvConfig plain = PvConfig.of(MEMORY);
        PvConfig config = new PvConfig(MEMORY, plain.seed(), false, plain.startDate(), true, plain.policy());
        PvBoot boot = guest.bootPv(config, COMMAND_LINE, LIMIT);
        assertThat(boot.console()).isEqualTo(reference.console());
        assertThat(boot.domain().instructions()).isEqualTo(reference.domain().instructions());
    }

    @Test
    void aRunIsAFunctionOfItsInputs() throws Exception {
        long limit = 400_000_000L;
        PvBoot first = guest.bootPv(PvConfig.of(MEMORY), COMMAND_LINE, limit);
        PvBoot second = guest.bootPv(PvConfig.of(MEMORY), COMMAND_LINE, limit);
        assertThat(second.console()).isEqualTo(first.console());
        assertThat(second.domain().state().rip).isEqualTo(first.domain().state().rip);
        assertThat(second.domain().counts().hypercalls())
                .isEqualTo(first.domain().counts().hypercalls());
    }
}
