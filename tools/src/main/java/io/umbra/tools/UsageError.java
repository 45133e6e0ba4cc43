package io.umbra.tools;

import picocli.CommandLine.IParameterExceptionHandler;
import picocli.CommandLine.ParameterException;

/** A user's mistake: one line on stderr with a hint where to read on, and {@link ExitStatus#USAGE}. */
final class UsageError implements IParameterExceptionHandler {

    @Override
    public int handleParseException(ParameterException mistake, String[] args) {
        var command = mistake.getCommandLine();
        var name = command.getCommandSpec().qualifiedName();
        command.getErr().println(OneLine.of("umbra: " + mistake.getMessage() + " (see " + name + " --help)"));
        return ExitStatus.USAGE;
    }
}
