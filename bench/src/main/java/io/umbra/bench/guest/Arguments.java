package io.umbra.bench.guest;

import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * The command line of {@code bench/run}.
 *
 * @param only names of guests; empty for all
 * @param machines names; empty for those that are installed
 * @param limitSeconds for one run
 * @param output for the table, beside stdout
 */
record Arguments(
        boolean help,
        boolean list,
        List<String> only,
        List<String> machines,
        int rounds,
        int limitSeconds,
        List<String> umbraOptions,
        Optional<Path> output) {

    static final String USAGE = """
            Times whole guests under Umbra, under QEMU's software processor and under Bochs, in turn, and prints the
            medians and their ratios as a table in Markdown.

              bench/run [OPTION …]

              --list                  say which guests there are
              --only NAME,…           these guests only
              --machines NAME,…       these of umbra, qemu and bochs only, the first compared with the others
                                      (default: all that are installed)
              --rounds N              runs of each guest on each machine (default: 5)
              --umbra-options "…"     more options for umbra run, as --processor translator
              --timeout SECONDS       for one run (default: 900)
              --output FILE           write the table there, too

            A loop is timed from the line of the console that says that it begins to the one that says that it ends,
            a boot from the start of the process to its power-off. CPU time is that of all threads of the process.
            Exit status: 0; 1 a run went wrong; 2 something is missing or the command line is wrong.
            """;

    static Arguments parse(String... words) throws BenchException {
        Deque<String> left = new ArrayDeque<>(List.of(words));
        boolean help = false;
        boolean list = false;
        List<String> only = List.of();
        List<String> machines = List.of();
        int rounds = 5;
        int limit = 900;
        List<String> umbraOptions = List.of();
        Optional<Path> output = Optional.empty();
        while (!left.isEmpty()) {
            String option = left.remove();
            switch (option) {
                case "--help", "-h" -> help = true;
                case "--list" -> list = true;
                case "--only" -> only = names(value(option, left));
                case "--machines" -> machines = names(value(option, left));
                case "--rounds" -> rounds = number(option, value(option, left));
                case "--timeout" -> limit = number(option, value(option, left));
                case "--umbra-options" -> umbraOptions = words(value(option, left), " +");
                case "--output" -> output = Optional.of(Path.of(value(option, left)));
                default -> throw mistake("'" + option + "' is no option; --help lists them");
            }
        }
        return new Arguments(help, list, only, machines, rounds, limit, umbraOptions, output);
    }

    private static String value(String option, Deque<String> left) throws BenchException {
        if (left.isEmpty()) {
            throw mistake(option + " needs a value");
        }
        return left.remove();
    }

    private static List<String> names(String text) {
        return words(text, ",");
    }

    private static List<String> words(String text, String separator) {
        return Stream.of(text.split(separator, -1))
                .filter(word -> !word.isEmpty())
                .toList();
    }

    private static int number(String option, String text) throws BenchException {
        if (!text.matches("[1-9][0-9]{0,5}")) {
            throw mistake(option + " cannot be '" + text + "'");
        }
        return Integer.parseInt(text);
    }

    private static BenchException mistake(String message) {
        return new BenchException(BenchException.USAGE, message);
    }
}
