package io.umbra.x86;

/**
 * An interrupt or exception on its way through the guest's IDT, as in a VMCB's EVENTINJ and EXITINTINFO fields.
 *
 * @param errorCode pushed when the vector has one and the kind is {@link Kind#EXCEPTION}
 * @param length bytes of the instruction that raised a software event, so that the saved RIP lies behind it; else 0
 */
public record Event(Kind kind, int vector, int errorCode, int length) {

    public enum Kind {
        /** From the interrupt controller. */
        EXTERNAL,
        NMI,
        /** A fault, trap or abort; the saved RIP is the state's. */
        EXCEPTION,
        /** INT n: the gate's DPL is checked, RIP behind the instruction is saved. */
        SOFTWARE_INTERRUPT,
        /** INT3 and INTO: as INT n. INT1 is like them but without the check of the DPL. */
        SOFTWARE_EXCEPTION,
        PRIVILEGED_SOFTWARE_EXCEPTION
    }

    public static Event exception(int vector) {
        return new Event(Kind.EXCEPTION, vector, 0, 0);
    }

    public static Event exception(int vector, int errorCode) {
        return new Event(Kind.EXCEPTION, vector, errorCode, 0);
    }

    public static Event external(int vector) {
        return new Event(Kind.EXTERNAL, vector, 0, 0);
    }

    public static Event nmi() {
        return new Event(Kind.NMI, Vector.NMI, 0, 0);
    }

    public boolean hasErrorCode() {
        return kind == Kind.EXCEPTION && Vector.hasErrorCode(vector);
    }

    public boolean isSoftware() {
        return switch (kind) {
            case EXTERNAL, NMI, EXCEPTION -> false;
            case SOFTWARE_INTERRUPT, SOFTWARE_EXCEPTION, PRIVILEGED_SOFTWARE_EXCEPTION -> true;
        };
    }

    @Override
    public String toString() {
        return Vector.name(vector) + (hasErrorCode() ? "(0x" + Integer.toHexString(errorCode) + ")" : "");
    }
}
