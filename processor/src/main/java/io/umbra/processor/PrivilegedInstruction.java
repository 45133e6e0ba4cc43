package io.umbra.processor;

import io.umbra.processor.Instruction.Kind;
import io.umbra.processor.Instruction.Operand;
import io.umbra.x86.VcpuState;
import org.jspecify.annotations.Nullable;

/**
 * An instruction that CPL or IOPL keeps from a guest kernel that runs deprivileged, as the processor's decoder sees it: for a hypervisor that gives it the meaning
 * which it would have at CPL 0. What such an instruction acts on (control registers, MSRs, ports) is the hypervisor's; its operands are here.
 *
 * @param number of the control or debug register, or the port; else 0
 * @param register the general register that a move names; else 0
 * @param size in bytes: of the port access, or of a moved register; else 0
 * @param addressSize in bytes, of INS and OUTS
 * @param segment of the source of OUTS, as in {@link VcpuState}
 * @param repeats INS and OUTS with a REP prefix
 * @param linear the operand of INVLPG; else 0
 * @param length in bytes
 */
public record PrivilegedInstruction(
        Operation operation,
        int number,
        int register,
        int size,
        int addressSize,
        int segment,
        boolean repeats,
        long linear,
        int length) {

    /** What it does. */
    public enum Operation {
        READ_CONTROL,
        WRITE_CONTROL,
        READ_DEBUG,
        WRITE_DEBUG,
        READ_MSR,
        WRITE_MSR,
        SET_EXTENDED_CONTROL,
        CLEAR_TASK_SWITCHED,
        WRITE_BACK_CACHES,
        INVALIDATE_PAGE,
        CLEAR_INTERRUPTS,
        SET_INTERRUPTS,
        IN,
        OUT,
        IN_STRING,
        OUT_STRING
    }

    /**
     * Decodes the instruction at RIP.
     *
     * @param code its bytes: 15, or as many as can be read
     * @return null when it is no whole one of these
     */
    public static @Nullable PrivilegedInstruction decode(byte[] code, VcpuState state) {
        int mode = state.is64Bit() ? 64 : state.segments[VcpuState.CS].isBig() ? 32 : 16;
        Instruction i = Decoder.decode(code, 0, code.length, mode);
        return i == null || i.lock ? null : of(i, state);
    }

    private static @Nullable PrivilegedInstruction of(Instruction i, VcpuState state) {
        return switch (i.mnemonic) {
            case MOV_CR ->
                i.operands[0].kind() == Kind.CONTROL
                        ? move(i, Operation.WRITE_CONTROL, 0, 1)
                        : move(i, Operation.READ_CONTROL, 1, 0);
            case MOV_DR ->
                i.operands[0].kind() == Kind.DEBUG
                        ? move(i, Operation.WRITE_DEBUG, 0, 1)
                        : move(i, Operation.READ_DEBUG, 1, 0);
            case RDMSR -> plain(i, Operation.READ_MSR);
            case WRMSR -> plain(i, Operation.WRITE_MSR);
            case XSETBV -> plain(i, Operation.SET_EXTENDED_CONTROL);
            case CLTS -> plain(i, Operation.CLEAR_TASK_SWITCHED);
            case INVD, WBINVD -> plain(i, Operation.WRITE_BACK_CACHES);
            case CLI -> plain(i, Operation.CLEAR_INTERRUPTS);
            case STI -> plain(i, Operation.SET_INTERRUPTS);
            case INVLPG ->
                new PrivilegedInstruction(
                        Operation.INVALIDATE_PAGE, 0, 0, 0, 0, i.segment, false, linear(i, state), i.length);
            case IN -> port(i, Operation.IN, i.operands[1], i.operands[0].size(), state);
            case OUT -> port(i, Operation.OUT, i.operands[0], i.operands[1].size(), state);
            case INS -> string(i, Operation.IN_STRING, state);
            case OUTS -> string(i, Operation.OUT_STRING, state);
            default -> null;
        };
    }

    private static PrivilegedInstruction plain(Instruction i, Operation operation) {
        return new PrivilegedInstruction(operation, 0, 0, 0, 0, i.segment, false, 0, i.length);
    }

    private static PrivilegedInstruction move(Instruction i, Operation operation, int special, int general) {
        return new PrivilegedInstruction(
                operation,
                i.operands[special].register(),
                i.operands[general].register(),
                i.mode == 64 ? 8 : 4,
                0,
                i.segment,
                false,
                0,
                i.length);
    }

    private static PrivilegedInstruction port(
            Instruction i, Operation operation, Operand port, int size, VcpuState state) {
        long number = port.isGeneral() ? state.gpr[VcpuState.RDX] & 0xFFFF : port.value() & 0xFF;
        return new PrivilegedInstruction(operation, (int) number, 0, size, 0, i.segment, false, 0, i.length);
    }

    private static PrivilegedInstruction string(Instruction i, Operation operation, VcpuState state) {
        int number = (int) state.gpr[VcpuState.RDX] & 0xFFFF;
        return new PrivilegedInstruction(
                operation, number, 0, i.operandSize, i.addressSize, i.segment, i.repeat != 0, 0, i.length);
    }

    private static long linear(Instruction i, VcpuState state) {
        long offset = i.displacement + (i.ripRelative ? state.rip + i.length : 0);
        offset += i.base == Instruction.NO_REGISTER ? 0 : state.gpr[i.base];
        offset += i.index == Instruction.NO_REGISTER ? 0 : state.gpr[i.index] << i.scale;
        offset = i.addressSize == 8 ? offset : offset & (i.addressSize == 4 ? 0xFFFF_FFFFL : 0xFFFF);
        boolean hasBase = i.mode != 64 || i.segment >= VcpuState.FS;
        long linear = offset + (hasBase ? state.segments[i.segment].base : 0);
        return i.mode == 64 ? linear : linear & 0xFFFF_FFFFL;
    }
}
