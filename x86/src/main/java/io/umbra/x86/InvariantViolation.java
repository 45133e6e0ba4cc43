package io.umbra.x86;

/** A fault of Umbra's own: a numbered rule of a package does not hold. */
public final class InvariantViolation extends RuntimeException {
    private static final long serialVersionUID = 1L;

    private final String rule;

    /** @param rule such as {@code HASH-2}, from the {@code package-info} of the package that keeps it */
    public InvariantViolation(String rule, String message) {
        super(rule + ": " + message);
        this.rule = rule;
    }

    public String rule() {
        return rule;
    }
}
