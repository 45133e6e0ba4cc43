package io.umbra.processor;

import io.umbra.x86.Vector;

/**
 * Unwinds from inside an instruction that raised an exception before it committed anything. One object a processor, without a stack trace:
 * throwing it costs some hundred nanoseconds, and not throwing it costs nothing. Whoever has nothing to unwind reads it and does not throw.
 */
final class GuestException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    /** What the unwinding means. */
    enum Reason {
        /** {@link #vector} and {@link #errorCode} shall be delivered (or exit, when intercepted). */
        EXCEPTION,
        /** #PF: {@link #linear} and {@link #errorCode}, which may hold the synthetic IMPLICIT bit. */
        PAGE_FAULT,
        /** A nested walk missed: {@link #guestPhysical}, {@link #errorCode} (access bits), {@link #linear}. */
        NESTED_FAULT,
        /** A non-canonical address: #SS(0) when the instruction's operand is in SS, else #GP(0). */
        NON_CANONICAL,
        /** Only under emulation: this cannot be emulated. */
        UNHANDLEABLE
    }

    Reason reason = Reason.EXCEPTION;
    int vector;
    int errorCode;
    long linear;
    long guestPhysical;

    GuestException() {
        super(null, null, false, false);
    }

    @Override
    public String getMessage() {
        return reason + " " + Vector.name(vector) + " 0x" + Integer.toHexString(errorCode);
    }
}
