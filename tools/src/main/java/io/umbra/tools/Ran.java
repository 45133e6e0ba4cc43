package io.umbra.tools;

import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * A guest that ran in a process of its own.
 *
 * @param combination the settings compared
 * @param status of the process
 * @param result null when the process ended without one
 * @param console what the guest printed; the file goes with the comparison
 * @param message the last line that the process wrote to stderr, for when there is no result
 */
record Ran(Combination combination, int status, @Nullable RunResult result, Path console, String message) {

    /** How it ended, in words. */
    String end() {
        if (result != null) {
            return result.end();
        }
        return message.isEmpty() ? "the process ended with status " + status + " and said nothing" : message;
    }
}
