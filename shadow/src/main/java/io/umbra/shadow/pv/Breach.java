package io.umbra.shadow.pv;

/**
 * A numbered rule that does not hold.
 *
 * @param rule such as {@code COUNT-1}, from the package's description
 * @param message where it is broken and how, in one line
 */
record Breach(String rule, String message) {}
