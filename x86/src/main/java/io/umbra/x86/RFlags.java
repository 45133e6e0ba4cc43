package io.umbra.x86;

/** Bits of RFLAGS. Intel SDM vol. 1, "EFLAGS Register". */
public final class RFlags {
    public static final long CARRY = 1L << 0;
    /** Bit 1, always one. */
    public static final long ALWAYS_ONE = 1L << 1;

    public static final long PARITY = 1L << 2;
    public static final long AUXILIARY = 1L << 4;
    public static final long ZERO = 1L << 6;
    public static final long SIGN = 1L << 7;
    public static final long TRAP = 1L << 8;
    public static final long INTERRUPT = 1L << 9;
    public static final long DIRECTION = 1L << 10;
    public static final long OVERFLOW = 1L << 11;
    public static final long IO_PRIVILEGE = 3L << 12;
    public static final long NESTED_TASK = 1L << 14;
    public static final long RESUME = 1L << 16;
    public static final long VIRTUAL_8086 = 1L << 17;
    /** AC: alignment check at CPL 3; with SMAP, permission for explicit supervisor accesses to user pages. */
    public static final long ALIGNMENT_CHECK = 1L << 18;

    public static final long VIRTUAL_INTERRUPT = 1L << 19;
    public static final long VIRTUAL_INTERRUPT_PENDING = 1L << 20;
    public static final long IDENTIFICATION = 1L << 21;
    /** The six flags that arithmetic sets. */
    public static final long STATUS = CARRY | PARITY | AUXILIARY | ZERO | SIGN | OVERFLOW;

    private RFlags() {}
}
