package io.umbra.bench.guest;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ArgumentsTest {
    @Test
    void optionsAreTaken() throws Exception {
        Arguments arguments = Arguments.parse(
                "--only",
                "alu,fib",
                "--rounds",
                "3",
                "--machines",
                "qemu",
                "--umbra-options",
                "--processor  translator",
                "--output",
                "t.md");
        assertThat(arguments.only()).containsExactly("alu", "fib");
        assertThat(arguments.machines()).containsExactly("qemu");
        assertThat(arguments.rounds()).isEqualTo(3);
        assertThat(arguments.umbraOptions()).containsExactly("--processor", "translator");
        assertThat(arguments.output()).contains(Path.of("t.md"));
    }

    @Test
    void withoutAnyEverythingIsRunFiveTimes() throws Exception {
        Arguments arguments = Arguments.parse();
        assertThat(arguments.only()).isEmpty();
        assertThat(arguments.rounds()).isEqualTo(5);
    }

    @ParameterizedTest
    @ValueSource(strings = {"--rounds 0", "--rounds x", "--rounds", "--nothing", "alu", "--timeout -1", "--only"})
    void mistakeIsStatusTwo(String line) {
        assertThatExceptionOfType(BenchException.class)
                .isThrownBy(() -> Arguments.parse(line.split(" ", -1)))
                .satisfies(e -> assertThat(e.status()).isEqualTo(BenchException.USAGE));
    }
}
