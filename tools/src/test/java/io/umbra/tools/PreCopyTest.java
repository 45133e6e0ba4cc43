package io.umbra.tools;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class PreCopyTest {
    private static final long GIB = 1L << 30;

    @Test
    void anIdleGuestIsSentOnce() {
        assertThat(PreCopy.estimate(GIB, 0))
                .isEqualTo("pre-copy would converge: 0 MB/s become dirty, a 10 Gbit/s link takes 1250 MB/s;"
                        + " after 1 round 0 pages are left, 0.00 ms with the guest stopped");
    }

    /** 262144 pages, a tenth of the bandwidth: a tenth is left after each round. */
    @Test
    void eachRoundLeavesWhatBecameDirtyMeanwhile() {
        assertThat(PreCopy.estimate(GIB, 1.25e8 / 4096))
                .contains("would converge")
                .contains("after 4 rounds 26 pages are left, 0.09 ms");
    }

    @Test
    void theFifthRoundIsTheLastThoughMuchIsLeft() {
        assertThat(PreCopy.estimate(GIB, 1.125e9 / 4096)).contains("after 5 rounds 154793 pages are left, 507.23 ms");
    }

    @Test
    void aGuestThatWritesFasterThanTheLinkNeverEnds() {
        assertThat(PreCopy.estimate(GIB, 1.25e9 / 4096)).startsWith("pre-copy would not converge: 1250 MB/s");
    }

    @ParameterizedTest
    @CsvSource({"10ms,10000000,10ms", "1s,1000000000,1s", "1500us,1500000,1500us", "7ns,7,7ns", "3000us,3000000,3ms"})
    void periodIsReadAndShown(String text, long nanoseconds, String shown) {
        assertThat(new Period().convert(text)).isEqualTo(nanoseconds);
        assertThat(Period.text(nanoseconds)).isEqualTo(shown);
    }
}
