package io.umbra.bench.guest;

import java.io.File;
import java.io.IOException;
import java.lang.ProcessBuilder.Redirect;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/** The programs that are called, and what they say. */
final class Tools {
    private Tools() {}

    /** Where a program of that name is on the PATH. */
    static Optional<Path> find(String name) {
        return Stream.of(System.getenv().getOrDefault("PATH", "").split(File.pathSeparator, -1))
                .map(directory -> Path.of(directory, name))
                .filter(Files::isExecutable)
                .findFirst();
    }

    /**
     * What a program prints on stdout, without white space around it.
     *
     * @throws BenchException when it fails; with what it says on stderr
     */
    static String output(List<String> command) throws IOException, InterruptedException, BenchException {
        Path errors = Files.createTempFile("bench", ".err");
        try {
            Process process = new ProcessBuilder(command)
                    .redirectInput(Redirect.from(new File("/dev/null")))
                    .redirectError(errors.toFile())
                    .start();
            String text = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
            if (process.waitFor() != 0) {
                throw new BenchException(
                        BenchException.USAGE,
                        "%s failed: %s"
                                .formatted(
                                        String.join(" ", command),
                                        Files.readString(errors).strip()));
            }
            return text.strip();
        } finally {
            Files.delete(errors);
        }
    }

    /** The first line of what a program says of its version, or what is said when it does not. */
    static String version(String... command) throws InterruptedException {
        try {
            return output(List.of(command)).lines().findFirst().orElse("unknown");
        } catch (IOException | BenchException e) {
            return "unknown";
        }
    }
}
