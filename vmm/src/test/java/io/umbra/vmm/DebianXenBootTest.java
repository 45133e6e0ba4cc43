package io.umbra.vmm;

import static org.assertj.core.api.Assertions.assertThat;

import io.umbra.vmm.DebianGuest.Boot;
import io.umbra.vmm.DebianGuest.Kernel;
import io.umbra.vmm.DomainConfig.Abi;
import org.junit.jupiter.api.Test;

/** Debian's kernel, entered by its PVH note under shadow pagetables, finds Xen, takes time, events and console from it, and boots to its init. */
class DebianXenBootTest {
    private static final String COMMAND_LINE = "console=hvc0 panic=-1";
    private static final long LIMIT = 20_000_000_000L;

    @Test
    void bootsAsAPvhGuestForksAndPowersOff() throws Exception {
        DebianGuest guest = DebianGuest.fetched(Kernel.AMD64);
        Boot boot = guest.boot(DomainConfig.of(256L << 20).with(Abi.XEN), COMMAND_LINE, LIMIT);
        assertThat(boot.end()).isInstanceOf(GuestEnd.PoweredOff.class);
        assertThat(boot.console())
                .contains("Hypervisor detected: Xen HVM")
                .contains("Booting kernel on Xen PVH")
                .contains("xen:events: Using 2-level ABI")
                .contains("clocksource: Switched to clocksource xen")
                .contains("umbra: init reached")
                .contains("reboot: Power down")
                .doesNotContain("BUG:", "WARNING:", "unchecked MSR", "Firmware Bug");
        assertThat(boot.domain().hypercalls())
                .containsKeys("memory_op", "hvm_op", "event_channel_op", "vcpu_op", "grant_table_op", "xen_version");
    }
}
