package io.umbra.x86;

/** Bits of the EFER MSR (0xC000_0080). AMD APM vol. 2, "Extended Feature Enable Register". */
public final class Efer {
    public static final long SYSCALL = 1L << 0;
    public static final long LONG_MODE_ENABLE = 1L << 8;
    public static final long LONG_MODE_ACTIVE = 1L << 10;
    public static final long NO_EXECUTE = 1L << 11;

    private Efer() {}
}
