package io.umbra.vmm.xen;

/** A guest gave an address that its own tables do not map, or not for this. A hypercall answers it with EFAULT. Has no stack trace: it is an answer, not an error. */
public final class BadPointer extends RuntimeException {
    private static final long serialVersionUID = 1L;

    private final long linear;
    private final boolean write;

    public BadPointer(long linear, boolean write) {
        super(null, null, false, false);
        this.linear = linear;
        this.write = write;
    }

    public long linear() {
        return linear;
    }

    public boolean isWrite() {
        return write;
    }

    @Override
    public String getMessage() {
        return (write ? "0x%x cannot be written" : "0x%x cannot be read").formatted(linear);
    }
}
