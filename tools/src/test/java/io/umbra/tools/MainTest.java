package io.umbra.tools;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.PrintWriter;
import java.io.StringWriter;
import org.junit.jupiter.api.Test;
import picocli.CommandLine;
import picocli.CommandLine.Command;

class MainTest {

    private final StringWriter out = new StringWriter();
    private final StringWriter err = new StringWriter();
    private final CommandLine umbra = Main.withErrors(new CommandLine(new Umbra()).addSubcommand(new Broken()))
            .setOut(new PrintWriter(out, true))
            .setErr(new PrintWriter(err, true));

    @Test
    void versionNamesTheProjectVersion() {
        assertThat(umbra.execute("--version")).isEqualTo(ExitStatus.OK);
        assertThat(out.toString()).startsWith("umbra 0.").contains("Java " + Runtime.version());
        assertThat(err.toString()).isEmpty();
    }

    @Test
    void helpIsUsageOnStdout() {
        assertThat(umbra.execute("--help")).isEqualTo(ExitStatus.OK);
        assertThat(out.toString()).contains("Usage: umbra");
        assertThat(err.toString()).isEmpty();
    }

    @Test
    void noCommandIsAUsageErrorOfOneLine() {
        assertThat(umbra.execute()).isEqualTo(ExitStatus.USAGE);
        assertThat(err.toString().lines()).containsExactly("umbra: no command given (see umbra --help)");
        assertThat(out.toString()).isEmpty();
    }

    @Test
    void unknownOptionIsAUsageErrorOfOneLine() {
        assertThat(umbra.execute("--no-such-option")).isEqualTo(ExitStatus.USAGE);
        assertThat(err.toString().lines()).singleElement().asString().contains("--no-such-option", "umbra --help");
    }

    @Test
    void exceptionOfACommandIsAnInternalFaultOfOneLine() {
        assertThat(umbra.execute("broken")).isEqualTo(ExitStatus.OWN_FAULT);
        assertThat(err.toString().lines())
                .singleElement()
                .asString()
                .contains("internal fault", "first line second line");
    }

    @Command(name = "broken")
    private static final class Broken implements Runnable {
        @Override
        public void run() {
            throw new IllegalStateException("first line\n  second line");
        }
    }
}
