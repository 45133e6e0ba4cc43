package io.umbra.tools;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.PrintStream;
import java.io.PrintWriter;
import java.io.StringReader;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.random.RandomGenerator;
import java.util.random.RandomGeneratorFactory;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import picocli.CommandLine;

/** {@code umbra run --trace}, {@code --replay} and {@code umbra trace}, with the built-in guest. */
class TraceCommandTest {
    private static final long SEED = Long.getLong("umbra.seed", 20_261_123);

    private record Result(int status, String console, String errors) {}

    @TempDir
    private Path directory;

    private static Result umbra(List<String> arguments) {
        ByteArrayOutputStream console = new ByteArrayOutputStream();
        ByteArrayOutputStream report = new ByteArrayOutputStream();
        StringWriter mistakes = new StringWriter();
        PrintStream out = System.out;
        PrintStream err = System.err;
        InputStream in = System.in;
        System.setIn(new ByteArrayInputStream(new byte[0]));
        System.setOut(new PrintStream(console, true, StandardCharsets.UTF_8));
        System.setErr(new PrintStream(report, true, StandardCharsets.UTF_8));
        try {
            CommandLine command = Main.withErrors(new CommandLine(new Umbra()));
            command.setErr(new PrintWriter(mistakes));
            command.setOut(new PrintWriter(console, true, StandardCharsets.UTF_8));
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
        return umbra(List.of(arguments));
    }

    private static Result run(String settings, String... more) {
        List<String> arguments = new ArrayList<>(List.of("run", "--report=properties"));
        arguments.addAll(settings.isEmpty() ? List.of() : Arrays.asList(settings.split(" ", -1)));
        arguments.addAll(List.of(more));
        return umbra(arguments);
    }

    private static Map<String, Long> counters(Result run) throws IOException {
        return RunResult.parse(new StringReader(run.errors())).counters();
    }

    private Path traced(String settings) {
        Path file = directory.resolve("run.trace");
        Result result = run(settings, "--trace", file.toString());
        assertThat(result.status()).as(result.errors()).isEqualTo(ExitStatus.OK);
        return file;
    }

    private static Map<String, Long> summary(Path file) {
        Result result = umbra("trace", file.toString(), "--summary", "--json");
        assertThat(result.status()).as(result.errors()).isEqualTo(ExitStatus.OK);
        String counters = result.console().substring(result.console().indexOf("\"counters\""));
        Matcher field = Pattern.compile("\"([a-z0-9_]+)\": (\\d+)").matcher(counters);
        Map<String, Long> found = new java.util.LinkedHashMap<>();
        while (field.find()) {
            found.put(field.group(1), Long.parseLong(field.group(2)));
        }
        return found;
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "--set=coherence=out-of-sync",
                "--set=coherence=strict-tlb --set=populate=one-level --set=prefetch=0",
                "--set=pool=128 --set=blow-every=5000 --dirty-log=10us",
                "--paging=nested --dirty-log=10us"
            })
    void consoleAndCountersAreTheSameWithATraceAndComeOutOfItAgain(String settings) throws IOException {
        Path file = directory.resolve("run.trace");
        Result without = run(settings);
        Result with = run(settings, "--trace", file.toString());

        assertThat(with.console()).isEqualTo(without.console());
        assertThat(counters(with)).isEqualTo(counters(without));
        assertThat(summary(file)).isEqualTo(counters(without));
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "--set=coherence=out-of-sync", "--paging=nested --dirty-log=10us"})
    void theSameRunReplaysToTheLastEvent(String settings) {
        Path file = traced(settings);

        Result replay = run(settings, "--verify", "--replay", file.toString());

        assertThat(replay.status()).as(replay.errors()).isEqualTo(ExitStatus.OK);
        assertThat(replay.errors()).contains("the replay made the same ");
    }

    /** The events of another seed, in which other frames hold the guest, under the header of this one. */
    @Test
    void theFirstDifferenceIsShownAsBothEvents() throws IOException {
        Path file = traced("--seed=2");
        byte[] bytes = Files.readAllBytes(file);
        int seed = new String(bytes, StandardCharsets.ISO_8859_1).indexOf("seed") + "seed".length() + 4;
        assertThat(bytes[seed]).isEqualTo((byte) '2');
        bytes[seed] = '1';
        Files.write(file, bytes);

        Result replay = run("", "--replay", file.toString());

        assertThat(replay.status()).isEqualTo(ExitStatus.GUEST_FAILED);
        assertThat(replay.console()).as("the run ends there").doesNotContain("checks passed");
        assertThat(replay.errors())
                .containsPattern("umbra: the replay differs at event \\d+\\R")
                .containsPattern("  the log  +0  made +type=unpaged-l4 frame=0x0 mfn=0x[0-9a-f]+\\R")
                .containsPattern("  now      +0  made +type=unpaged-l4 frame=0x0 mfn=0x[0-9a-f]+\\R");
    }

    @Test
    void aRunOfOtherInputsIsNoReplay() {
        Path file = traced("");

        assertThat(run("--set=prefetch=0", "--replay", file.toString()).errors())
                .isEqualToIgnoringNewLines("umbra: '" + file
                        + "' cannot be replayed: it is of another run: its policy is 'default', not 'prefetch=0'"
                        + " (see umbra run --help)");
        assertThat(run("--append=x", "--replay", file.toString()).status()).isEqualTo(ExitStatus.USAGE);
        assertThat(run("--time=wall", "--replay", file.toString()).status()).isEqualTo(ExitStatus.USAGE);
        assertThat(run("", "--trace=x", "--replay", file.toString()).status()).isEqualTo(ExitStatus.USAGE);
    }

    @Test
    void aLimitOfInstructionsEndsARunAndItsReplayAlike() {
        Path file = directory.resolve("run.trace");
        assertThat(run("--limit=1000", "--trace", file.toString()).status()).isEqualTo(ExitStatus.LIMIT_REACHED);

        Result replay = run("--limit=1000", "--replay", file.toString());

        assertThat(replay.status()).isEqualTo(ExitStatus.LIMIT_REACHED);
        assertThat(replay.errors()).contains("the replay made the same ");
        assertThat(umbra("trace", file.toString(), "--kind=end").console())
                .isEqualToIgnoringNewLines("          1000  end          status=124 whole=yes");
    }

    @Test
    void eventsArePrintedWithTheirFieldsAndFiltered() {
        Path file = traced("");
        List<String> all = umbra("trace", file.toString()).console().lines().toList();

        assertThat(all.getFirst()).startsWith("             0  made         type=unpaged-l4 frame=0x0 mfn=0x");
        assertThat(all.getLast()).endsWith("end          status=0 whole=yes");
        assertThat(all)
                .anyMatch(line -> line.matches(" +\\d+  fault        vcpu=0 linear=0x\\w+ code=\\S+ rip=0x\\w+"))
                .anyMatch(line -> line.matches(" +\\d+  outcome      step=8 outcome=fixup code=\\S+"))
                .anyMatch(line -> line.matches(" +\\d+  control      vcpu=0 register=CR3 old=0x\\w+ value=0x\\w+"));
        List<String> walks =
                umbra("trace", file.toString(), "--kind=walk").console().lines().toList();
        assertThat(walks)
                .isEqualTo(
                        all.stream().filter(line -> line.contains("  walk  ")).toList());
        assertThat(umbra("trace", file.toString(), "--kind", "walk,end", "--json")
                        .console()
                        .lines())
                .hasSize(walks.size() + 1)
                .allMatch(line -> line.matches("\\{\"time\": \\d+, \"kind\": \"(walk|end)\", .*\\}"));
        long middle = time(all.get(all.size() / 2));
        assertThat(umbra("trace", file.toString(), "--from=" + middle, "--to=" + (middle + 500))
                        .console()
                        .lines()
                        .toList())
                .isEqualTo(all.stream()
                        .filter(line -> time(line) >= middle && time(line) <= middle + 500)
                        .toList());
    }

    private static long time(String line) {
        return Long.parseLong(line.substring(0, 14).strip());
    }

    @Test
    void aFaultIsShownWithAllThatBelongsToIt() {
        Path file = traced("");
        String fault = umbra("trace", file.toString(), "--kind=fault")
                .console()
                .lines()
                .skip(40)
                .findFirst()
                .orElseThrow();
        String linear = fault.replaceAll(".* linear=(\\S+) .*", "$1");

        List<String> shown = umbra("trace", file.toString(), "--linear", linear)
                .console()
                .lines()
                .toList();

        String page = linear.substring(0, linear.length() - 3);
        assertThat(shown).contains(fault);
        long faults = shown.stream().filter(line -> line.contains("  fault  ")).count();
        assertThat(shown).filteredOn(line -> line.contains("  outcome  ")).hasSize((int) faults);
        assertThat(shown)
                .filteredOn(line -> line.contains(" linear="))
                .allMatch(line -> line.contains(" linear=" + page));
        String walk = shown.stream()
                .filter(line -> line.contains("  walk  ") && !line.contains("gfn=none"))
                .findFirst()
                .orElseThrow();
        String gfn = walk.replaceAll(".* gfn=(\\S+) .*", "$1");
        assertThat(umbra("trace", file.toString(), "--gfn", gfn).console()).contains(walk);
    }

    @Test
    void theHeaderTellsWhatDeterminesTheRun() {
        Result header = umbra("trace", traced("--set=pool=200").toString(), "--header");

        assertThat(header.console())
                .contains("guest          built-in")
                .containsPattern("guest-sha256   [0-9a-f]{64}\n")
                .contains("policy         pool=200\n")
                .contains("command        run --report=properties --set=pool=200 --trace ");
    }

    @Test
    void aFileOfTheUsersIsNotOverwritten() throws IOException {
        Path file = Files.writeString(directory.resolve("notes"), "something of the user's");

        Result result = run("", "--trace", file.toString());

        assertThat(result.status()).isEqualTo(ExitStatus.USAGE);
        assertThat(result.errors()).contains("is not overwritten").hasLineCount(1);
        assertThat(file).hasContent("something of the user's");
    }

    @Test
    void aBrokenTraceIsOneLineWhereverItIsBroken() throws IOException {
        Path whole = traced("--limit=2000000");
        byte[] bytes = Files.readAllBytes(whole);
        RandomGenerator random = RandomGeneratorFactory.of("L64X128MixRandom").create(SEED);
        int refused = 0;
        for (int i = 0; i < 160; i++) {
            byte[] changed = Arrays.copyOf(bytes, i < 80 ? random.nextInt(bytes.length) : bytes.length);
            for (int change = i < 80 ? 0 : 1 + random.nextInt(3); change > 0; change--) {
                changed[random.nextInt(changed.length)] ^= (byte) (1 << random.nextInt(8));
            }
            Path file = Files.write(directory.resolve("broken.trace"), changed);
            for (String way : new String[] {"--kind=end", "--summary"}) {
                Result result = umbra("trace", file.toString(), way);
                String which = "seed " + SEED + ", change " + i + " " + way + ": " + result.errors();
                assertThat(result.status()).as(which).isIn(ExitStatus.OK, ExitStatus.USAGE);
                assertThat(result.errors()).as(which).doesNotContain("Exception", "\tat ");
                if (result.status() == ExitStatus.USAGE) {
                    refused++;
                    assertThat(result.errors()).as(which).startsWith("umbra: ").hasLineCount(1);
                }
            }
        }
        assertThat(refused).as("of 320").isGreaterThan(160);
    }

    @Test
    void aTraceThatWasCutOffEndsItsReplay() throws IOException {
        Path file = traced("");
        byte[] bytes = Files.readAllBytes(file);
        Files.write(file, Arrays.copyOf(bytes, bytes.length - bytes.length / 4));

        Result replay = run("", "--replay", file.toString());

        assertThat(replay.status()).isEqualTo(ExitStatus.USAGE);
        assertThat(replay.errors())
                .contains("cannot be replayed: it was cut off behind")
                .hasLineCount(1);
        assertThat(umbra("trace", directory.resolve("none").toString()).errors())
                .contains("does not exist")
                .hasLineCount(1);
        assertThat(umbra("trace", directory.toString()).status()).isEqualTo(ExitStatus.USAGE);
    }
}
