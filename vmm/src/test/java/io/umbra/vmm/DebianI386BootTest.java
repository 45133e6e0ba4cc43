package io.umbra.vmm;

import static org.assertj.core.api.Assertions.assertThat;

import io.umbra.vmm.DebianGuest.Boot;
import io.umbra.vmm.DebianGuest.Kernel;
import io.umbra.vmm.DomainConfig.PagingKind;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Unmodified 32-bit kernels, without PAE and with it, unpack themselves, boot to their init, fork and execute 200 times and power off, on PAE shadows. */
class DebianI386BootTest {
    private static final String TUNED = "console=ttyS0 tsc=reliable panic=-1 reboot=t";
    private static final long MEMORY = 256L << 20;
    private static final long LIMIT = 20_000_000_000L;

    @ParameterizedTest
    @EnumSource(names = {"I686", "I686_PAE"})
    void bootsToItsInitForksAndPowersOff(Kernel kernel) throws Exception {
        DomainConfig plain = DomainConfig.of(MEMORY);
        DomainConfig config =
                new DomainConfig(MEMORY, PagingKind.SHADOW, plain.policy(), 1, false, plain.startDate(), false);
        Boot boot = DebianGuest.fetched(kernel).boot(config, TUNED, LIMIT);
        assertThat(boot.console()).contains("umbra: init reached").contains("reboot: Power down");
        assertThat(boot.end()).isInstanceOf(GuestEnd.PoweredOff.class);
    }
}
