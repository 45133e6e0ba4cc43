package io.umbra.tools;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class CombinationTest {

    private static List<String> all(String... variations) {
        return Combination.all(
                        List.of(variations).stream().map(Variation::parse).toList())
                .stream()
                .map(Combination::toString)
                .toList();
    }

    @Test
    void everyValueMeetsEveryOtherAndTheLastOptionVariesFastest() {
        assertThat(all("coherence=write-protect,strict-tlb", "pool=128,256,512"))
                .containsExactly(
                        "coherence=write-protect pool=128",
                        "coherence=write-protect pool=256",
                        "coherence=write-protect pool=512",
                        "coherence=strict-tlb pool=128",
                        "coherence=strict-tlb pool=256",
                        "coherence=strict-tlb pool=512");
    }

    @Test
    void aSingleValueIsACombination() {
        assertThat(all("paging=nested")).containsExactly("paging=nested");
        assertThat(all("paging=nested", "memory=8M", "populate=one-level"))
                .containsExactly("paging=nested memory=8M populate=one-level");
    }

    @Test
    void onlyMemoryMakesAnotherMachine() {
        List<Combination> all =
                Combination.all(List.of(Variation.parse("memory=8M,16M"), Variation.parse("paging=shadow,nested")));
        assertThat(all.get(0).isSameMachineAs(all.get(1))).isTrue();
        assertThat(all.get(0).isSameMachineAs(all.get(2))).isFalse();
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
                    coherence                    | --vary takes OPTION=a,b,c, not
                    magic=1                      | takes one of coherence, oos-slots
                    =1                           | takes one of coherence, oos-slots
                    coherence=                   | it takes strict-tlb or write-protect
                    coherence=strict-tlb,        | option coherence cannot be
                    coherence=strict-tlb,perhaps | option coherence cannot be
                    pool=128,128                 | names a value twice
                    paging=SHADOW                | it takes shadow or nested
                    memory=lots                  | is no size: give a number
                    memory=1K                    | must be a multiple of 4K
                    """)
    void whatCannotBeVariedIsRefusedWithTheChoices(String text, String message) {
        assertThatThrownBy(() -> Variation.parse(text))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining(message);
    }
}
