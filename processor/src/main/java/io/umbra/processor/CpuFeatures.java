package io.umbra.processor;

import io.umbra.x86.Cr4;
import io.umbra.x86.VcpuState;

/**
 * What CPUID says of the software processor: an AMD processor of family 17h (AMD APM vol. 3, appendix E) with exactly the features that exist. The answers do not depend on the
 * machine around it: the local APIC, its number, how many processors there are, and the hypervisor's own leaves are added by whoever answers CPUID.
 */
public final class CpuFeatures {
    /** MAXPHYADDR of the guest's paging entries. */
    public static final int PHYSICAL_ADDRESS_BITS = 40;

    /** The bits of CR4 that may be set on every processor; {@link PagingFeatures} may add some. */
    static final long CR4 = Cr4.TIME_STAMP_DISABLE
            | Cr4.DEBUGGING_EXTENSIONS
            | Cr4.PAGE_SIZE_EXTENSIONS
            | Cr4.PHYSICAL_ADDRESS_EXTENSION
            | Cr4.PAGE_GLOBAL
            | Cr4.PERFORMANCE_COUNTER
            | Cr4.FXSAVE
            | Cr4.SIMD_EXCEPTIONS
            | Cr4.SMEP
            | Cr4.SMAP
            | Cr4.XSAVE;

    /** The four registers that CPUID answers in. */
    public record Leaf(int eax, int ebx, int ecx, int edx) {
        /** What a leaf that does not exist answers. */
        public static final Leaf NONE = new Leaf(0, 0, 0, 0);
    }

    private static final int HIGHEST_BASIC = 0xD;
    private static final int EXTENDED = 0x8000_0000;
    private static final int HIGHEST_EXTENDED = 0x8000_0021;

    /** Family 17h (Fh + 8), model 31h, stepping 0. */
    private static final int SIGNATURE = 0x0083_0F10;
    /** "AuthenticAMD" in EBX, EDX, ECX. */
    private static final int AUTH = 0x6874_7541, ENTI = 0x6974_6E65, C_AMD = 0x444D_4163;

    /** 64 bytes, in units of 8, in bits 15..8. */
    private static final int CLFLUSH_SIZE = 8 << 8;

    private static final int SSE3 = 1, SSSE3 = 1 << 9, CMPXCHG16B = 1 << 13, SSE4_1 = 1 << 19, SSE4_2 = 1 << 20;
    private static final int MOVBE = 1 << 22, POPCNT = 1 << 23;
    private static final int XSAVE = 1 << 26, OSXSAVE = 1 << 27, AVX = 1 << 28;
    private static final int FMA = 1 << 12, F16C = 1 << 29;
    /** Of leaf 1. */
    private static final int FEATURES =
            SSE3 | SSSE3 | CMPXCHG16B | SSE4_1 | SSE4_2 | MOVBE | POPCNT | XSAVE | AVX | FMA | F16C;

    private static final int FPU = 1, DE = 1 << 2, PSE = 1 << 3, TSC = 1 << 4, MSR = 1 << 5, PAE = 1 << 6;
    private static final int CMPXCHG8B = 1 << 8, SYSENTER = 1 << 11, PGE = 1 << 13, CMOV = 1 << 15, PAT = 1 << 16;
    private static final int PSE36 = 1 << 17, CLFSH = 1 << 19, MMX = 1 << 23, FXSR = 1 << 24;
    private static final int SSE = 1 << 25, SSE2 = 1 << 26;
    /** What leaf 8000_0001 repeats of leaf 1. */
    private static final int SHARED =
            FPU | DE | PSE | TSC | MSR | PAE | CMPXCHG8B | PGE | CMOV | PAT | PSE36 | MMX | FXSR;

    /** REP MOVSB and STOSB are fast. */
    private static final int ERMS = 1 << 9;

    private static final int BMI1 = 1 << 3, AVX2 = 1 << 5, SMEP = 1 << 7, BMI2 = 1 << 8, SMAP = 1 << 20;
    /** Of leaf D, subleaf 1: XSAVEOPT, and XGETBV with ECX = 1. */
    private static final int XSAVEOPT = 1, XGETBV_IN_USE = 1 << 2;

    private static final int LAHF_64 = 1, LZCNT = 1 << 5, PREFETCHW = 1 << 8;
    private static final int SYSCALL = 1 << 11, NX = 1 << 20, MMX_EXTENSIONS = 1 << 22, PAGE_1_GIB = 1 << 26;
    private static final int RDTSCP = 1 << 27, LONG_MODE = 1 << 29;

    private static final int INVARIANT_TSC = 1 << 8;
    /** FXRSTOR always restores the x87's pointers, and FXSAVE always writes them. */
    private static final int RESTORES_X87_POINTERS = 1 << 2;

    private static final int LFENCE_SERIALIZES = 1 << 2, NULL_SELECTOR_CLEARS_BASE = 1 << 6;
    /** Nothing is executed speculatively, so no store is bypassed and no branch or return mispredicted: kernels need no mitigations. */
    private static final int SSB_NO = 1 << 26, BTC_NO = 1 << 29, SRSO_NO = 1 << 29;

    private static final String NAME = "Umbra software processor";

    /** The answer to a processor in this state, of which some bits and sizes depend: what its operating system has enabled. */
    public static Leaf cpuid(int leaf, int subleaf, VcpuState state) {
        Leaf answer = cpuid(leaf, subleaf, state.cr4);
        return leaf == 0xD && subleaf == 0
                ? new Leaf(answer.eax, ExtendedState.size(state.xcr0), answer.ecx, answer.edx)
                : answer;
    }

    /** Of the components that XSAVE manages, as they are after reset. */
    private static Leaf extendedState(int subleaf, long offered) {
        long component = subleaf >>> 6 != 0 ? 0 : offered & 1L << subleaf;
        if (subleaf == 0) {
            return new Leaf((int) offered, ExtendedState.size(ExtendedState.X87), ExtendedState.size(offered), 0);
        }
        if (subleaf == 1) {
            return new Leaf(XSAVEOPT | XGETBV_IN_USE, 0, 0, 0);
        }
        if (component == ExtendedState.AVX) {
            return new Leaf(ExtendedState.AVX_BYTES, ExtendedState.AVX_OFFSET, 0, 0);
        }
        return component == ExtendedState.PKRU
                ? new Leaf(ExtendedState.PKRU_BYTES, ExtendedState.PKRU_OFFSET, 0, 0)
                : Leaf.NONE;
    }

    /**
     * @param subleaf of ECX; counts for the leaves 7 and D only
     * @param cr4 of the processor that asks, which some bits mirror
     */
    public static Leaf cpuid(int leaf, int subleaf, long cr4) {
        return cpuid(leaf, subleaf, cr4, PagingFeatures.OFFERED);
    }

    static Leaf cpuid(int leaf, int subleaf, long cr4, PagingFeatures paging) {
        return switch (leaf) {
            case 0 -> new Leaf(HIGHEST_BASIC, AUTH, C_AMD, ENTI);
            case 1 ->
                new Leaf(
                        SIGNATURE,
                        CLFLUSH_SIZE,
                        FEATURES | paging.leaf1Ecx() | ((cr4 & Cr4.XSAVE) != 0 ? OSXSAVE : 0),
                        SHARED | SYSENTER | CLFSH | SSE | SSE2);
            case 7 ->
                subleaf == 0
                        ? new Leaf(
                                0, ERMS | SMEP | SMAP | BMI1 | BMI2 | AVX2 | paging.leaf7Ebx(), paging.leaf7Ecx(cr4), 0)
                        : Leaf.NONE;
            case 0xD -> extendedState(subleaf, ExtendedState.offered(paging));
            case EXTENDED -> new Leaf(HIGHEST_EXTENDED, AUTH, C_AMD, ENTI);
            case EXTENDED + 1 ->
                new Leaf(
                        SIGNATURE,
                        0,
                        LAHF_64 | LZCNT | PREFETCHW,
                        SHARED | SYSCALL | NX | MMX_EXTENSIONS | PAGE_1_GIB | RDTSCP | LONG_MODE);
            case EXTENDED + 2, EXTENDED + 3, EXTENDED + 4 -> name(leaf - EXTENDED - 2);
            case EXTENDED + 7 -> new Leaf(0, 0, 0, INVARIANT_TSC);
            case EXTENDED + 8 ->
                new Leaf(
                        paging.linearBits() << 8 | PHYSICAL_ADDRESS_BITS,
                        RESTORES_X87_POINTERS | SSB_NO | BTC_NO,
                        0,
                        0);
            case HIGHEST_EXTENDED -> new Leaf(LFENCE_SERIALIZES | NULL_SELECTOR_CLEARS_BASE | SRSO_NO, 0, 0, 0);
            default -> Leaf.NONE;
        };
    }

    /** Sixteen characters of the name, from the {@code third}. */
    private static Leaf name(int third) {
        return new Leaf(
                characters(third * 16),
                characters(third * 16 + 4),
                characters(third * 16 + 8),
                characters(third * 16 + 12));
    }

    private static int characters(int from) {
        int packed = 0;
        for (int i = 3; i >= 0; i--) {
            int at = from + i;
            packed = packed << 8 | (at < NAME.length() ? NAME.charAt(at) : 0);
        }
        return packed;
    }

    private CpuFeatures() {}
}
