package io.umbra.bench.guest;

import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** The machine on which all this is timed, in words. */
final class Host {
    private final double loadBefore = load();

    private static double load() {
        return ManagementFactory.getOperatingSystemMXBean().getSystemLoadAverage();
    }

    /** A line each: processor, kernel, JDK, load, and the versions of the machines. */
    List<String> describe(List<Machine> machines) throws IOException, InterruptedException {
        List<String> lines = new ArrayList<>();
        lines.add(
                "%s, %d processors".formatted(processor(), Runtime.getRuntime().availableProcessors()));
        lines.add("%s %s, JDK %s (%s)"
                .formatted(
                        System.getProperty("os.name"),
                        System.getProperty("os.version"),
                        Runtime.version(),
                        System.getProperty("java.vendor")));
        for (Machine machine : machines) {
            lines.add(machine.version());
        }
        lines.add(String.format(
                Locale.ROOT,
                "%s; load average %.1f before and %.1f after",
                LocalDate.now(ZoneOffset.UTC),
                loadBefore,
                load()));
        return lines;
    }

    private static String processor() throws IOException {
        Path information = Path.of("/proc/cpuinfo");
        if (!Files.exists(information)) {
            return System.getProperty("os.arch");
        }
        try (var lines = Files.lines(information)) {
            return lines.filter(line -> line.startsWith("model name"))
                    .map(line -> line.substring(line.indexOf(':') + 1).strip())
                    .findFirst()
                    .orElse(System.getProperty("os.arch"));
        }
    }
}
