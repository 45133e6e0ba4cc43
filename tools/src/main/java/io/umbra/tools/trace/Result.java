package io.umbra.tools.trace;

import io.umbra.x86.InstructionEmulator.Emulation;

/** {@link Emulation} as a number in a file. */
enum Result {
    COMPLETE,
    ITERATION,
    RAISED,
    UNHANDLEABLE;

    static Result of(Emulation emulation) {
        return switch (emulation) {
            case Emulation.Done.COMPLETE -> COMPLETE;
            case Emulation.Done.ITERATION -> ITERATION;
            case Emulation.Raised _ -> RAISED;
            case Emulation.Failed.UNHANDLEABLE -> UNHANDLEABLE;
        };
    }
}
