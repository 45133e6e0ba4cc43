package io.umbra.tools;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ChildProcessesTest {

    @TempDir
    private Path directory;

    private final ChildProcesses children = new ChildProcesses();

    /** A flat image that says "!" on the debug console and then runs in a circle. */
    private Path endlessGuest() throws Exception {
        byte[] code = {
            (byte) 0xB0, '!', (byte) 0xE6, (byte) 0xE9, (byte) 0xB0, '\n', (byte) 0xE6, (byte) 0xE9, (byte) 0xEB, -2
        };
        ByteBuffer image = ByteBuffer.allocate(32 + code.length).order(ByteOrder.LITTLE_ENDIAN);
        image.put("UMBRAFLT".getBytes(StandardCharsets.US_ASCII));
        image.putLong(0x10_0000).putLong(0x10_0000 + 32).putLong(0).put(code);
        return Files.write(directory.resolve("guest"), image.array());
    }

    private int run(String... arguments) throws Exception {
        return children.run(List.of(arguments), directory.resolve("console"), directory.resolve("errors"));
    }

    @Test
    void statusAndConsoleAreTheChilds() throws Exception {
        int status = run("run", "--limit=1000", "--report=none", endlessGuest().toString());
        assertThat(status).isEqualTo(ExitStatus.LIMIT_REACHED);
        assertThat(directory.resolve("console")).hasContent("!\n");
        assertThat(directory.resolve("errors")).content().contains("limit of 1000 instructions");
    }

    @Test
    void argumentsArriveAsTheyAre() throws Exception {
        assertThat(run("a b  c*\"'")).isEqualTo(ExitStatus.USAGE);
        assertThat(directory.resolve("errors")).content().contains("'a b  c*\"''");
    }

    @Test
    void stoppingEndsWhatRunsAndWhatIsStartedLater() throws Exception {
        String guest = endlessGuest().toString();
        CompletableFuture<Integer> running = CompletableFuture.supplyAsync(() -> {
            try {
                return run("run", guest);
            } catch (Exception e) {
                throw new IllegalStateException(e);
            }
        });
        Path console = directory.resolve("console");
        while (!Files.exists(console) || Files.size(console) == 0) {
            Thread.sleep(20);
            assertThat(running).isNotDone();
        }
        long own = ownChildren();
        assertThat(own).isPositive();
        children.stop();
        assertThat(running.get(60, TimeUnit.SECONDS)).isNotZero();
        assertThat(run("run", guest)).isNotZero();
        assertThat(ownChildren()).isLessThan(own);
    }

    /** A comparison in a process of its own, whose temporary files go to {@link #directory}/temporary. */
    private Process compare(String... arguments) throws Exception {
        Path temporary = Files.createDirectories(directory.resolve("temporary"));
        List<String> command = new ArrayList<>(ChildProcesses.command());
        command.add(1, "-Djava.io.tmpdir=" + temporary);
        command.addAll(List.of("compare", "--vary=pool=128,256", "--jobs=2"));
        command.addAll(List.of(arguments));
        return new ProcessBuilder(command)
                .redirectOutput(directory.resolve("console").toFile())
                .redirectError(directory.resolve("errors").toFile())
                .start();
    }

    @Test
    void aComparisonThatHasEndedLeavesNothingBehind() throws Exception {
        Process compare = compare("--limit=1000", endlessGuest().toString());
        assertThat(compare.waitFor(120, TimeUnit.SECONDS)).isTrue();
        assertThat(compare.exitValue()).isEqualTo(ExitStatus.LIMIT_REACHED);
        assertThat(directory.resolve("console")).content().contains("The guest saw the same under all of them");
        assertThat(directory.resolve("temporary")).isEmptyDirectory();
    }

    @Test
    void anInterruptedComparisonEndsItsRunsAndLeavesNothingBehind() throws Exception {
        Process compare = compare(endlessGuest().toString());
        List<ProcessHandle> runs = List.of();
        while (runs.size() < 2) {
            Thread.sleep(50);
            assertThat(compare.isAlive()).isTrue();
            runs = compare.children().toList();
        }
        compare.destroy();
        assertThat(compare.waitFor(60, TimeUnit.SECONDS)).isTrue();
        for (ProcessHandle run : runs) {
            run.onExit().get(60, TimeUnit.SECONDS);
        }
        assertThat(directory.resolve("console")).isEmptyFile();
        assertThat(directory.resolve("errors")).isEmptyFile();
        assertThat(directory.resolve("temporary")).isEmptyDirectory();
    }

    private static long ownChildren() {
        return ProcessHandle.current().children().filter(ProcessHandle::isAlive).count();
    }
}
