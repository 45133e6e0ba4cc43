package io.umbra.tools;

import picocli.CommandLine;

/** Entry point of the {@code umbra} command. */
public final class Main {

    private Main() {}

    /** Executes one command line and ends the process with its {@linkplain ExitStatus exit status}. */
    public static void main(String[] args) {
        System.exit(withErrors(new CommandLine(new Umbra())).execute(args));
    }

    /** Maps the errors of a command and of its subcommands to one line on stderr and an exit status. */
    static CommandLine withErrors(CommandLine command) {
        return command.setParameterExceptionHandler(new UsageError()).setExecutionExceptionHandler(new OwnFault());
    }
}
