package io.umbra.processor;

/**
 * How the tests of this module execute code. With {@code -Dumbra.translate=true} every block is translated before it is executed for the first time, so that what holds of the
 * interpreter is held of translated code, too. The build runs the tests both ways.
 */
public final class TestedTranslation {
    public static final Translation TRANSLATION =
            Boolean.getBoolean("umbra.translate") ? new Translation(1, true) : Translation.OFF;

    private TestedTranslation() {}
}
