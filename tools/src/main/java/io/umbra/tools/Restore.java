package io.umbra.tools;

import io.umbra.shadow.PolicyOption;
import io.umbra.vmm.Domain;
import io.umbra.vmm.DomainConfig.PagingKind;
import io.umbra.vmm.DomainStream;
import io.umbra.vmm.RestoreRequest;
import io.umbra.vmm.state.StateException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Goes on with a guest that {@code umbra run --save} saved. */
@Command(
        name = "restore",
        description = "Go on with a guest that `umbra run --save FILE` saved, where it was. Its machine is as it was;"
                + " how its memory is virtualised may be chosen anew.",
        mixinStandardHelpOptions = true,
        sortOptions = false,
        footer = {
            "",
            "The guest's console is stdout and stdin, from where it was on. Instructions are counted from when the",
            "guest was switched on. Exit status: as that of `umbra run`.",
            "",
            "Example: umbra restore guest.save --paging nested"
        })
final class Restore implements Callable<Integer> {
    @Parameters(paramLabel = "FILE", description = "what `umbra run --save FILE` wrote")
    @SuppressWarnings("NullAway.Init") // picocli sets it before call()
    private Path file;

    @Option(
            names = "--paging",
            paramLabel = "shadow|nested",
            description = "how memory is virtualised (default: as it was)")
    private @Nullable String paging;

    @Option(
            names = "--set",
            paramLabel = "OPTION=VALUE",
            description = "a row of the policy table; the others are as they were")
    private Map<String, String> settings = new LinkedHashMap<>();

    @Option(
            names = "--seed",
            paramLabel = "N",
            description = "of everything that is scattered (default: ${DEFAULT-VALUE})",
            defaultValue = "1")
    private long seed;

    @Mixin
    private Play play = new Play();

    @Spec
    @SuppressWarnings("NullAway.Init") // picocli sets it before call()
    private CommandSpec spec;

    @Override
    public Integer call() {
        PagingKind kind = kind();
        checkSettings();
        play.check();
        GuestConsole console = new GuestConsole(System.out);
        Domain domain = restored(new RestoreRequest(kind, settings, seed, play.verifies(), console, Terminal.input()));
        if (play.verifies() && domain.config().translation().translates()) {
            Play.tellNoTwin("a guest that was restored has none");
        }
        return play.play(domain, console);
    }

    private @Nullable PagingKind kind() {
        if (paging == null) {
            return null;
        }
        for (PagingKind kind : PagingKind.values()) {
            if (kind.name().equalsIgnoreCase(paging)) {
                return kind;
            }
        }
        throw mistake("--paging cannot be '" + paging + "'");
    }

    private void checkSettings() {
        try {
            PolicyOption.parse(settings);
        } catch (IllegalArgumentException e) {
            throw mistake(String.valueOf(e.getMessage()));
        }
    }

    private Domain restored(RestoreRequest request) {
        if (Files.isDirectory(file)) {
            throw mistake(file + " is a directory");
        }
        try (InputStream in = Files.newInputStream(file)) {
            return DomainStream.restore(in, request);
        } catch (NoSuchFileException e) {
            throw mistake(file + " does not exist");
        } catch (IOException e) {
            throw mistake("cannot read " + file + ": " + e.getMessage());
        } catch (StateException e) {
            throw mistake("cannot restore '" + file + "': " + e.getMessage());
        } catch (OutOfMemoryError e) {
            throw mistake(
                    "there is no room for the guest in '" + file
                            + "': what is kept for each of its frames needs Java heap, of which UMBRA_JAVA_OPTS=-Xmx4g gives more");
        }
    }

    private ParameterException mistake(String message) {
        return new ParameterException(spec.commandLine(), message);
    }
}
