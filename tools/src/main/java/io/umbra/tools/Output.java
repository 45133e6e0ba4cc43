package io.umbra.tools;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;

/** Files that the user wants something written to. */
final class Output {
    /**
     * Before the run, which may be long: that its result can be written where it is to go.
     *
     * @param what it is, in words
     * @throws ParameterException with one line for the user
     */
    static void check(CommandSpec spec, String what, Path file) {
        try (OutputStream opened = Files.newOutputStream(file, StandardOpenOption.CREATE, StandardOpenOption.WRITE)) {
            opened.flush();
        } catch (IOException e) {
            throw failed(spec, what, file, e);
        }
    }

    /** @throws ParameterException with one line for the user */
    static void write(CommandSpec spec, String what, Path file, String text) {
        try {
            Files.writeString(file, text);
        } catch (IOException e) {
            throw failed(spec, what, file, e);
        }
    }

    private static ParameterException failed(CommandSpec spec, String what, Path file, IOException e) {
        String reason = Files.isDirectory(file)
                ? "it is a directory"
                : e instanceof NoSuchFileException ? "its directory does not exist" : String.valueOf(e.getMessage());
        return new ParameterException(spec.commandLine(), "cannot write the " + what + " to '" + file + "': " + reason);
    }

    private Output() {}
}
