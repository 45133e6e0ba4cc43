package io.umbra.tools;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.PrintWriter;
import java.io.StringWriter;
import org.junit.jupiter.api.Test;
import picocli.CommandLine;

class MatrixTest {
    private record Ended(int status, String out, String err) {}

    private static Ended umbra(String... arguments) {
        StringWriter out = new StringWriter();
        StringWriter err = new StringWriter();
        CommandLine command = new CommandLine(new Umbra());
        Main.withErrors(command).setOut(new PrintWriter(out)).setErr(new PrintWriter(err));
        int status = command.execute(arguments);
        return new Ended(status, out.toString(), err.toString());
    }

    @Test
    void countsCasesAndDifferencesOfEachModeAndModel() {
        Ended ended =
                umbra("matrix", "--mode=unpaged,pae", "--coherence", "write-protect", "--sample=2000", "--seed=7");

        assertThat(ended.err()).isEmpty();
        assertThat(ended.status()).isEqualTo(ExitStatus.OK);
        assertThat(ended.out().lines())
                .containsExactly(
                        "mode     model          cases  differences",
                        "unpaged  write-protect    768            0",
                        "pae      write-protect  1,232            0",
                        "all                     2,000            0",
                        "seed 7");
    }

    @Test
    void withoutASampleEveryCaseIsPlayed() {
        Ended ended = umbra("matrix", "--mode", "unpaged");

        assertThat(ended.status()).isEqualTo(ExitStatus.OK);
        assertThat(ended.out())
                .contains("all                     3,072            0")
                .doesNotContain("seed");
    }

    @Test
    void aSampleSmallerThanTheTableHasOneCaseOfEachModeAndModel() {
        assertThat(umbra("matrix", "--sample=5").out()).contains("all                              24            0");
    }

    @Test
    void nestedPagingIsAColumnOfItsOwn() {
        Ended ended = umbra("matrix", "--mode=unpaged", "--paging=nested");

        assertThat(ended.status()).isEqualTo(ExitStatus.OK);
        assertThat(ended.out().lines()).contains("unpaged  nested    768            0");
        assertThat(umbra("matrix", "--paging=direct").status()).isEqualTo(ExitStatus.USAGE);
        assertThat(umbra("matrix", "--paging=nested", "--coherence=strict-tlb").status())
                .isEqualTo(ExitStatus.USAGE);
    }

    @Test
    void whatItDoesNotKnowIsAMistakeOfTheUsers() {
        assertThat(umbra("matrix", "--mode=six-level").err())
                .isEqualToIgnoringNewLines(
                        "umbra: --mode cannot be 'six-level': it takes unpaged, two-level, two-level-pse, pae,"
                                + " four-level, five-level (see umbra matrix --help)");
        assertThat(umbra("matrix", "--coherence=none").status()).isEqualTo(ExitStatus.USAGE);
        assertThat(umbra("matrix", "--sample=0").status()).isEqualTo(ExitStatus.USAGE);
        assertThat(umbra("matrix", "--jobs=-1").status()).isEqualTo(ExitStatus.USAGE);
    }
}
