package io.umbra.shadow;

import io.umbra.x86.InvariantViolation;
import java.util.List;

/**
 * A numbered rule that does not hold.
 *
 * @param rule such as {@code REF-1}, from the package's description
 * @param message where it is broken and how, in one line
 */
record Finding(String rule, String message) {

    static void throwFirst(List<Finding> findings) {
        if (!findings.isEmpty()) {
            throw new InvariantViolation(
                    findings.getFirst().rule(), findings.getFirst().message());
        }
    }

    @Override
    public String toString() {
        return rule + ": " + message;
    }
}
