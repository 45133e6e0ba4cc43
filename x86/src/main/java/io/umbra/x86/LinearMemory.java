package io.umbra.x86;

/**
 * Linear memory as an emulated instruction sees it: each access is translated by the guest's own tables, checked with the guest's
 * rights, and may have consequences (a table's shadow follows, a device answers). Sizes are 1, 2, 4, 8; an access may cross a page.
 * Values are zero-extended.
 */
public interface LinearMemory {
    /**
     * Checks that the access would be permitted, without making it.
     *
     * @param access bits of {@link PageFaultCode}
     */
    void probe(long linear, int size, int access) throws Fault;

    /** @param access {@link PageFaultCode#FETCH}, {@link PageFaultCode#USER}, {@link PageFaultCode#IMPLICIT} or none of them */
    long read(long linear, int size, int access) throws Fault;

    void write(long linear, int size, long value, int access) throws Fault;

    /** LOCK CMPXCHG: stores {@code value} when memory holds {@code expected}; returns what it held. */
    long compareExchange(long linear, int size, long expected, long value, int access) throws Fault;

    /** The access cannot be made. Has no stack trace: it is an answer, not an error. */
    final class Fault extends RuntimeException {
        private static final long serialVersionUID = 1L;

        /** Whether the guest gets #PF; otherwise nobody can emulate this access. */
        public final boolean isPageFault;

        public final long linear;
        public final int code;

        private Fault(boolean isPageFault, long linear, int code) {
            super(null, null, false, false);
            this.isPageFault = isPageFault;
            this.linear = linear;
            this.code = code;
        }

        /** The guest's own tables refuse the access. */
        public static Fault page(long linear, int code) {
            return new Fault(true, linear, code);
        }

        /** The emulator is not the right place for this access; the caller finds another way. */
        public static Fault unhandleable(long linear) {
            return new Fault(false, linear, 0);
        }
    }
}
