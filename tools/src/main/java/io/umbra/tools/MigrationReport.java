package io.umbra.tools;

import io.umbra.vmm.Migration;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;

/** The part of a report on the migrations that were made, a line each. */
final class MigrationReport {
    private final List<Migration> migrations;

    MigrationReport(List<Migration> migrations) {
        this.migrations = migrations;
    }

    String text() {
        StringBuilder text = new StringBuilder();
        if (migrations.isEmpty()) {
            return "no migration: the guest ended before one was complete\n";
        }
        text.append("%d migration%s\n".formatted(migrations.size(), migrations.size() == 1 ? "" : "s"));
        for (Migration migration : migrations) {
            text.append(String.format(
                    Locale.ROOT,
                    "%15.3f  ms: %d round%s of %s pages, then %d pages with the guest stopped; %.1f MB in %.3f ms\n",
                    migration.start() / 1e6,
                    migration.rounds().size(),
                    migration.rounds().size() == 1 ? "" : "s",
                    migration.rounds().stream().map(String::valueOf).collect(Collectors.joining(", ")),
                    migration.downtime(),
                    migration.bytes() / 1e6,
                    (migration.stopped() - migration.start()) / 1e6));
        }
        return text.toString();
    }

    /** Adds an array: [start in ns, stopped in ns, bytes, pages sent while stopped, pages of the first round, …] of each migration. */
    void writeTo(Json json) {
        json.array("migrations");
        for (Migration migration : migrations) {
            long[] row = new long[4 + migration.rounds().size()];
            row[0] = migration.start();
            row[1] = migration.stopped();
            row[2] = migration.bytes();
            row[3] = migration.downtime();
            for (int round = 0; round < migration.rounds().size(); round++) {
                row[4 + round] = migration.rounds().get(round);
            }
            json.row(row);
        }
        json.close();
    }
}
