package io.umbra.shadow;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.HashMap;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

class PolicyOptionTest {
    @ParameterizedTest
    @EnumSource
    void defaultIsWhatAPolicyWithoutSettingsHas(PolicyOption option) {
        assertThat(option.valueIn(PolicyOption.parse(Map.of()))).isEqualTo(option.defaultValue());
        assertThat(PolicyOption.of(option.label())).contains(option);
        assertThat(option.description()).isNotBlank();
    }

    @ParameterizedTest
    @CsvSource({
        "coherence, strict-tlb",
        "coherence, write-protect",
        "populate, one-level",
        "writable-search, brute-force",
        "pool, 128",
        "pool, 1048576",
        "dirty-clean, blow",
        "blow-every, 1"
    })
    void settingChangesItsOwnRowOnly(String label, String value) {
        ShadowPolicy policy = PolicyOption.parse(Map.of(label, value));
        Map<String, String> rows = new HashMap<>();
        for (PolicyOption option : PolicyOption.values()) {
            rows.put(option.label(), option.label().equals(label) ? value : option.defaultValue());
            assertThat(option.valueIn(policy)).isEqualTo(rows.get(option.label()));
        }
    }

    @ParameterizedTest
    @CsvSource({
        "coherence, none",
        "coherence, WRITE_PROTECT",
        "populate, ''",
        "pool, 127",
        "pool, 1048577",
        "pool, many",
        "pool, 99999999999999999999",
        "dirty-clean, none",
        "blow-every, -1"
    })
    void badValueIsRefusedWithWhatTheOptionTakes(String label, String value) {
        String choices = PolicyOption.of(label).orElseThrow().choices();
        assertThatThrownBy(() -> PolicyOption.parse(Map.of(label, value)))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("option " + label + " cannot be '" + value + "': it takes " + choices);
    }

    @Test
    void unknownOptionIsRefusedWithAHint() {
        assertThatThrownBy(() -> PolicyOption.parse(Map.of("coherance", "strict-tlb")))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("unknown option 'coherance': `umbra options` lists them");
    }
}
