package io.umbra.tools;

import static org.assertj.core.api.Assertions.assertThat;

import io.umbra.shadow.Counter;
import io.umbra.vmm.ProcessorCounter;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import picocli.CommandLine;

class CompareTest {
    private record Result(int status, String out, String errors) {}

    @TempDir
    private Path directory;

    private static Result umbra(Compare compare, String... arguments) {
        StringWriter out = new StringWriter();
        StringWriter errors = new StringWriter();
        CommandLine command = Main.withErrors(new CommandLine(compare))
                .setOut(new PrintWriter(out))
                .setErr(new PrintWriter(errors));
        int status = command.execute(arguments);
        return new Result(status, out.toString(), errors.toString());
    }

    /** Runs that never happen: what they print and count depends on their settings alone. */
    private static final class Pretended implements GuestRunner {
        final List<List<String>> calls = Collections.synchronizedList(new ArrayList<>());
        String console = "hello\n";
        String consoleOfStrictTlb = "hello\n";
        String consoleOfPv = "hello from Xen\n";
        int statusOfStrictTlb;

        @Override
        public int run(List<String> arguments, Path out, Path errors) throws IOException {
            calls.add(arguments);
            boolean isStrict = arguments.contains("--set=coherence=strict-tlb");
            int status = isStrict ? statusOfStrictTlb : 0;
            Files.writeString(out, isStrict ? consoleOfStrictTlb : console);
            if (status == 2 || status == 3) {
                Files.writeString(errors, "NOTE: something\numbra: it went wrong (see umbra run --help)\n");
                return status;
            }
            RunResult result = Runs.result(
                    status,
                    1000,
                    Map.of(Counter.PAGE_FAULT, isStrict ? 300L : 200L),
                    Map.of(ProcessorCounter.WALK_REFERENCE, 10L));
            if (arguments.contains("--guest=pv")) {
                Files.writeString(out, consoleOfPv);
                result = Runs.pv(
                        result,
                        Map.of(PvTotal.PAGETABLE_EXITS, 40L, PvTotal.ENTRIES_AUDITED, 1234L),
                        Map.of("mmu_update", 45L, "mmuext_op pin L4", 2L));
            }
            for (String argument : arguments) {
                if (argument.startsWith("--report-file=")) {
                    Files.writeString(Path.of(argument.substring("--report-file=".length())), result.properties());
                }
            }
            return status;
        }
    }

    private final Pretended pretended = new Pretended();

    private Result compare(String... arguments) {
        return umbra(new Compare(pretended), arguments);
    }

    // ---- with real processes
    // -----------------------------------------------------------------------------------------

    @Test
    void theBuiltInGuestCannotTellPoliciesApart() {
        Result result = umbra(
                new Compare(),
                "--vary",
                "coherence=write-protect,strict-tlb",
                "--vary",
                "populate=all-levels,one-level",
                "--memory=32M");
        assertThat(result.errors()).isEmpty();
        assertThat(result.status()).isEqualTo(ExitStatus.OK);
        assertThat(result.out())
                .startsWith("the built-in guest, 4 combinations, memory=33554432\nThe guest saw the same")
                .contains("\n*  write-protect  all-levels ")
                .contains("\n   strict-tlb     one-level ");
    }

    @Test
    void nestedPagingShowsTheSameGuestWithoutAnyExitForMemory() {
        Result result = umbra(new Compare(), "--vary", "paging=shadow,nested", "--format", "csv");
        assertThat(result.status()).isEqualTo(ExitStatus.OK);
        List<String[]> lines =
                result.out().lines().map(line -> line.split(",", -1)).toList();
        List<String> headings = List.of(lines.getFirst());
        assertThat(lines).hasSize(3).allSatisfy(line -> assertThat(line).hasSameSizeAs(lines.getFirst()));
        String[] shadow = lines.get(1);
        String[] nested = lines.get(2);
        for (String same : List.of("exit_status", "console_bytes", "instructions")) {
            assertThat(nested[headings.indexOf(same)]).isEqualTo(shadow[headings.indexOf(same)]);
        }
        assertThat(nested[headings.indexOf("page_fault")]).isEqualTo("0");
        assertThat(nested[headings.indexOf("cycles_exit")]).isEqualTo("0");
        long misses = Long.parseLong(nested[headings.indexOf("tlb_miss")]);
        long references = Long.parseLong(nested[headings.indexOf("walk_reference")]);
        assertThat(references).isBetween(4 * misses, 24 * misses + 24 * 1000);
        assertThat(shadow[headings.indexOf("exit_port")]).isEqualTo(nested[headings.indexOf("exit_port")]);
    }

    @Test
    void theBuiltInGuestsStandSideBySide() {
        Result result = umbra(new Compare(), "--vary", "kind=hvm-shadow,pv-direct,pv-shadow", "--memory=16M");
        assertThat(result.errors()).isEmpty();
        assertThat(result.status()).isEqualTo(ExitStatus.OK);
        assertThat(result.out()).startsWith("""
                the built-in guest, 3 combinations, memory=16777216
                The guest saw the same wherever it had the same machine.
                """);
        long[] stores = numbers(result.out(), "    stores to pagetables, trapped");
        long[] fills = numbers(result.out(), "    shadows filled");
        long[] updates = numbers(result.out(), "  mmu_update");
        long[] audited = numbers(result.out(), "  entries audited one by one");
        assertThat(stores[0]).isPositive();
        assertThat(stores[1]).isPositive().isEqualTo(stores[2]);
        assertThat(fills[0]).isPositive();
        assertThat(fills[1]).isZero();
        assertThat(fills[2]).isPositive();
        assertThat(updates[0]).isEqualTo(-1);
        assertThat(updates[1]).isPositive().isEqualTo(updates[2]);
        assertThat(audited[1]).isGreaterThan(updates[1]).isEqualTo(audited[2]);
    }

    /** Of the line with this title; -1 for a dash. */
    private static long[] numbers(String text, String title) {
        String line = text.lines()
                .filter(each -> each.startsWith(title + "  "))
                .findFirst()
                .orElseThrow();
        return Stream.of(line.substring(title.length()).strip().split(" +"))
                .mapToLong(cell -> cell.equals("-") ? -1 : Long.parseLong(cell.replace(",", "")))
                .toArray();
    }

    // ---- with pretended runs
    // -----------------------------------------------------------------------------------------

    @Test
    void eachRunGetsItsSettingsAndWhatIsCommon() {
        Result result = compare(
                "--vary=coherence=strict-tlb,write-protect",
                "--vary=memory=8M,16M",
                "--paging=shadow",
                "--set=pool=256",
                "--append=a b",
                "--seed=7",
                "--limit=99",
                "--timeout=60",
                "--jobs=1");
        assertThat(result.status()).isZero();
        assertThat(pretended.calls).hasSize(4);
        assertThat(pretended.calls.get(1))
                .contains("run", "--set=coherence=strict-tlb", "--memory=16M", "--paging=shadow", "--set=pool=256")
                .contains(
                        "--append=a b", "--seed=7", "--limit=99", "--timeout=60", "--time=virtual", "--no-hypercalls");
    }

    @Test
    void theTableMarksTheBaselineAndGivesFactors() {
        Result result = compare("--vary", "coherence=write-protect,strict-tlb");
        assertThat(result.out()).contains("""
                Faults
                   coherence      page faults        fixups   guest faults   dirty bit   MMIO
                *  write-protect          200             0              0           0      0
                   strict-tlb             300 ×1.50       0              0           0      0
                """).contains("""
                Estimated cost on hardware, cycles
                   coherence        total        page walks      exits        emulation   shadows
                *  write-protect  200,120               120    200,000                0         0
                   strict-tlb     300,120 ×1.50         120 =  300,000 ×1.50          0         0
                """);
    }

    @Test
    void constantsOfTheCostModelAreTheUsers() {
        assertThat(compare("--vary=coherence=write-protect", "--cost=exit=0", "--cost=reference=2.5")
                        .out())
                .contains("*  write-protect     25 ");
    }

    @Test
    void aGuestThatSeesADifferenceEndsWithStatusOneAndBothLines() {
        pretended.consoleOfStrictTlb = "hello!\n";
        Result result = compare("--vary", "coherence=write-protect,strict-tlb");
        assertThat(result.status()).isEqualTo(ExitStatus.GUEST_FAILED);
        assertThat(result.out()).contains("""
                DIFFERENCE: the console differs in line 1:
                    coherence=write-protect: hello
                    coherence=strict-tlb: hello!
                """);
        assertThat(compare("--vary", "coherence=write-protect,strict-tlb", "--format=json")
                        .out())
                .contains("\"same\": false")
                .contains("\"seen_in_other\": \"hello!\"");
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 3, 124})
    void aRunThatFailsIsShownInItsRow(int status) {
        pretended.statusOfStrictTlb = status;
        Result result = compare("--vary", "coherence=strict-tlb");
        assertThat(result.status()).isEqualTo(status);
        assertThat(result.out())
                .contains("Status " + status + " under coherence=strict-tlb: ")
                .contains("*  strict-tlb "
                        + " ".repeat(7 - Integer.toString(status).length()) + status);
        assertThat(compare("--vary", "coherence=write-protect,strict-tlb", "--format=csv")
                        .out()
                        .lines())
                .hasSize(3)
                .last()
                .asString()
                .startsWith("the built-in guest,strict-tlb," + status + ",");
    }

    @Test
    void whatOnlyARunFindsWrongIsTheUsersMistakeAllTheSame() {
        pretended.statusOfStrictTlb = ExitStatus.USAGE;
        Result result = compare("--vary", "coherence=write-protect,strict-tlb");
        assertThat(result.status()).isEqualTo(ExitStatus.USAGE);
        assertThat(result.out()).isEmpty();
        assertThat(result.errors())
                .isEqualToIgnoringNewLines("umbra: under coherence=strict-tlb: it went wrong (see compare --help)");
    }

    @Test
    void severalGuestsGiveATableEach() throws Exception {
        Path one = Files.writeString(directory.resolve("one"), "x");
        Path two = Files.writeString(directory.resolve("two,\"2\""), "x");
        Result text = compare("--vary=pool=128,256", one.toString(), two.toString());
        assertThat(text.out()).contains(one + ", 2 combinations\n", two + ", 2 combinations\n");
        assertThat(pretended.calls)
                .filteredOn(call -> call.getLast().equals(two.toString()))
                .hasSize(2);
        Result csv = compare("--vary=pool=128,256", "--format=csv", one.toString(), two.toString());
        assertThat(csv.out().lines())
                .hasSize(5)
                .last()
                .asString()
                .startsWith("\"" + directory + "/two,\"\"2\"\"\",256,0");
        assertThat(csv.out().lines().findFirst().orElseThrow().split(","))
                .contains("option_pool", "shadow_pages", "cycles_total")
                .doesNotHaveDuplicates();
    }

    @Test
    void theResultGoesIntoAFile() throws Exception {
        Path file = directory.resolve("result.json");
        Result result = compare("--vary=pool=128,256", "--format=json", "--output", file.toString());
        assertThat(result.out()).isEmpty();
        assertThat(Files.readString(file))
                .startsWith("{\n  \"cost_constants\": {\n    \"reference\": 12.000,")
                .contains("\"same\": true")
                .contains("\"quantity\": 200,")
                .contains("\"total_cycles\": 200120,")
                .endsWith("}\n");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "--vary",
                "--vary coherence",
                "--vary magic=1",
                "--vary coherence=perhaps",
                "--vary pool=128,128",
                "--vary pool=128 --vary pool=256",
                "--vary pool=128 --set pool=256",
                "--vary memory=8M --memory 8M",
                "--vary paging=shadow --paging nested",
                "--vary paging=magic",
                "--vary kind=pv",
                "--vary kind=pv-direct --paging shadow",
                "--vary kind=pv-direct --vary paging=shadow",
                "--vary pool=128 --append-pv console=hvc0",
                "--vary pool=128 --set magic=1",
                "--vary pool=128 --memory 1K",
                "--vary pool=128 --paging magic",
                "--vary pool=128 --time slow",
                "--vary pool=128 --format xml",
                "--vary pool=128 --cost magic=1",
                "--vary pool=128 --cost exit=-1",
                "--vary pool=128 --jobs 0",
                "--vary pool=128 --limit 0",
                "--vary pool=128 --timeout x",
                "--vary pool=128 --initrd /nowhere/initrd",
                "--vary pool=128 /nowhere/kernel",
                "--vary pool=128 /",
                "--vary pool=128 --output /",
                "--vary pool=128 --output /nowhere/file"
            })
    void aMistakeIsOneLineAndStatusTwo(String arguments) {
        Result result = compare(arguments.isEmpty() ? new String[0] : arguments.split(" ", -1));
        assertThat(result.status()).isEqualTo(ExitStatus.USAGE);
        assertThat(result.errors().lines()).singleElement().asString().startsWith("umbra: ");
        assertThat(result.out()).isEmpty();
        assertThat(pretended.calls).isEmpty();
    }

    @Test
    void eachKindOfGuestGetsItsOwnCommandLine() {
        Result result = compare(
                "--vary=kind=hvm-shadow,hvm-nested,pv-direct", "--append=console=ttyS0", "--append-pv=console=hvc0");
        assertThat(result.status()).isZero();
        for (List<String> call : pretended.calls) {
            boolean isPv = call.contains("--guest=pv");
            assertThat(call)
                    .contains(isPv ? "--append=console=hvc0" : "--append=console=ttyS0")
                    .doesNotContain(isPv ? "--append=console=ttyS0" : "--append=console=hvc0");
            assertThat(call.contains("--no-hypercalls")).isNotEqualTo(isPv);
            assertThat(call).contains(isPv ? "--paging=direct" : "--guest=hvm");
        }
        pretended.calls.clear();
        compare("--vary=kind=hvm-shadow,pv-shadow", "--append=console=ttyS0 console=hvc0");
        assertThat(pretended.calls)
                .hasSize(2)
                .allSatisfy(call -> assertThat(call).contains("--append=console=ttyS0 console=hvc0"));
    }

    @Test
    void kindsOfGuestsStandSideBySideAndOnlyTheSameMachineIsCompared() {
        String text = compare("--vary", "kind=hvm-shadow,hvm-nested,pv-direct").out();
        assertThat(text)
                .contains("""
                The guest saw the same wherever it had the same machine.

                """)
                .contains("""
                Hypercalls by name, those inside multicalls too
                  mmu_update                                                  -           -         45
                  mmuext_op pin L4                                            -           -          2
                """)
                .contains("\n  entries audited one by one                                  -           -      1,234\n");
        assertThat(compare("--vary", "kind=hvm-shadow,pv-direct").out())
                .contains("No two runs were on the same machine, so what the guest saw was not compared.\n");
        String json =
                compare("--vary", "kind=pv-direct,hvm-shadow", "--format=json").out();
        assertThat(json)
                .contains("\"kind\": \"pv-direct\"", "\"guest\": \"pv\"", "\"guest\": \"hvm\"")
                .contains("\"mmuext_op pin L4\": 2", "\"entries_audited\": 1234", "\"pv-exit\": {");
    }

    @Test
    void aDifferenceBetweenKindsOfOneMachineIsADifference() {
        Result result = compare("--vary", "kind=pv-direct,pv-shadow", "--vary=coherence=write-protect,strict-tlb");
        assertThat(result.status()).isZero();
        pretended.statusOfStrictTlb = 1;
        result = compare("--vary", "kind=pv-direct,pv-shadow", "--vary=coherence=write-protect,strict-tlb");
        assertThat(result.status()).isEqualTo(ExitStatus.GUEST_FAILED);
        assertThat(result.out()).contains("DIFFERENCE: the exit status differs");
    }

    @Test
    void tooManyCombinationsAreAMistake() {
        String pools = String.join(
                ",", IntStream.range(128, 228).mapToObj(Integer::toString).toList());
        String blows = String.join(
                ",", IntStream.range(0, 100).mapToObj(Integer::toString).toList());
        Result result = compare("--vary=pool=" + pools, "--vary=blow-every=" + blows);
        assertThat(result.status()).isEqualTo(ExitStatus.USAGE);
        assertThat(result.errors()).contains("more than 1000 combinations");
    }
}
