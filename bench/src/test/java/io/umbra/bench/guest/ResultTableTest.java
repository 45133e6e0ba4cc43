package io.umbra.bench.guest;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;

class ResultTableTest {
    @Test
    void ratiosAreThoseOfTheMedians() {
        ResultTable table = new ResultTable(List.of("umbra", "qemu"));
        for (double wall : List.of(9.0, 2.0, 3.0)) {
            table.add("alu", "umbra", new Measured(wall, 10 * wall));
        }
        table.add("alu", "qemu", new Measured(1.5, 60));
        assertThat(table.markdown()).isEqualTo("""
                        | Guest | umbra wall | CPU | qemu wall | CPU | wall ÷ qemu | CPU ÷ qemu |
                        |---|---:|---:|---:|---:|---:|---:|
                        | alu | 3.00 (2.00–9.00) | 30.00 | 1.50 (1.50–1.50) | 60.00 | 2.00 | 0.50 |
                        """);
    }

    @Test
    void medianOfAnEvenNumberIsTheLowerOfTheMiddle() {
        List<Measured> runs = List.of(new Measured(4, 0), new Measured(1, 0), new Measured(3, 0), new Measured(2, 0));
        assertThat(Measured.median(runs, Measured::wall)).isEqualTo(2);
    }

    @Test
    void whatWasNotRunIsADash() {
        ResultTable table = new ResultTable(List.of("umbra", "bochs"));
        table.add("fib", "umbra", new Measured(1, 1));
        assertThat(table.markdown()).endsWith("| fib | 1.00 (1.00–1.00) | 1.00 | – | – | – | – |\n");
    }
}
