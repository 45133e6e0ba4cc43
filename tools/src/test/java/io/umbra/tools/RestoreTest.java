package io.umbra.tools;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.PrintStream;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import picocli.CommandLine;

/** {@code umbra run --save}, {@code umbra restore} and {@code umbra run --migrate-every}. */
class RestoreTest {
    private record Result(int status, String console, String errors) {}

    @TempDir
    private Path directory;

    private static Result umbra(String typed, List<String> arguments) {
        ByteArrayOutputStream console = new ByteArrayOutputStream();
        ByteArrayOutputStream report = new ByteArrayOutputStream();
        StringWriter mistakes = new StringWriter();
        PrintStream out = System.out;
        PrintStream err = System.err;
        InputStream in = System.in;
        System.setIn(new ByteArrayInputStream(typed.getBytes(StandardCharsets.US_ASCII)));
        System.setOut(new PrintStream(console, true, StandardCharsets.UTF_8));
        System.setErr(new PrintStream(report, true, StandardCharsets.UTF_8));
        try {
            CommandLine command = Main.withErrors(new CommandLine(new Umbra()));
            command.setErr(new PrintWriter(mistakes));
            int status = command.execute(arguments.toArray(String[]::new));
            return new Result(
                    status,
                    console.toString(StandardCharsets.UTF_8),
                    mistakes + report.toString(StandardCharsets.UTF_8));
        } finally {
            System.setOut(out);
            System.setErr(err);
            System.setIn(in);
        }
    }

    private static Result umbra(String... arguments) {
        return umbra("", List.of(arguments));
    }

    private String file(String name) {
        return directory.resolve(name).toString();
    }

    private String saved() {
        String save = file("guest.save");
        Result run = umbra("run", "--memory=16M", "--no-hypercalls", "--save=" + save, "--save-after=90000");
        assertThat(run.status()).as(run.errors()).isEqualTo(ExitStatus.OK);
        assertThat(run.errors()).contains("umbra: the guest was saved after 90000 instructions to '" + save + "'");
        return save;
    }

    @ParameterizedTest
    @CsvSource({"--paging=nested", "--paging=shadow", "--set=coherence=strict-tlb", "--verify", "--seed=9"})
    void aSavedGuestGoesOnWhereItWas(String option) {
        Result whole = umbra("run", "--memory=16M", "--no-hypercalls", "--report=none");
        Result first = umbra(
                "run", "--memory=16M", "--no-hypercalls", "--report=none", "--save=" + file("a"), "--save-after=30000");
        Result second = umbra("restore", file("a"), option, "--report=none");
        assertThat(second.status()).as(second.errors()).isEqualTo(ExitStatus.OK);
        assertThat(first.console()).isNotEmpty();
        assertThat(first.console() + second.console()).isEqualTo(whole.console());
    }

    @Test
    void theReportIsOnAllOfTheRun() throws IOException {
        String save = saved();
        umbra("run", "--memory=16M", "--no-hypercalls", "--report=properties", "--report-file=" + file("whole"));
        umbra("restore", save, "--report=properties", "--report-file=" + file("rest"));
        for (String line : List.of("instructions=", "processor.exit_port=", "memory_bytes=", "option.coherence=")) {
            assertThat(lines("rest", line)).as(line).isNotEmpty().isEqualTo(lines("whole", line));
        }
    }

    private List<String> lines(String file, String start) throws IOException {
        return Files.readAllLines(directory.resolve(file)).stream()
                .filter(line -> line.startsWith(start))
                .toList();
    }

    @Test
    void whereTheGuestIsSavedAgainItGoesOnAgain() {
        Result whole = umbra("run", "--memory=16M", "--no-hypercalls", "--report=none");
        String save = file("again");
        StringBuilder console = new StringBuilder(
                umbra("run", "--memory=16M", "--no-hypercalls", "--save=" + save, "--save-after=20000")
                        .console());
        for (int after = 40_000; after <= 140_000; after += 20_000) {
            Result next = umbra("restore", save, "--save=" + save, "--save-after=" + after);
            assertThat(next.status()).as(next.errors()).isEqualTo(ExitStatus.OK);
            console.append(next.console());
        }
        assertThat(console.append(umbra("restore", save).console())).hasToString(whole.console());
    }

    @Test
    void aLimitSavesTooAndIsALimitStill() {
        Result run = umbra("run", "--memory=16M", "--limit=5000", "--save=" + file("limit"));
        assertThat(run.status()).isEqualTo(ExitStatus.LIMIT_REACHED);
        assertThat(run.errors())
                .contains(
                        "the limit of 5000 instructions was reached, and the guest was saved after 5000 instructions");
        assertThat(umbra("restore", file("limit"), "--limit=6000").status()).isEqualTo(ExitStatus.LIMIT_REACHED);
        Result late = umbra("restore", file("limit"), "--limit=5000");
        assertThat(late.status()).isEqualTo(ExitStatus.USAGE);
        assertThat(late.errors()).contains("the guest has retired 5000 instructions already");
    }

    @Test
    void aGuestThatHasEndedIsNotSaved() {
        Result run = umbra("run", "--memory=16M", "--report=none", "--save=" + file("none"));
        assertThat(run.status()).isEqualTo(ExitStatus.OK);
        assertThat(run.errors()).contains("nothing was saved, for the guest has ended");
        assertThat(directory.resolve("none")).doesNotExist();
    }

    @Test
    void whatIsNoSaveIsNotOverwritten() throws IOException {
        Path precious = Files.writeString(directory.resolve("precious"), "a letter that took a long time to write");
        Path link = Files.createSymbolicLink(directory.resolve("link"), precious);
        Path empty = Files.createFile(directory.resolve("empty"));
        for (Path file : List.of(precious, link, empty, directory, Path.of("/dev/null"))) {
            Result run = umbra("run", "--memory=16M", "--save=" + file, "--save-after=10");
            assertThat(run.status()).as(file.toString()).isEqualTo(ExitStatus.USAGE);
            assertThat(run.console()).isEmpty();
            assertThat(run.errors()).contains("is no saved guest: it is not overwritten");
        }
        assertThat(precious).hasContent("a letter that took a long time to write");
        assertThat(umbra("run", "--save=" + file("no/where"), "--save-after=10").errors())
                .contains("its directory does not exist");
    }

    @Test
    void anOlderSaveIsReplacedAndNothingElseIsLeft() throws IOException {
        String save = saved();
        byte[] first = Files.readAllBytes(Path.of(save));
        umbra("run", "--memory=16M", "--save=" + save, "--save-after=50000");
        assertThat(Files.readAllBytes(Path.of(save))).isNotEqualTo(first);
        try (Stream<Path> left = Files.list(directory)) {
            assertThat(left).containsExactly(Path.of(save));
        }
    }

    @Test
    void optionsThatDoNotGoTogetherAreRefused() {
        assertThat(umbra("run", "--save-after=10").errors()).contains("--save-after needs --save FILE");
        assertThat(umbra("run", "--save=" + file("x"), "--save-after=0").status())
                .isEqualTo(ExitStatus.USAGE);
        assertThat(umbra("run", "--migrate-every=1ms", "--dirty-log=1ms").errors())
                .contains("--migrate-every");
        assertThat(umbra("restore", file("nothing")).errors()).contains("does not exist");
        assertThat(umbra("restore", directory.toString()).errors()).contains("is a directory");
        String save = saved();
        assertThat(umbra("restore", save, "--paging=none").status()).isEqualTo(ExitStatus.USAGE);
        assertThat(umbra("restore", save, "--set=magic=1").status()).isEqualTo(ExitStatus.USAGE);
    }

    /** One line, status 2: whatever happened to the file. */
    @Test
    void aDamagedFileIsRefusedInOneLine() throws IOException {
        byte[] good = Files.readAllBytes(Path.of(saved()));
        SplittableRandom random = new SplittableRandom(4);
        Path damaged = directory.resolve("damaged");
        for (int i = 0; i < 60; i++) {
            byte[] bytes = i % 3 == 0 ? java.util.Arrays.copyOf(good, random.nextInt(good.length)) : good.clone();
            if (i % 3 != 0) {
                bytes[random.nextInt(bytes.length - 24)] ^= (byte) (1 << random.nextInt(8));
            }
            Files.write(damaged, bytes);
            Result result = umbra("restore", damaged.toString());
            assertThat(result.status()).as("%d: %s", i, result.errors()).isEqualTo(ExitStatus.USAGE);
            assertThat(result.errors().strip())
                    .startsWith("umbra: cannot restore")
                    .doesNotContain("\n");
        }
    }

    @Test
    void migratesTheRunningGuestAndReportsEachTime() {
        Result plain = umbra("run", "--memory=8M", "--no-hypercalls", "--report=none");
        Result moved = umbra("run", "--memory=8M", "--no-hypercalls", "--migrate-every=1us", "--verify");
        assertThat(moved.status()).as(moved.errors()).isEqualTo(ExitStatus.OK);
        assertThat(moved.console()).isEqualTo(plain.console());
        assertThat(moved.errors())
                .containsPattern("\n\\d+ migrations?\n")
                .containsPattern(" ms: \\d rounds? of 2024[, \\d]* pages, then \\d+ pages with the guest stopped; ");
        Result json = umbra("run", "--memory=8M", "--no-hypercalls", "--migrate-every=1us", "--report=json");
        assertThat(json.errors()).containsPattern("\"migrations\": \\[\n +\\[1\\d\\d\\d, \\d+, \\d+, \\d+, 2024");
    }
}
