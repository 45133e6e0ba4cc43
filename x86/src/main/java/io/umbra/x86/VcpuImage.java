package io.umbra.x86;

/** Every field of a {@link VcpuState}, by the architecture's names. */
public final class VcpuImage {
    private static final String[] GENERAL = {
        "rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15"
    };
    private static final String[] SELECTORS = {"es", "cs", "ss", "ds", "fs", "gs", "ldtr", "tr"};
    private static final String[] BASES = {
        "es base", "cs base", "ss base", "ds base", "fs base", "gs base", "ldtr base", "tr base"
    };
    private static final String[] LIMITS = {
        "es limit", "cs limit", "ss limit", "ds limit", "fs limit", "gs limit", "ldtr limit", "tr limit"
    };
    private static final String[] ATTRIBUTES = {
        "es attributes",
        "cs attributes",
        "ss attributes",
        "ds attributes",
        "fs attributes",
        "gs attributes",
        "ldtr attributes",
        "tr attributes"
    };
    private static final int LDTR = 6;
    private static final int TR = 7;

    /** @param state precise: not that of a processor that is in {@link Processor#run} */
    public static void add(VcpuState state, StateImage image) {
        image.add("instructions", state.instructions);
        image.add("tsc offset", state.tscOffset);
        image.add("rip", state.rip);
        image.add("rflags", state.rflags);
        image.add("cpl", state.cpl);
        for (int i = 0; i < GENERAL.length; i++) {
            image.add(GENERAL[i], state.gpr[i]);
        }
        for (int i = 0; i < state.segments.length; i++) {
            addSegment(i, state.segments[i], image);
        }
        addSegment(LDTR, state.ldtr, image);
        addSegment(TR, state.tr, image);
        addSystem(state, image);
        addModelSpecific(state, image);
        image.add("xmm half", state.xmm);
        image.add("upper ymm half", state.ymmHigh);
        image.add("mxcsr", state.mxcsr);
        addX87(state, image);
        image.add("interrupt shadow", state.interruptShadow ? 1 : 0);
        image.add("nmi blocked", state.nmiBlocked ? 1 : 0);
    }

    private static void addSegment(int number, SegmentRegister segment, StateImage image) {
        image.add(SELECTORS[number], segment.selector);
        image.add(BASES[number], segment.base);
        image.add(LIMITS[number], segment.limit);
        image.add(ATTRIBUTES[number], segment.attributes);
    }

    private static void addSystem(VcpuState state, StateImage image) {
        image.add("gdtr base", state.gdtBase);
        image.add("gdtr limit", state.gdtLimit);
        image.add("idtr base", state.idtBase);
        image.add("idtr limit", state.idtLimit);
        image.add("cr0", state.cr0);
        image.add("cr2", state.cr2);
        image.add("cr3", state.cr3);
        image.add("cr4", state.cr4);
        image.add("cr8", state.cr8);
        image.add("xcr0", state.xcr0);
        image.add("pkru", state.pkru);
        image.add("pdpte", state.pdpte);
        image.add("dr", state.dr);
    }

    private static void addModelSpecific(VcpuState state, StateImage image) {
        image.add("efer", state.efer);
        image.add("star", state.star);
        image.add("lstar", state.lstar);
        image.add("cstar", state.cstar);
        image.add("syscall mask", state.syscallMask);
        image.add("kernel gs base", state.kernelGsBase);
        image.add("sysenter cs", state.sysenterCs);
        image.add("sysenter esp", state.sysenterEsp);
        image.add("sysenter eip", state.sysenterEip);
        image.add("pat", state.pat);
        image.add("tsc aux", state.tscAux);
    }

    private static void addX87(VcpuState state, StateImage image) {
        image.add("x87 significand", state.x87Significand);
        for (int i = 0; i < state.x87SignExponent.length; i++) {
            image.add("x87 sign and exponent", i, state.x87SignExponent[i]);
        }
        image.add("x87 control", state.x87Control);
        image.add("x87 status", state.x87Status);
        image.add("x87 empty", state.x87Empty);
        image.add("x87 opcode", state.x87Opcode);
        image.add("x87 instruction pointer", state.x87InstructionPointer);
        image.add("x87 instruction selector", state.x87InstructionSelector);
        image.add("x87 data pointer", state.x87DataPointer);
        image.add("x87 data selector", state.x87DataSelector);
    }

    private VcpuImage() {}
}
