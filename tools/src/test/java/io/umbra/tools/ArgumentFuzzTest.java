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
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.random.RandomGenerator;
import java.util.random.RandomGeneratorFactory;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import picocli.CommandLine;

/**
 * Whatever the arguments are, the command ends with a status that is not Umbra's own fault and without a stack trace. {@code -Dumbra.seed} and
 * {@code -Dumbra.vectors} choose which arguments, and how many.
 */
class ArgumentFuzzTest {
    private static final List<String> NAMES = List.of(
            "--initrd",
            "--append",
            "--memory",
            "--cpus",
            "--guest",
            "--time",
            "--paging",
            "--set",
            "--seed",
            "--limit",
            "--timeout",
            "--report",
            "--report-file",
            "--verify",
            "--lock-step-every",
            "--lock-step-memory",
            "--lock-step-from",
            "--save",
            "--save-after",
            "--migrate-every",
            "--no-hypercalls",
            "--vary",
            "--jobs",
            "--cost",
            "--format",
            "--output",
            "--mode",
            "--coherence",
            "--trace",
            "--replay",
            "--kind",
            "--from",
            "--gfn",
            "--linear",
            "--summary",
            "--json",
            "--help",
            "--version",
            "-h",
            "-V",
            "--",
            "-",
            "--nonsense",
            "");

    private static final List<String> VALUES = List.of(
            "",
            " ",
            "0",
            "1",
            "-1",
            "2M",
            "64M",
            "256M",
            "513G",
            "99999999999999999999",
            "0x10",
            "1e3",
            "hvm",
            "pv",
            "shadow",
            "nested",
            "direct",
            "virtual",
            "wall",
            "text",
            "json",
            "csv",
            "properties",
            "none",
            "TEXT",
            "pae",
            "fault,outcome",
            "0xffff800000000000",
            "pae,four-level",
            "strict-tlb",
            "coherence=strict-tlb",
            "coherence=write-protect,strict-tlb",
            "populate=one-level",
            "paging=shadow,nested",
            "memory=2M,64M",
            "pool=128",
            "pool=1",
            "pool=1048576",
            "blow-every=1",
            "blow-every=-1",
            "magic=1",
            "=",
            "==",
            "a=",
            "=a",
            "exit=5",
            "exit=NaN",
            "reference=0.5",
            "early-unshadow=off",
            "@",
            "@nothing",
            "${sys:user.home}",
            "%s%n",
            "\u0000",
            "\uD800",
            "ß漢",
            "a b",
            "a,b,,c",
            "/",
            ".",
            "/dev/null",
            "/nowhere/at/all",
            "\"quoted",
            "'",
            "\\",
            "\n",
            "-x",
            "1,2",
            "true");

    private static final List<String> WRITES = List.of("--report-file", "--output", "--trace", "--save");

    @TempDir
    private Path directory;

    private record Ended(int status, String said) {}

    /** A run in this process; in compare, in place of one of its own. */
    private static synchronized Ended umbra(List<String> arguments, ByteArrayOutputStream console) {
        StringWriter said = new StringWriter();
        ByteArrayOutputStream errors = new ByteArrayOutputStream();
        PrintStream out = System.out;
        PrintStream err = System.err;
        InputStream in = System.in;
        System.setIn(new ByteArrayInputStream(new byte[0]));
        System.setOut(new PrintStream(console, true, StandardCharsets.UTF_8));
        System.setErr(new PrintStream(errors, true, StandardCharsets.UTF_8));
        try {
            CommandLine command = new CommandLine(new Umbra(), new WithPretendedProcesses());
            Main.withErrors(command).setErr(new PrintWriter(said)).setOut(new PrintWriter(said));
            int status = command.execute(arguments.toArray(String[]::new));
            return new Ended(status, said + errors.toString(StandardCharsets.UTF_8));
        } finally {
            System.setOut(out);
            System.setErr(err);
            System.setIn(in);
        }
    }

    private static final class WithPretendedProcesses implements CommandLine.IFactory {
        @Override
        public <K> K create(Class<K> type) throws Exception {
            return type == Compare.class
                    ? type.cast(new Compare(WithPretendedProcesses::run))
                    : CommandLine.defaultFactory().create(type);
        }

        private static int run(List<String> arguments, Path console, Path errors) throws IOException {
            for (String argument : arguments) {
                if (argument.startsWith("--report-file=")) {
                    String result = Runs.result(0, 1000, Map.of(), Map.of()).properties();
                    Files.writeString(Path.of(argument.substring("--report-file=".length())), result);
                }
            }
            Files.writeString(errors, "");
            Files.writeString(console, "hello");
            return ExitStatus.OK;
        }
    }

    private List<String> arguments(RandomGenerator random) {
        String command = List.of("run", "restore", "compare", "compare", "options", "matrix", "trace")
                .get(random.nextInt(7));
        List<String> arguments = new ArrayList<>(List.of(command));
        if (command.equals("compare") && random.nextInt(4) > 0) {
            arguments.add("--vary=pool=128,256");
        }
        for (int i = random.nextInt(5); i > 0; i--) {
            String name = NAMES.get(random.nextInt(NAMES.size()));
            if (WRITES.contains(name)) {
                arguments.add(name + "=" + target(random));
                continue;
            }
            String value = value(random);
            switch (random.nextInt(6)) {
                case 0 -> arguments.add(name);
                case 1 -> arguments.add(value);
                case 2 -> arguments.add(name + "=" + value);
                default -> arguments.addAll(List.of(name, value));
            }
        }
        switch (command) {
            case "run", "compare", "restore" -> arguments.add("--limit=1000");
            case "matrix" -> arguments.add("--sample=20");
            default -> {}
        }
        return arguments;
    }

    /** Where something may be written: nowhere but in the test's directory. */
    private String target(RandomGenerator random) {
        List<String> targets = List.of(
                directory.resolve("file").toString(),
                directory.toString(),
                "/",
                "/dev/null",
                "/nowhere/at/all",
                "\u0000");
        return targets.get(random.nextInt(targets.size()));
    }

    private String value(RandomGenerator random) {
        return switch (random.nextInt(12)) {
            case 0 -> directory.resolve("file").toString();
            case 1 -> directory.toString();
            case 2 -> Long.toString(random.nextLong());
            case 3 ->
                random.ints(random.nextInt(8), 1, 0x3000)
                        .collect(StringBuilder::new, StringBuilder::appendCodePoint, StringBuilder::append)
                        .toString();
            default -> VALUES.get(random.nextInt(VALUES.size()));
        };
    }

    /** A run must end by itself: by its limit, unless the arguments say that it has none. */
    private static boolean mayRunForLong(List<String> arguments) {
        return arguments.getFirst().equals("run") && arguments.contains("--");
    }

    @Test
    void noArgumentsEndInAStackTraceOrAnInternalFault() {
        long seed = Long.getLong("umbra.seed", 20_240_607);
        int vectors = Integer.getInteger("umbra.vectors", 1_500);
        RandomGenerator random = RandomGeneratorFactory.of("L64X128MixRandom").create(seed);
        int[] ends = new int[256];
        for (int i = 0; i < vectors; i++) {
            List<String> arguments = arguments(random);
            if (mayRunForLong(arguments)) {
                continue;
            }
            Ended ended = umbra(arguments, new ByteArrayOutputStream());
            String which = "seed " + seed + ", vector " + i + ": " + arguments + " said\n" + ended.said();
            assertThat(ended.status())
                    .as(which)
                    .isIn(ExitStatus.OK, ExitStatus.GUEST_FAILED, ExitStatus.USAGE, ExitStatus.LIMIT_REACHED);
            assertThat(ended.said()).as(which).doesNotContain("\tat ", "internal fault", "Exception");
            ends[ended.status()]++;
        }
        assertThat(ends[ExitStatus.OK]).as("vectors that did something").isPositive();
        assertThat(ends[ExitStatus.USAGE]).as("vectors that were refused").isPositive();
        assertThat(ends[ExitStatus.LIMIT_REACHED]).as("guests that ran").isPositive();
    }
}
