package io.umbra.processor;

/**
 * What generated host code and the run loop tell each other: words of one array, whose address the code has in a register while it runs. Below are the words' places, and which host
 * register is what.
 *
 * <pre>
 *  RSP            the host's stack
 *  RBP            this array                       RDI  entries of the {@link TlbBank} in force
 *  RAX, RCX, RDX  free inside of an instruction
 *  RBX, RSI, R8 … R15 hold ten of the guest's general registers; the other six are in words of this array
 * </pre>
 */
final class HostState {
    /** Instructions that may still be retired. */
    static final int LEFT = 0;
    /** {@link Cpu#generation}. */
    static final int GENERATION = 1;
    /** {@link Cpu#ripBase}. */
    static final int RIP_BASE = 2;
    /** Bits 7..0: OF. Bits 15..8: SF, ZF, AF, PF, CF as LAHF gives them. */
    static final int FLAGS = 3;
    /** RIP, when the code leaves at the beginning of a block. */
    static final int RIP = 4;

    static final int FS_BASE = 5;
    static final int GS_BASE = 6;
    /** So many words behind a base: 0 when the segment is 4 GiB of writable data; else a number that makes any linear address one that is in no TLB. */
    static final int LIMITS = 2;

    /** Addresses of the arrays of {@link CodeTlb} and of the guest's registers, for as long as the code runs. */
    static final int CODE_TLB = 9;

    static final int REGISTERS = 10;
    static final int SCRATCH = 11;
    /** Address of {@link io.umbra.x86.VcpuState#xmm}; and 0 if SSE instructions raise neither #UD nor #NM. */
    static final int VECTORS = 12;

    static final int NO_VECTORS = 13;
    /** What the time-stamp counter will be when no instruction is left; TSC_AUX; and 0 if RDTSC neither leaves nor raises #GP. */
    static final int TIME = 14;

    static final int TIME_AUX = 15;
    static final int NO_TIME = 16;

    // For walks, see HostWalk. Counts, and the largest page found, as a power of two:
    static final int MISSES = 17, RECHECKS = 18, REFERENCES = 19, LARGEST = 20;
    /** Address of the walk, and machine addresses of the tables that it begins with. */
    static final int WALK = 21, TABLES = 22;
    /** Addresses in the process of {@link io.umbra.x86.HostMemory} and of machine memory; how large that is. */
    static final int HOST = 26, MEMORY = 27, MEMORY_BYTES = 28;
    /** Address of a byte for each frame: not 0 if it holds decoded code. */
    static final int WATCHED = 29;
    /** What an access needs: of the rights in the mask, just those wanted. */
    static final int DATA_MASK = 30, DATA_WANT = 31, FETCH_MASK = 32, FETCH_WANT = 33;
    /** Constants: an entry's frame, and bits that no entry must have. */
    static final int FRAME_MASK = 34, UNUSUAL = 35, UNUSUAL_CODE = 36;
    /** Address of the {@link TlbBank} that code misses are compared with. */
    static final int DATA_TLB = 37;
    /** Of the walk that is being made: the page found, as {@link #LARGEST}; 0 for one of 4 KiB. */
    static final int FOUND = 38;

    /** {@link io.umbra.x86.VcpuState#rflags}, whose status flags do not count; and the bits of it that POPF may change. */
    static final int RFLAGS = 39, CHANGEABLE = 40;
    /** Six: of ES, CS, SS, DS, FS and GS. */
    static final int SELECTORS = 41;
    /** 1 behind an STI that set IF, until the next instruction is done. */
    static final int SHADOW = 47;
    /** Bits of RFLAGS that POPF must not change here, nor STI. */
    static final int DELICATE = 48;

    /** Address of the table of blocks. */
    static final int TABLE = 49;

    /** The CPL, and registers that only a kernel may read. */
    static final int PRIVILEGE = 50, CR0 = 51, CR2 = 52, CR3 = 53, CR4 = 54;
    /** The base that SWAPGS exchanges with {@link #GS_BASE}. */
    static final int KERNEL_GS_BASE = 55;
    /** PKRU; and 0 if RDPKRU may read it. */
    static final int KEYS = 56, NO_KEYS = 57;

    /**
     * The access for which the code left because its walk refused it: the linear address, and 0 or {@link io.umbra.x86.PageFaultCode#WRITE}, or {@link #NOTHING_REFUSED} if it left for anything
     * else.
     */
    static final int REFUSED = 58, REFUSED_ACCESS = 59;

    static final int NOTHING_REFUSED = -1;

    /** Elements of a string that are being made at once. */
    static final int ELEMENTS = 60;

    /** Guest registers that have no host register. */
    private static final int SPILLED = 61;

    static final int WORDS = SPILLED + 16;

    /** Of each guest register: the host's, or {@link HostAssembler#NONE}. */
    private static final int[] OWN = {3, 6, 8, 9, 10, 11, 12, 13, 14, -1, -1, -1, 15, -1, -1, -1};

    private HostState() {}

    static int host(int guest) {
        return OWN[guest];
    }

    /** Displacement from RBP of a word. */
    static int at(int word) {
        return 8 * word;
    }

    /** Displacement from RBP of a guest register that has no host register. */
    static int spilled(int guest) {
        return at(SPILLED + guest);
    }
}
