package io.umbra.tools;

import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** The top command: carries the subcommands and does nothing by itself. */
@Command(
        name = "umbra",
        description = "A hypervisor on the JVM that virtualises x86 memory with shadow pagetables.",
        mixinStandardHelpOptions = true,
        subcommands = {Run.class, Compare.class, Matrix.class, TraceCommand.class, Options.class},
        versionProvider = Version.class)
final class Umbra implements Runnable {

    @Spec
    @SuppressWarnings("NullAway.Init") // picocli sets it before run()
    private CommandSpec spec;

    @Override
    public void run() {
        throw new ParameterException(spec.commandLine(), "no command given");
    }
}
