package io.umbra.vmm.pv;

import io.umbra.vmm.xen.BadPointer;
import io.umbra.x86.SegmentRegister;
import io.umbra.x86.VcpuState;

/** A vCPU's registers and the top of its stack, for people. */
final class RegisterDump {
    private static final String[] NAMES = {
        "rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15"
    };
    private static final String[] SEGMENTS = {"es", "cs", "ss", "ds", "fs", "gs"};
    private static final int A_LINE = 4;
    private static final int STACK_WORDS = 16;

    static String of(PvVcpu vcpu, GuestMemory kernel) {
        VcpuState state = vcpu.state;
        StringBuilder text = new StringBuilder();
        text.append("rip %016x  rflags %08x  %s mode, events %s%n"
                .formatted(
                        state.rip,
                        state.rflags,
                        vcpu.isKernel() ? "kernel" : "user",
                        vcpu.info.isMasked() ? "masked" : "unmasked"));
        for (int i = 0; i < NAMES.length; i++) {
            text.append("%-3s %016x%s".formatted(NAMES[i], state.gpr[i], (i + 1) % A_LINE == 0 ? "\n" : "  "));
        }
        for (int i = 0; i < SEGMENTS.length; i++) {
            SegmentRegister segment = state.segments[i];
            text.append(
                    "%s %04x base %x%s".formatted(SEGMENTS[i], segment.selector, segment.base, i == 5 ? "\n" : "  "));
        }
        text.append("cr0 %08x  cr2 %016x  cr3 %x  kernel stack %016x%n"
                .formatted(state.cr0, state.cr2, state.cr3, vcpu.kernelStack));
        appendStack(text, state.gpr[VcpuState.RSP], kernel);
        return text.toString();
    }

    private static void appendStack(StringBuilder text, long pointer, GuestMemory kernel) {
        try {
            for (int i = 0; i < STACK_WORDS; i++) {
                long word = kernel.readLong(pointer + 8L * i);
                text.append("%s%016x%s"
                        .formatted(
                                i == 0 ? "stack " : i % A_LINE == 0 ? "      " : "",
                                word,
                                (i + 1) % A_LINE == 0 ? "\n" : " "));
            }
        } catch (BadPointer pointerIsBad) {
            text.append("(the stack ends)\n");
        }
    }

    private RegisterDump() {}
}
