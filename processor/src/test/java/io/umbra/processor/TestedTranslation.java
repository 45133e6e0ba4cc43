package io.umbra.processor;

/**
 * How the tests of this module execute code. With {@code -Dumbra.translate=HOST} or {@code BYTECODE} every block is translated before it is executed for the first time, so that what holds of the
 * interpreter is held of translated code, too. The build runs the tests all three ways.
 */
public final class TestedTranslation {
    private static final String NAMED = System.getProperty("umbra.translate", "");

    public static final Translation TRANSLATION = NAMED.isEmpty() ? Translation.OFF : of(1);

    private TestedTranslation() {}

    /** Everything is translated after it was executed so often. */
    static Translation of(int threshold) {
        return new Translation(threshold, true, target(), 1 << 20);
    }

    /** What tests that translate in any case make of code. */
    static Translation.Target target() {
        return NAMED.isEmpty() ? Translation.Target.HOST : Translation.Target.valueOf(NAMED);
    }
}
