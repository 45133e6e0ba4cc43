package io.umbra.tools;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.InputStream;
import java.io.PrintStream;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import picocli.CommandLine;

class RunTest {
    private record Result(int status, String console, String errors) {}

    @TempDir
    private Path directory;

    private static Result umbra(String... arguments) {
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
            int status = command.execute(arguments);
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

    private static Result run(String... arguments) {
        List<String> all = new ArrayList<>(List.of("run"));
        all.addAll(List.of(arguments));
        return umbra(all.toArray(String[]::new));
    }

    @Test
    void withoutAGuestPlaysTheBuiltInOneAndReportsWhatTheShadowsDid() {
        Result result = run();
        assertThat(result.status()).isEqualTo(ExitStatus.OK);
        assertThat(result.console()).contains("THE SHADOW STORY").contains("checks passed.");
        assertThat(result.errors()).contains("fixup").contains("cr3_retained").contains("paging shadow");
    }

    @Test
    void aGuestOfXensInterfaceIsReportedWithItsHypercalls() throws Exception {
        String[] guest = {"../guests/xen/images/hvm64.elf", "--abi", "xen", "--memory", "16M"};
        Result result = run(guest);
        assertThat(result.status()).isEqualTo(ExitStatus.OK);
        assertThat(result.console()).isEqualTo(Files.readString(Path.of("../guests/xen/expected.txt")));
        assertThat(result.errors()).startsWith("umbra: the guest powered off\n").contains("hypercall memory_op\n");
        String[] json = {guest[0], "--abi", "xen", "--memory", "16M", "--report", "json"};
        assertThat(run(json).errors()).contains("\"hypercalls\": {", "\"memory_op\": 3");
        json[6] = "properties";
        assertThat(run(json).errors()).contains("hypercall.memory_op=3\n");
    }

    @ParameterizedTest
    @ValueSource(strings = {"1", "2", "77"})
    void withoutAGuestPlaysTheBuiltInPvGuestWhichPrintsTheSameUnderEverySeed(String seed) throws Exception {
        Result result = run("--guest", "pv", "--seed", seed);
        assertThat(result.console()).isEqualTo(Files.readString(Path.of("../guests/pv-story/expected/pv-story.txt")));
        assertThat(result.status()).isEqualTo(ExitStatus.OK);
        assertThat(result.errors()).contains("mmu_update").contains("update_va_mapping");
    }

    @Test
    void reportsInJsonIntoAFile() throws Exception {
        Path file = directory.resolve("report.json");
        Result result = run("--report", "json", "--report-file", file.toString(), "--paging", "nested");
        assertThat(result.errors()).isEmpty();
        assertThat(Files.readString(file))
                .startsWith("{")
                .endsWith("}\n")
                .contains("\"paging\": \"nested\"")
                .contains("\"status\": 0")
                .contains("\"page_fault\": ");
    }

    @Test
    void writesTheTextScreenIntoAFileOrToStandardError() throws Exception {
        Path file = directory.resolve("screen.txt");
        Result result = run("--report", "none", "--limit", "1000", "--screen", file.toString());
        assertThat(result.status()).isEqualTo(ExitStatus.LIMIT_REACHED);
        assertThat(Files.readString(file)).isEqualTo("\n".repeat(25));
        assertThat(run("--report", "none", "--limit", "1000", "--screen", "-").errors())
                .startsWith("\n".repeat(25));
    }

    @Test
    void endsWithTheStatusOfALimit() {
        Result result = run("--limit", "1000");
        assertThat(result.status()).isEqualTo(ExitStatus.LIMIT_REACHED);
        assertThat(result.errors()).contains("limit of 1000 instructions").contains("           1000  instructions");
    }

    @Test
    void verifiesTheBuiltInGuest() {
        Result result = run("--verify", "--set", "populate=one-level");
        assertThat(result.status()).isEqualTo(ExitStatus.OK);
        assertThat(result.errors()).contains("held against the definition");
    }

    @Test
    void verifiesTranslatedCodeInLockStepWithATwin() {
        Result result = run("--verify", "--lock-step-every", "2000", "--lock-step-memory", "20000");
        assertThat(result.status()).isEqualTo(ExitStatus.OK);
        assertThat(result.console()).containsOnlyOnce("All 78 checks passed");
        assertThat(result.errors()).containsPattern("1\\d\\d  compared +times with a twin on the interpreter");
    }

    @Test
    void saysWhyThereIsNoTwin() {
        Result wall = run("--verify", "--time", "wall");
        assertThat(wall.errors())
                .contains("no twin on the interpreter to hold the guest against here: under --time wall")
                .contains("held against the definition")
                .doesNotContain("compared");
        Result migrating = run("--verify", "--migrate-every", "1ms", "--no-hypercalls", "--memory", "8M");
        assertThat(migrating.errors())
                .contains("a guest that migrates has none")
                .doesNotContain("compared");
        Result interpreted = run("--verify", "--processor", "interpreter");
        assertThat(interpreted.errors()).doesNotContain("twin");
    }

    @Test
    void logsThePagesWrittenToInEachPeriod() {
        Result result = run("--dirty-log", "10us", "--dirty-log-verify");
        assertThat(result.status()).isEqualTo(ExitStatus.OK);
        assertThat(result.console()).contains("All 78 checks passed");
        assertThat(result.errors())
                .containsPattern("log-dirty, \\d+ periods of 10us: \\d+ pages, \\d+ write faults")
                .contains("marked by a store of the guest's")
                .contains("changed, by their bytes, and all of them were marked")
                .containsPattern("\n +0.000 +\\d+ █")
                .contains("pre-copy would");
    }

    @Test
    void foldsThePlotOfManyPeriods() {
        Result result = run("--dirty-log", "1us", "--paging", "nested");
        List<String> bars = result.errors()
                .lines()
                .filter(line -> line.matches(" +\\d+\\.\\d{3} +\\d+ [█▏▎▍▌▋▊▉]*"))
                .toList();
        assertThat(result.errors()).containsPattern("mean of \\d+ periods a line");
        assertThat(bars).hasSizeBetween(30, 40);
        assertThat(bars).anyMatch(line -> line.endsWith("█".repeat(50)));
    }

    @Test
    void reportsTheWholeDirtySeriesInJson() {
        Result result = run("--dirty-log", "10us", "--report", "json", "--verify");
        assertThat(result.errors())
                .contains("\"dirty_log\": {")
                .contains("\"period_ns\": 10000")
                .containsPattern("\"marks\": \\{\n +\"store\": \\d+,")
                .containsPattern("\"extras\": \\{\n +\"store\": \\d+,")
                .containsPattern("\"series\": \\[\n +\\[0, \\d+, \\d+\\],\n +\\[10000, ");
    }

    @Test
    void withoutADirtyLogTheReportHasNone() {
        assertThat(run("--report", "json").errors()).doesNotContain("dirty_log\"");
        assertThat(run().errors()).doesNotContain("pre-copy");
    }

    @Test
    void listsThePolicyOptions() {
        assertThat(umbra("options").console())
                .contains("coherence=write-protect")
                .contains("strict-tlb");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "--memory 0",
                "--memory 1K",
                "--memory lots",
                "--memory 99999999T",
                "--memory 5000",
                "--paging magic",
                "--set nonsense=1",
                "--set pool=1",
                "--set coherence=perhaps",
                "--set pool",
                "--limit 0",
                "--limit x",
                "--lock-step-every 1000",
                "--verify --lock-step-every 0",
                "--verify --lock-step-from -1",
                "--verify --lock-step-memory x",
                "--timeout -1",
                "--cpus 2",
                "--guest pvh",
                "--guest vm",
                "--paging direct",
                "--guest pv --paging shadow /dev/null",
                "--guest pv --verify /dev/null",
                "--guest pv --resident 8M",
                "--guest pv --trace /nowhere/trace",
                "--abi kvm",
                "--abi xen --guest pv",
                "--abi xen --no-hypercalls",
                "--abi xen --save /nowhere/saved",
                "--abi xen --migrate-every 1ms",
                "--abi xen --populate-on-demand",
                "--guest pv /dev/null",
                "--guest pv ../guests/images/shadow-story.elf",
                "--time slow",
                "--report xml",
                "--dirty-log 10",
                "--dirty-log 0ms",
                "--dirty-log -1ms",
                "--dirty-log 999999999999999s",
                "--dirty-log-verify",
                "--initrd /nowhere/initrd",
                "--screen /nowhere/screen",
                "/nowhere/kernel",
                "/",
                "/dev/null",
                "one two",
                "--unknown"
            })
    void aMistakeOfTheUsersIsOneLineAndStatusTwo(String arguments) {
        Result result = run(arguments.split(" ", -1));
        assertThat(result.status()).isEqualTo(ExitStatus.USAGE);
        assertThat(result.errors().strip().lines()).hasSize(1);
        assertThat(result.errors()).startsWith("umbra: ").doesNotContain("Exception");
        assertThat(result.console()).isEmpty();
    }

    @Test
    void aPvGuestRunsAndItsReportCountsWhatItAskedFor() {
        String[] guest = {"../guests/pv/images/echo.elf", "--guest", "pv", "--memory", "8M"};
        Result text = run(guest);
        assertThat(text.status()).isEqualTo(ExitStatus.OK);
        assertThat(text.console()).startsWith("echo: type").endsWith("powering off\n");
        assertThat(text.errors())
                .startsWith("umbra: the guest powered off\npaging direct, guest pv\n")
                .contains("hypercall event_channel_op", "upcall");
        String[] json = java.util.Arrays.copyOf(guest, guest.length + 2);
        json[guest.length] = "--report";
        json[guest.length + 1] = "json";
        assertThat(run(json).errors())
                .contains("\"guest\": \"pv\"", "\"hypercalls\": {", "\"callback_op\": 1", "\"ptwr\": 0");
        json[guest.length + 1] = "properties";
        assertThat(run(json).errors()).contains("guest=pv\n", "hypercall.callback_op=1\n");
    }

    @Test
    void aPvGuestOnShadowsShowsWhatTheyDid() {
        Result result = run("../guests/pv/images/echo.elf", "--guest", "pv", "--memory", "8M", "--paging", "shadow");
        assertThat(result.status()).isEqualTo(ExitStatus.OK);
        assertThat(result.errors())
                .startsWith("umbra: the guest powered off\npaging shadow, guest pv\n")
                .containsPattern("\n +[1-9][0-9]*  fixup  ")
                .containsPattern("\n +[1-9][0-9]*  shadow_l1  ")
                .containsPattern("\n +[1-9][0-9]*  guest_walk  ")
                .containsPattern("\n +[1-9][0-9]*  exit_hypercall  ")
                .containsPattern("\n +[1-9][0-9]*  tables_validated  ");
    }

    @Test
    void whatTheLogOfASwitchedPvGuestHeldIsInItsReport() {
        Result result = run("--guest", "pv", "--memory", "8M", "--switch-shadows", "1ms", "--verify");
        assertThat(result.status()).isEqualTo(ExitStatus.OK);
        assertThat(result.errors())
                .containsPattern("\n +[1-9][0-9]*  log_rounds  ")
                .containsPattern("\n +[1-9][0-9]*  log_changed  ");
    }

    @Test
    void theAuditOfAbsentEntriesIsAnOptionAndTheBuiltInPvGuestPassesIt() {
        Result result = run("--guest", "pv", "--memory", "8M", "--set", "pv-l1tf=crash");
        assertThat(result.status()).isEqualTo(ExitStatus.OK);
        assertThat(result.errors()).doesNotContain("shadows for good");
    }

    @Test
    void aPvGuestThatCrashesShowsItsRegisters() throws Exception {
        byte[] image = Files.readAllBytes(Path.of("../guests/pv/images/echo.elf"));
        image[0x1000] = 0x0F;
        image[0x1001] = 0x0B;
        Path file = Files.write(directory.resolve("broken"), image);
        Result result = run(file.toString(), "--guest", "pv", "--memory", "8M");
        assertThat(result.status()).isEqualTo(ExitStatus.GUEST_FAILED);
        assertThat(result.errors())
                .startsWith("umbra: #UD at rip 0xffffffff80100000")
                .contains("rsp ffffffff80");
    }

    @Test
    void anImageThatIsNoneIsOneLineAndStatusTwo() throws Exception {
        Path file = directory.resolve("guest");
        for (String content : List.of("hello", "\u007fELF", "UMBRAFLT", "x".repeat(5000))) {
            Files.writeString(file, content);
            Result result = run(file.toString());
            assertThat(result.status()).isEqualTo(ExitStatus.USAGE);
            assertThat(result.errors().strip().lines()).hasSize(1);
        }
    }
}
