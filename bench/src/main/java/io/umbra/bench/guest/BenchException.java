package io.umbra.bench.guest;

/** Ends {@code bench/run} with one line that says what to do. */
final class BenchException extends Exception {
    private static final long serialVersionUID = 1;

    /** A mistake of the user's, or something is not installed. */
    static final int USAGE = 2;

    /** A run went wrong. */
    static final int FAILED = 1;

    private final int status;

    BenchException(int status, String message) {
        super(message);
        this.status = status;
    }

    int status() {
        return status;
    }
}
