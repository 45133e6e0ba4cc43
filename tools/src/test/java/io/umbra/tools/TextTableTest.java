package io.umbra.tools;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.umbra.tools.TextTable.Align;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class TextTableTest {

    @Test
    void columnsAreAsWideAsTheirWidestCell() {
        String text = new TextTable()
                .column("name", Align.LEFT)
                .column("count", Align.RIGHT)
                .attached()
                .column("x", Align.RIGHT)
                .row(List.of("a", "1", "", "7"))
                .row(List.of("longer", "1,234,567", "×2", "8"))
                .text();
        assertThat(text).isEqualTo("""
                name        count     x
                a               1     7
                longer  1,234,567 ×2  8
                """);
    }

    @Test
    void aRowHasACellForEachColumn() {
        TextTable table = new TextTable().column("a", Align.LEFT);
        assertThatThrownBy(() -> table.row(List.of("1", "2"))).isInstanceOf(IllegalArgumentException.class);
    }

    @ParameterizedTest
    @CsvSource({
        "5, 0, ''",
        "0, 0, ''",
        "7, 7, =",
        "0, 7, ×0",
        "14, 7, ×2.00",
        "10, 3, ×3.33",
        "100, 3, ×33.3",
        "1000, 3, ×333",
        "1, 1000, <×0.01"
    })
    void factorsHaveThreeDigits(long value, long baseline, String factor) {
        assertThat(ComparisonText.factor(value, baseline)).isEqualTo(factor);
    }
}
