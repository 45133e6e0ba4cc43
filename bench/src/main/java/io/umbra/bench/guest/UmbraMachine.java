package io.umbra.bench.guest;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Umbra as a user starts it.
 *
 * @param options of {@code umbra run}, beside the guest's own
 */
record UmbraMachine(Path repository, List<String> options) implements Machine {
    UmbraMachine {
        options = List.copyOf(options);
    }

    @Override
    public String name() {
        return "umbra";
    }

    @Override
    public Optional<String> missing() {
        return Optional.empty();
    }

    /** Also builds it, so that no timed run does. */
    @Override
    public String version() throws InterruptedException {
        String commit = Tools.version("git", "-C", repository.toString(), "describe", "--always", "--dirty");
        String text = Tools.version(launcher(), "--version") + ", commit " + commit;
        return options.isEmpty() ? text : text + ", " + String.join(" ", options);
    }

    private String launcher() {
        return repository.resolve("umbra").toString();
    }

    @Override
    public List<String> command(Guest guest, Path kernel, Path disk) {
        List<String> command = new ArrayList<>(List.of(launcher(), "run", kernel.toString()));
        command.addAll(List.of("--initrd", disk.toString(), "--append", guest.append()));
        command.addAll(List.of("--memory", MEMORY + "M", "--report", "none"));
        command.addAll(options);
        return command;
    }
}
