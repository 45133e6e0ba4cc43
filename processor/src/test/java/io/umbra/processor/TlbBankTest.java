package io.umbra.processor;

import static org.assertj.core.api.Assertions.assertThat;

import io.umbra.x86.HostMemory;
import io.umbra.x86.LongModeEntry;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class TlbBankTest {
    private static final long LINEAR = 0x40_1000;

    /** Where a page lies in host memory at the offset that is its linear address, the addend is what an empty entry has. */
    @ParameterizedTest
    @ValueSource(longs = {0, 0x1000, -LINEAR})
    void generatedCodeIsGivenTheAddressOfWhatTheInterpreterReads(long addend) {
        TlbBank bank = new TlbBank();
        int at = TlbBank.at(LINEAR);
        bank.aim(at, addend);
        assertThat(bank.words[at + TlbBank.ADDEND] + HostMemory.address()).isEqualTo(bank.words[at + TlbBank.ADDRESS]);
    }

    @ParameterizedTest
    @ValueSource(longs = {0, 0x1000})
    void whatAnEntryHeldIsInTheSecondWayUntilTheNextOneComes(long addend) {
        TlbBank bank = new TlbBank();
        int at = TlbBank.at(LINEAR);
        bank.aim(at, addend);
        bank.words[at + TlbBank.WRITE] = LINEAR | 1;
        bank.aim(at, addend + 4096);
        assertThat(bank.holds(at, LINEAR | 1)).isFalse();
        bank.promote(at, LINEAR | 1);
        assertThat(bank.holds(at, LINEAR | 1)).isTrue();
        assertThat(bank.words[at + TlbBank.ADDEND]).isEqualTo(addend);
        bank.promote(at, LINEAR | 1);
        assertThat(bank.holds(at, LINEAR | 1)).isTrue();
        bank.aim(at, addend + 8192);
        bank.aim(at, addend + 12288);
        bank.promote(at, LINEAR | 1);
        assertThat(bank.holds(at, LINEAR | 1)).isFalse();
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2})
    void anEntryOfATableIsDroppedInBothWays(int level) {
        TlbBank bank = new TlbBank();
        int at = TlbBank.at(LINEAR);
        bank.words[at + TlbBank.READ] = LINEAR | 1;
        bank.aim(at, 0);
        bank.words[at + TlbBank.WRITE] = LINEAR | 2;
        bank.dropEntry(level, LongModeEntry.index(LINEAR, level) ^ 1);
        assertThat(bank.holds(at, LINEAR | 2) && bank.holds(at + TlbBank.SECOND, LINEAR | 1))
                .isTrue();
        bank.dropEntry(level, LongModeEntry.index(LINEAR, level));
        assertThat(bank.holds(at, LINEAR | 2) || bank.holds(at + TlbBank.SECOND, LINEAR | 1))
                .isFalse();
    }
}
