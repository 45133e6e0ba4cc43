package io.umbra.x86;

/** Bits of CR4. Intel SDM vol. 3A, "Control Registers". */
public final class Cr4 {
    public static final long VIRTUAL_8086_EXTENSIONS = 1L << 0;
    public static final long PROTECTED_VIRTUAL_INTERRUPTS = 1L << 1;
    public static final long TIME_STAMP_DISABLE = 1L << 2;
    public static final long DEBUGGING_EXTENSIONS = 1L << 3;
    public static final long PAGE_SIZE_EXTENSIONS = 1L << 4;
    public static final long PHYSICAL_ADDRESS_EXTENSION = 1L << 5;
    public static final long MACHINE_CHECK = 1L << 6;
    public static final long PAGE_GLOBAL = 1L << 7;
    public static final long PERFORMANCE_COUNTER = 1L << 8;
    /** OSFXSR: FXSAVE and the SSE instructions are enabled. */
    public static final long FXSAVE = 1L << 9;
    /** OSXMMEXCPT: unmasked SIMD exceptions raise #XM rather than #UD. */
    public static final long SIMD_EXCEPTIONS = 1L << 10;

    public static final long USER_MODE_INSTRUCTION_PREVENTION = 1L << 11;
    public static final long FIVE_LEVEL = 1L << 12;
    public static final long FSGSBASE = 1L << 16;
    public static final long PROCESS_CONTEXT_IDENTIFIERS = 1L << 17;
    public static final long XSAVE = 1L << 18;
    public static final long SMEP = 1L << 20;
    public static final long SMAP = 1L << 21;
    public static final long PROTECTION_KEYS = 1L << 22;

    private Cr4() {}
}
