package io.umbra.tools;

import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import picocli.CommandLine;
import picocli.CommandLine.TypeConversionException;

/** Entry point of the {@code umbra} command. */
public final class Main {

    private Main() {}

    /** Executes one command line and ends the process with its {@linkplain ExitStatus exit status}. */
    public static void main(String[] args) {
        System.exit(withErrors(new CommandLine(new Umbra())).execute(args));
    }

    /** Maps the errors of a command and of its subcommands to one line on stderr and an exit status. */
    static CommandLine withErrors(CommandLine command) {
        return command.registerConverter(Path.class, Main::path)
                .setParameterExceptionHandler(new UsageError())
                .setExecutionExceptionHandler(new OwnFault());
    }

    /** As picocli's own, which would name the exception to the user. */
    private static Path path(String text) {
        try {
            return Path.of(text);
        } catch (InvalidPathException e) {
            throw new TypeConversionException("'" + e.getInput() + "' can be no file name: " + e.getReason());
        }
    }
}
