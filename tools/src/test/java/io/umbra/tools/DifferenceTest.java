package io.umbra.tools;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.tuple;

import io.umbra.tools.Difference.Kind;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DifferenceTest {
    private static final Difference.Rules STRICT = new Difference.Rules(true, false);

    @TempDir
    private Path directory;

    private Ran run(String pool, int status, long instructions, String console) throws IOException {
        return Runs.ran(
                directory,
                Runs.combination("pool", pool),
                Runs.result(status, instructions),
                console.getBytes(StandardCharsets.UTF_8));
    }

    @Test
    void equalRunsDoNotDiffer() throws Exception {
        assertThat(Difference.between(run("1", 0, 5, "a\nb\n"), run("2", 0, 5, "a\nb\n"), STRICT))
                .isEmpty();
    }

    @Test
    void theFirstLineThatDiffersIsShownOfBoth() throws Exception {
        List<Difference> found = Difference.between(
                run("1", 0, 5, "one\r\ntwo\r\nthree"), run("2", 0, 5, "one\r\ntwo!\r\nfour"), STRICT);
        assertThat(found).singleElement().satisfies(difference -> {
            assertThat(difference.kind()).isEqualTo(Kind.CONSOLE);
            assertThat(difference.line()).isEqualTo(2);
            assertThat(difference.seenIn()).isEqualTo("two");
            assertThat(difference.seenInOther()).isEqualTo("two!");
            assertThat(difference.text())
                    .isEqualTo("the console differs in line 2:\n    pool=1: two\n    pool=2: two!\n");
        });
    }

    @Test
    void aConsoleThatEndsEarlyDiffersWhereItEnds() throws Exception {
        assertThat(Difference.between(run("1", 0, 5, "one\ntwo\n"), run("2", 0, 5, "one\n"), STRICT))
                .singleElement()
                .satisfies(difference -> {
                    assertThat(difference.line()).isEqualTo(2);
                    assertThat(difference.seenIn()).isEqualTo("two");
                    assertThat(difference.seenInOther()).isEqualTo("(the console ends)");
                });
    }

    @Test
    void whatATerminalWouldObeyIsWrittenInHexadecimal() throws Exception {
        assertThat(Difference.between(run("1", 0, 5, "x\u001b[2J"), run("2", 0, 5, "y\u0007"), STRICT))
                .singleElement()
                .extracting(Difference::seenIn, Difference::seenInOther)
                .containsExactly("x\\x1b[2J", "y\\x07");
    }

    @Test
    void aLongLineIsShownUpToTheDifferenceAndALittleFurther() throws Exception {
        String same = "x".repeat(150);
        assertThat(Difference.between(
                        run("1", 0, 5, same + "A" + "y".repeat(9000)),
                        run("2", 0, 5, same + "B" + "y".repeat(9000)),
                        STRICT))
                .singleElement()
                .satisfies(difference -> {
                    assertThat(difference.seenIn()).startsWith(same + "A").hasSizeLessThan(500);
                    assertThat(difference.seenInOther()).startsWith(same + "B");
                });
    }

    @Test
    void statusAndInstructionsAreComparedToo() throws Exception {
        assertThat(Difference.between(run("1", 0, 5, "a"), run("2", 1, 6, "a"), STRICT))
                .extracting(Difference::kind, Difference::seenIn, Difference::seenInOther)
                .containsExactly(
                        tuple(Kind.STATUS, "0: ended with 0", "1: ended with 1"), tuple(Kind.INSTRUCTIONS, "5", "6"));
    }

    @Test
    void underWallTimeInstructionsMayDiffer() throws Exception {
        assertThat(Difference.between(run("1", 0, 5, "a"), run("2", 0, 6, "a"), new Difference.Rules(false, false)))
                .isEmpty();
    }

    @Test
    void aRunCutShortByTheHostsClockNeedOnlyBeginAsTheOther() throws Exception {
        Difference.Rules rules = new Difference.Rules(true, true);
        assertThat(Difference.between(run("1", 0, 9, "one\ntwo\n"), run("2", 124, 5, "one\nt"), rules))
                .isEmpty();
        assertThat(Difference.between(run("1", 0, 9, "one\ntwo\n"), run("2", 124, 5, "one\nT"), rules))
                .singleElement()
                .extracting(Difference::kind)
                .isEqualTo(Kind.CONSOLE);
        assertThat(Difference.between(run("1", 0, 9, "one\ntwo\n"), run("2", 124, 5, "one\nt"), STRICT))
                .hasSize(3);
    }

    @Test
    void runsOnAnotherMachineAreNotComparedWithEachOther() throws Exception {
        Ran small = Runs.ran(directory, Runs.combination("memory", "8M"), Runs.result(0, 5), new byte[] {'a'});
        Ran large = Runs.ran(directory, Runs.combination("memory", "9M"), Runs.result(0, 6), new byte[] {'b'});
        Comparison comparison = Comparison.of("guest", Map.of(), List.of(small, large), STRICT);
        assertThat(comparison.differences()).isEmpty();
        assertThat(comparison.status()).isEqualTo(ExitStatus.OK);
    }

    @Test
    void theWorstRunDecidesTheStatus() throws Exception {
        assertThat(statusOf(run("1", 0, 5, "a"), run("2", 0, 5, "b"))).isEqualTo(ExitStatus.GUEST_FAILED);
        assertThat(statusOf(run("1", 124, 5, "a"), run("2", 124, 5, "a"))).isEqualTo(ExitStatus.LIMIT_REACHED);
        assertThat(statusOf(run("1", 1, 5, "a"), run("2", 1, 5, "a"))).isEqualTo(ExitStatus.GUEST_FAILED);
        Ran broken = new Ran(
                Runs.combination("pool", "3"), 3, null, run("3", 3, 0, "").console(), "umbra: oh");
        assertThat(statusOf(run("1", 1, 5, "a"), broken)).isEqualTo(ExitStatus.OWN_FAULT);
        assertThat(statusOf(broken, run("1", 0, 5, "a"))).isEqualTo(ExitStatus.OWN_FAULT);
    }

    private static int statusOf(Ran... runs) throws IOException {
        return Comparison.of("guest", Map.of(), List.of(runs), STRICT).status();
    }
}
