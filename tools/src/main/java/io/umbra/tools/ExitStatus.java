package io.umbra.tools;

/** Exit statuses of the {@code umbra} command. Scripts rely on them. */
public final class ExitStatus {

    /** The guest ended well, or the command did what was asked. */
    public static final int OK = 0;

    /** The guest failed: it panicked, crashed, or left through its debug exit with a value other than 0. Or a comparison found a difference. */
    public static final int GUEST_FAILED = 1;

    /** The command line or a file that it names is wrong. */
    public static final int USAGE = 2;

    /** A fault of Umbra's own. */
    public static final int OWN_FAULT = 3;

    /** A limit on instructions or time was reached before the guest ended. */
    public static final int LIMIT_REACHED = 124;

    private ExitStatus() {}
}
