package io.umbra.tools;

import io.umbra.shadow.PolicyOption;
import java.io.PrintWriter;
import java.util.Locale;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;

/** Lists the policy table and the constants of the cost model. */
@Command(
        name = "options",
        description =
                "List the policy options that `umbra run --set OPTION=VALUE` takes, and the constants of the cost model"
                        + " that `umbra compare --cost NAME=CYCLES` takes.",
        mixinStandardHelpOptions = true)
final class Options implements Runnable {
    private static final int WIDTH = 100;
    private static final String INDENT = "    ";

    @Spec
    @SuppressWarnings("NullAway.Init") // picocli sets it before run()
    private CommandSpec spec;

    @Override
    public void run() {
        PrintWriter out = spec.commandLine().getOut();
        for (PolicyOption option : PolicyOption.values()) {
            out.println(option.label() + "=" + option.defaultValue() + "    (" + option.choices() + ")");
            wrap(out, option.description());
        }
        out.println();
        out.println("Cost model of `umbra compare --cost NAME=CYCLES`: cycles each time that");
        for (CostTerm term : CostTerm.values()) {
            out.println(String.format(Locale.ROOT, "%s=%.0f", term.label(), term.defaultCycles()));
            wrap(out, term.description());
        }
    }

    private static void wrap(PrintWriter out, String text) {
        StringBuilder line = new StringBuilder(INDENT);
        for (String word : text.split(" ", -1)) {
            if (line.length() + word.length() > WIDTH) {
                out.println(line.toString().stripTrailing());
                line.setLength(0);
                line.append(INDENT);
            }
            line.append(word).append(' ');
        }
        out.println(line.toString().stripTrailing());
    }
}
