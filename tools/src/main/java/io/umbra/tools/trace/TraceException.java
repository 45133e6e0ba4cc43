package io.umbra.tools.trace;

/** A file that is no trace, or a broken one. The message is one line for the user. */
public final class TraceException extends Exception {
    private static final long serialVersionUID = 1;

    TraceException(String message) {
        super(message);
    }
}
