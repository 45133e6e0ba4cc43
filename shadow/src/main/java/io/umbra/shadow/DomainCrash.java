package io.umbra.shadow;

/** The guest did something that its domain does not survive. The message says what, in one line; the process and other domains go on. */
public final class DomainCrash extends RuntimeException {
    private static final long serialVersionUID = 1L;

    private final String reason;

    public DomainCrash(String reason) {
        super(reason, null, false, false);
        this.reason = reason;
    }

    /** One line for the user. */
    public String reason() {
        return reason;
    }
}
