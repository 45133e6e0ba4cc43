package io.umbra.tools;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.FileTime;
import java.time.Instant;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.jar.JarEntry;
import java.util.jar.JarOutputStream;
import java.util.spi.ToolProvider;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/**
 * The launcher in the repository's root, in a repository made up for the test: its Maven wrapper only counts how often
 * it built and hands out a tool that prints its arguments.
 */
@EnabledOnOs({OS.LINUX, OS.MAC})
class LauncherTest {

    private static final Path LAUNCHER = Path.of("..", "umbra");

    private static final String WRAPPER = """
            #!/bin/sh
            case "$*" in
                --version) exit 0 ;;
            esac
            echo "$@" >>builds
            sleep 0.3
            mkdir -p tools/target/lib
            cp tool.jar tools/target/umbra-tools.jar
            cp tool.jar tools/target/lib/other.jar
            """;

    @TempDir
    private Path temporary;

    private Path repository;

    @BeforeEach
    void makeUpARepository() throws IOException {
        repository = Files.createDirectories(temporary.resolve("a repository"));
        Files.copy(LAUNCHER, repository.resolve("umbra"), StandardCopyOption.COPY_ATTRIBUTES);
        Files.createDirectories(repository.resolve("tools/src/main/java"));
        Files.writeString(repository.resolve("pom.xml"), "");
        wrapper(WRAPPER);
        Files.copy(tool(), repository.resolve("tool.jar"));
    }

    @Test
    void buildsOnceAndPassesArgumentsAsTheyAre() throws Exception {
        var first = umbra("one", "two  words", "*").await();
        var second = umbra("again").await();

        assertThat(first.out()).containsExactly("[one, two  words, *]");
        assertThat(first.err()).containsExactly("umbra: building…");
        assertThat(second.out()).containsExactly("[again]");
        assertThat(second.err()).isEmpty();
        assertThat(builds()).hasSize(1);
    }

    @Test
    void statusOfTheToolIsTheLaunchers() throws Exception {
        assertThat(umbra("exit", "124").await().status()).isEqualTo(124);
    }

    @Test
    void worksThroughASymbolicLinkFromAnyDirectory() throws Exception {
        var elsewhere = Files.createDirectories(temporary.resolve("else where"));
        Files.createSymbolicLink(elsewhere.resolve("absolute link"), repository.resolve("umbra"));
        Files.createSymbolicLink(elsewhere.resolve("relative link"), Path.of("absolute link"));

        var run = start(elsewhere, List.of("./relative link", "here")).await();

        assertThat(run.out()).containsExactly("[here]");
        assertThat(builds()).hasSize(1);
    }

    @Test
    void newerSourceIsBuilt() throws Exception {
        umbra().await();
        var source = Files.writeString(repository.resolve("tools/src/main/java/New.java"), "");
        Files.setLastModifiedTime(source, FileTime.from(Instant.now().plusSeconds(1)));

        assertThat(umbra("built").await().out()).containsExactly("[built]");
        assertThat(builds()).hasSize(2);
    }

    @Test
    void runsThatStartAtOnceBuildOnce() throws Exception {
        var runs = Stream.of("a", "b", "c").map(this::umbra).toList();

        for (var run : runs) {
            assertThat(run.await().status()).isZero();
        }
        assertThat(builds()).hasSize(1);
    }

    @Test
    void lockOfADeadBuildIsTakenOver() throws Exception {
        var dead = new ProcessBuilder("true").start();
        dead.waitFor();
        Files.createDirectories(repository.resolve(".umbra/build"));
        Files.createSymbolicLink(repository.resolve(".umbra/build/lock"), Path.of(Long.toString(dead.pid())));

        assertThat(umbra("alive").await().out()).containsExactly("[alive]");
    }

    @Test
    void failedBuildShowsItsOutputAndLeavesNothingBehind() throws Exception {
        wrapper("""
                #!/bin/sh
                [ "$*" != --version ] || exit 0
                echo "New.java: no such symbol"
                exit 1
                """);

        var failed = umbra("x").await();
        assertThat(failed.status()).isEqualTo(ExitStatus.OWN_FAULT);
        assertThat(failed.out()).isEmpty();
        assertThat(failed.err())
                .containsExactly("umbra: building…", "New.java: no such symbol", "umbra: the build failed");

        wrapper(WRAPPER);
        assertThat(umbra("x").await().out()).containsExactly("[x]");
    }

    @Test
    void installedMavenBuildsWhenTheWrapperCannot() throws Exception {
        var bin = Files.createDirectories(temporary.resolve("bin"));
        Files.move(repository.resolve("mvnw"), bin.resolve("mvn"));
        wrapper("#!/bin/sh\nexit 1\n");

        assertThat(umbra("x").await().out()).containsExactly("[x]");
    }

    @Test
    void testGoesToMavenAndItsStatusComesBack() throws Exception {
        assertThat(umbra("test", "-pl", "x86").await().status()).isZero();
        assertThat(builds()).singleElement().asString().contains("verify -pl x86");

        wrapper("#!/bin/sh\n[ \"$*\" = --version ]\n");
        assertThat(umbra("test").await().status()).isEqualTo(1);
    }

    @Test
    void withoutAJdkThereIsOneLineThatSaysWhatToInstall() throws Exception {
        var launcher = repository.resolve("umbra");
        Files.writeString(launcher, Files.readString(launcher).replace("needed=25", "needed=9999"));

        var run = umbra("--version").await();

        assertThat(run.status()).isEqualTo(ExitStatus.USAGE);
        assertThat(run.out()).isEmpty();
        assertThat(run.err()).singleElement().asString().contains("no JDK 9999", "JAVA_HOME", "install");
    }

    @Test
    void classesAreKeptLoadedAndLinkedForTheNextStart() throws Exception {
        umbra().await();
        assertThat(sourceOfMain(Map.of())).isEqualTo("shared objects file");
        assertThat(sourceOfMain(Map.of("UMBRA_JAVA_OPTS", "-Xmx200m"))).isEqualTo("shared objects file");
    }

    /** As far as the launcher can tell: each path is a JDK of its own. */
    @Test
    void classesKeptByAnotherJdkAreNotUsed() throws Exception {
        umbra().await();
        var other =
                Files.createSymbolicLink(temporary.resolve("another jdk"), Path.of(System.getProperty("java.home")));
        assertThat(sourceOfMain(Map.of("JAVA_HOME", other.toString()))).startsWith("file:");
    }

    @Test
    void lostOrBrokenCacheOfClassesIsNoticedByNobody() throws Exception {
        umbra().await();
        var cache = cache();
        for (int length : List.of(1_000_000, 5_000, 10, 0)) {
            try (var file = FileChannel.open(cache, StandardOpenOption.WRITE)) {
                file.truncate(length);
            }
            assertThat(quietly()).as("%d bytes", length).containsExactly("[well]");
        }
        Files.delete(cache);
        assertThat(quietly()).containsExactly("[well]");
        assertThat(builds()).hasSize(1);
    }

    private List<String> quietly() throws Exception {
        var run = umbra("well").await();
        assertThat(run.err()).isEmpty();
        return run.out();
    }

    @Test
    void toolThatCannotBePlayedIsBuiltAllTheSame() throws Exception {
        Files.writeString(repository.resolve("tool.jar"), "no archive");
        var run = umbra("x").await();
        assertThat(run.err().getFirst()).isEqualTo("umbra: building…");
        assertThat(run.err()).anyMatch(line -> line.contains("io.umbra.tools.Main"));
    }

    /** The launcher's own share of a start: find, to look for newer sources, and the JVM. */
    @Test
    @EnabledOnOs(OS.LINUX)
    void startWithNothingToBuildRunsNoProcessButFind() throws Exception {
        umbra().await();
        var bin = Files.createDirectories(temporary.resolve("bin"));
        for (var tool : List.of("cat", "sed", "dirname", "head", "tail", "ls", "date", "sort", "tr", "awk", "grep")) {
            var trap = Files.writeString(bin.resolve(tool), "#!/bin/sh\necho " + tool + " >&2\nexit 1\n");
            assertThat(trap.toFile().setExecutable(true)).isTrue();
        }
        var run = umbra("fast").await();
        assertThat(run.out()).containsExactly("[fast]");
        assertThat(run.err()).isEmpty();
    }

    private Path cache() throws IOException {
        try (var files = Files.walk(repository.resolve(".umbra/build"))) {
            return files.filter(file -> file.getFileName().toString().startsWith("classes-"))
                    .findAny()
                    .orElseThrow();
        }
    }

    /** Where the JVM says that it has the tool's main class from. */
    private String sourceOfMain(Map<String, String> environment) throws Exception {
        var log = temporary.resolve("classes.log");
        var options = environment.getOrDefault("UMBRA_JAVA_OPTS", "") + " -Xlog:class+load:file=classes.log";
        var all = new HashMap<>(environment);
        all.put("UMBRA_JAVA_OPTS", options);
        var run = start(temporary, List.of(repository.resolve("umbra").toString()), all)
                .await();
        assertThat(run.out()).containsExactly("[]");
        assertThat(run.err()).isEmpty();
        return Files.readAllLines(log).stream()
                .filter(line -> line.contains("io.umbra.tools.Main "))
                .map(line -> line.replaceFirst(".* source: ", ""))
                .findFirst()
                .orElseThrow();
    }

    private Running umbra(String... args) {
        return start(
                temporary,
                Stream.concat(Stream.of(repository.resolve("umbra").toString()), Stream.of(args))
                        .toList());
    }

    private Running start(Path directory, List<String> command) {
        return start(directory, command, Map.of());
    }

    private Running start(Path directory, List<String> command, Map<String, String> variables) {
        try {
            var out = Files.createTempFile(temporary, "out", "");
            var err = Files.createTempFile(temporary, "err", "");
            var builder = new ProcessBuilder(command)
                    .directory(directory.toFile())
                    .redirectOutput(out.toFile())
                    .redirectError(err.toFile());
            var environment = builder.environment();
            environment.put("JAVA_HOME", System.getProperty("java.home"));
            environment.merge("PATH", temporary.resolve("bin").toString(), (path, bin) -> bin + ":" + path);
            environment.putAll(variables);
            return new Running(builder.start(), out, err);
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    private List<String> builds() throws IOException {
        return Files.readAllLines(repository.resolve("builds"));
    }

    private void wrapper(String script) throws IOException {
        var file = Files.writeString(repository.resolve("mvnw"), script);
        assertThat(file.toFile().setExecutable(true)).isTrue();
    }

    /** An archive whose main class prints its arguments; {@code exit N} ends with that status. */
    private Path tool() throws IOException {
        var source = Files.writeString(temporary.resolve("Main.java"), """
                package io.umbra.tools;
                public class Main {
                    public static void main(String[] args) {
                        System.out.println(java.util.List.of(args));
                        System.exit(args.length == 2 && args[0].equals("exit") ? Integer.parseInt(args[1]) : 0);
                    }
                }
                """);
        var javac = ToolProvider.findFirst("javac").orElseThrow();
        assertThat(javac.run(System.out, System.err, "-d", temporary.toString(), source.toString()))
                .isZero();
        var archive = temporary.resolve("tool.jar");
        try (var jar = new JarOutputStream(Files.newOutputStream(archive))) {
            jar.putNextEntry(new JarEntry("io/umbra/tools/Main.class"));
            Files.copy(temporary.resolve("io/umbra/tools/Main.class"), jar);
        }
        return archive;
    }

    private record Running(Process process, Path stdout, Path stderr) {

        Ended await() throws IOException, InterruptedException {
            assertThat(process.waitFor(60, TimeUnit.SECONDS)).isTrue();
            return new Ended(process.exitValue(), Files.readAllLines(stdout), Files.readAllLines(stderr));
        }
    }

    private record Ended(int status, List<String> out, List<String> err) {}
}
