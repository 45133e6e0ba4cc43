package io.umbra.bench.guest;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;

/** {@code bench/run}. */
final class Bench {
    private final Path repository;
    private final Arguments arguments;
    private final Path directory;
    private final List<String> notes = new ArrayList<>();

    private Bench(Path repository, Arguments arguments, Path directory) {
        this.repository = repository;
        this.arguments = arguments;
        this.directory = directory;
    }

    /** @param words the repository's directory, then the arguments of {@code bench/run} */
    public static void main(String[] words) throws IOException, InterruptedException {
        System.exit(run(Path.of(words[0]), List.of(words).subList(1, words.length)));
    }

    private static int run(Path repository, List<String> words) throws IOException, InterruptedException {
        Path directory = Files.createTempDirectory("umbra-bench");
        try {
            Arguments arguments = Arguments.parse(words.toArray(String[]::new));
            if (arguments.help()) {
                System.out.print(Arguments.USAGE);
            } else if (arguments.list()) {
                Guest.all().forEach(guest -> System.out.printf("%-13s %s%n", guest.name(), guest.description()));
            } else {
                new Bench(repository, arguments, directory).run();
            }
            return 0;
        } catch (BenchException e) {
            System.err.println("bench/run: " + e.getMessage());
            return e.status();
        } finally {
            delete(directory);
        }
    }

    private static void delete(Path directory) throws IOException {
        try (var files = Files.walk(directory)) {
            files.sorted(Comparator.reverseOrder()).forEach(file -> {
                try {
                    Files.delete(file);
                } catch (IOException e) {
                    throw new UncheckedIOException(e);
                }
            });
        }
    }

    private void run() throws IOException, InterruptedException, BenchException {
        List<Guest> guests = guests();
        List<Machine> machines = machines();
        GuestFiles files = new GuestFiles(repository, directory);
        for (Guest guest : guests) { // nothing is fetched or built between runs
            files.kernel(guest);
            files.disk(guest);
        }
        Host host = new Host();
        for (Machine machine : machines) {
            machine.version();
        }
        ResultTable table = new ResultTable(machines.stream().map(Machine::name).toList());
        for (int round = 1; round <= arguments.rounds(); round++) {
            for (Guest guest : guests) {
                for (Machine machine : machines) {
                    Measured measured = measure(guest, machine, files);
                    table.add(guest.name(), machine.name(), measured);
                    System.err.printf(
                            Locale.ROOT,
                            "round %d/%d  %-13s %-6s wall %8.2f s   CPU %8.2f s%n",
                            round,
                            arguments.rounds(),
                            guest.name(),
                            machine.name(),
                            measured.wall(),
                            measured.cpu());
                }
            }
        }
        StringBuilder text = new StringBuilder();
        text.append("Medians of %d rounds, in seconds; in parentheses the fastest and the slowest.\n\n"
                .formatted(arguments.rounds()));
        text.append(table.markdown()).append('\n');
        guests.forEach(guest -> text.append("- ")
                .append(guest.name())
                .append(": ")
                .append(guest.description())
                .append('\n'));
        text.append('\n');
        host.describe(machines).forEach(line -> text.append("- ").append(line).append('\n'));
        notes.forEach(line -> text.append("- ").append(line).append('\n'));
        System.out.print(text);
        if (arguments.output().isPresent()) {
            Files.writeString(arguments.output().get(), text);
        }
    }

    private Measured measure(Guest guest, Machine machine, GuestFiles files)
            throws IOException, InterruptedException, BenchException {
        Path errors = directory.resolve(machine.name() + ".err");
        List<String> command = machine.command(guest, files.kernel(guest), files.disk(guest));
        return new TimedRun(command, guest, errors, Duration.ofSeconds(arguments.limitSeconds())).play();
    }

    private List<Guest> guests() throws BenchException {
        List<Guest> all = Guest.all();
        List<String> names = all.stream().map(Guest::name).toList();
        checkNames("guest", names, arguments.only());
        return all.stream()
                .filter(guest -> arguments.only().isEmpty() || arguments.only().contains(guest.name()))
                .toList();
    }

    /** In the order in which they are asked for. */
    private List<Machine> machines() throws BenchException {
        List<Machine> all = List.of(
                new UmbraMachine(repository, arguments.umbraOptions()), new QemuMachine(), new BochsMachine(directory));
        List<String> wanted = arguments.machines();
        checkNames("machine", all.stream().map(Machine::name).toList(), wanted);
        List<Machine> used = new ArrayList<>();
        for (Machine machine : all) {
            if (!wanted.isEmpty() && !wanted.contains(machine.name())) {
                continue;
            }
            if (machine.missing().isEmpty()) {
                used.add(machine);
            } else if (wanted.isEmpty() && machine instanceof BochsMachine) {
                notes.add("Bochs was not run: " + machine.missing().get());
            } else {
                throw new BenchException(
                        BenchException.USAGE,
                        machine.missing().get() + "; --machines says which of the emulators to run");
            }
        }
        used.sort(Comparator.comparingInt(machine -> wanted.indexOf(machine.name())));
        return used;
    }

    private static void checkNames(String kind, List<String> known, List<String> wanted) throws BenchException {
        for (String name : wanted) {
            if (!known.contains(name)) {
                throw new BenchException(
                        BenchException.USAGE,
                        known.stream()
                                .collect(
                                        Collectors.joining(", ", "there is no " + kind + " '" + name + "', but ", "")));
            }
        }
    }
}
