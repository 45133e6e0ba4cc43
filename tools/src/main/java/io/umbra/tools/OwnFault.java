package io.umbra.tools;

import picocli.CommandLine;
import picocli.CommandLine.IExecutionExceptionHandler;
import picocli.CommandLine.ParseResult;

/**
 * A fault of Umbra's own: one line on stderr and {@link ExitStatus#OWN_FAULT}. The stack trace follows only when the
 * environment variable {@code UMBRA_TRACE} is set.
 */
final class OwnFault implements IExecutionExceptionHandler {

    @Override
    public int handleExecutionException(Exception fault, CommandLine command, ParseResult parsed) {
        command.getErr().println(OneLine.of("umbra: internal fault: " + fault + hint()));
        if (wantsTrace()) {
            fault.printStackTrace(command.getErr());
        }
        return ExitStatus.OWN_FAULT;
    }

    private static String hint() {
        return wantsTrace() ? "" : " (UMBRA_TRACE=1 shows where)";
    }

    private static boolean wantsTrace() {
        return System.getenv("UMBRA_TRACE") != null;
    }
}
