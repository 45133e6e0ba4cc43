package io.umbra.vmm.state;

/** A saved state that cannot be taken: the stream is damaged, from elsewhere, or made up. The message is one line for the user. */
public final class StateException extends Exception {
    private static final long serialVersionUID = 1;

    public StateException(String message) {
        super(message);
    }
}
