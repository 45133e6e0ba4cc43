package io.umbra.shadow;

/**
 * A numbered rule that does not hold.
 *
 * @param rule such as {@code REF-1}, from the package's description
 * @param message where it is broken and how, in one line
 */
record Finding(String rule, String message) {

    @Override
    public String toString() {
        return rule + ": " + message;
    }
}
