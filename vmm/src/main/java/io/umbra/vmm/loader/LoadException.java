package io.umbra.vmm.loader;

import java.io.Serial;

/** An image that cannot be loaded. The message is one line for the user: it names the file and what is wrong with it. */
public final class LoadException extends Exception {
    @Serial
    private static final long serialVersionUID = 1L;

    /** With a message of one line. */
    public LoadException(String message) {
        super(message);
    }
}
