package io.umbra.processor;

import static io.umbra.processor.HostAssembler.RAX;
import static io.umbra.processor.HostAssembler.RCX;
import static io.umbra.processor.HostAssembler.RDX;
import static io.umbra.processor.HostEmitter.sized;

import io.umbra.processor.Instruction.Kind;
import io.umbra.processor.Instruction.Operand;
import io.umbra.x86.VcpuState;

/** Shifts, multiplication and division as host code. Many leave some flags undefined; {@link HostFlags} says what that means. */
final class HostShifts extends HostInstructions {
    private static final int NOT_BELOW = 3;

    HostShifts(HostEmitter emit) {
        super(emit);
    }

    @Override
    boolean write() {
        return switch (i.mnemonic) {
            case CBW -> extendAccumulator();
            case CWD -> extendIntoHighHalf();
            case IMUL -> i.operands.length == 1 ? multiplyAccumulator(5) : multiply();
            case MUL -> multiplyAccumulator(4);
            case ROL -> shift(Shifter.ROL);
            case ROR -> shift(Shifter.ROR);
            case SHL -> shift(Shifter.SHL);
            case SHR -> shift(Shifter.SHR);
            case SAR -> shift(Shifter.SAR);
            case SHLD -> shiftDouble(0xFA4);
            case SHRD -> shiftDouble(0xFAC);
            case DIV -> divide();
            default -> false;
        };
    }

    private boolean shift(int operation) {
        Operand to = first();
        Operand by = second();
        int size = to.size();
        boolean isConstant = by.kind() == Kind.IMMEDIATE;
        int count = isConstant ? (int) by.value() & (size == 8 ? 63 : 31) : 0;
        if (!isPlain(to) || isConstant && count == 0 || !isConstant && size < 4 || !mayShowFlags()) {
            return false;
        }
        boolean replaces = isConstant && operation >= Shifter.SHL;
        if (to.isMemory()) {
            locate(size, true);
            out.move(RDX, RAX);
        }
        if (!replaces) {
            emit.needFlags();
        }
        int opcode = sized(isConstant ? 0xC1 : 0xD3, size);
        if (!isConstant) {
            out.move(RCX, HostState.host(VcpuState.RCX));
        }
        if (to.isMemory()) {
            out.memory(opcode, size, operation, RDX, 0);
        } else {
            emit.extendedOnGuest(opcode, size, operation, to.register());
        }
        if (isConstant) {
            out.int8(count);
        }
        if (!to.isMemory()) {
            emit.cleared(to.register(), size);
        }
        emit.flagsChanged();
        return true;
    }

    /** SHLD and SHRD; {@code opcode} is that of the form with a constant. */
    private boolean shiftDouble(int opcode) {
        Operand to = first();
        Operand by = i.operands[2];
        int size = to.size();
        boolean isConstant = by.kind() == Kind.IMMEDIATE;
        int count = isConstant ? (int) by.value() & (size == 8 ? 63 : 31) : 0;
        if (!to.isGeneral() || size < 4 || isConstant && count == 0 || !mayShowFlags()) {
            return false;
        }
        int source = emit.value(second().register(), RDX);
        if (isConstant) {
            emit.onGuest(opcode, size, source, to.register());
            out.int8(count);
        } else {
            emit.needFlags();
            out.move(RCX, HostState.host(VcpuState.RCX));
            emit.onGuest(opcode + 1, size, source, to.register());
        }
        emit.cleared(to.register(), size);
        emit.flagsChanged();
        return true;
    }

    // ---- multiplication ---------------------------------------------------------------------------------------------

    /** CBW, CWDE, CDQE. */
    private boolean extendAccumulator() {
        int accumulator = HostState.host(VcpuState.RAX);
        int opcode = i.operandSize == 8 ? 0x63 : i.operandSize == 4 ? 0xFBF : 0xFBE;
        out.registers(opcode, i.operandSize, accumulator, accumulator);
        return true;
    }

    /** CDQ, CQO. */
    private boolean extendIntoHighHalf() {
        if (i.operandSize < 4) {
            return false;
        }
        out.move(RAX, HostState.host(VcpuState.RAX));
        if (i.operandSize == 8) {
            out.int8(0x48);
        }
        out.int8(0x99);
        out.move(HostState.host(VcpuState.RDX), RDX);
        return true;
    }

    /** IMUL with two or three operands: CF and OF change. */
    private boolean multiply() {
        Operand to = first();
        Operand from = second();
        int size = to.size();
        if (size < 4 || !isPlain(from) || !mayShowFlags()) {
            return false;
        }
        boolean live = emit.flagsAreLive();
        boolean hasConstant = i.operands.length == 3;
        if (from.isMemory()) {
            locate(size, false);
            loadOperand(RCX, size);
        }
        if (live) {
            emit.needFlags();
        }
        int source = from.isMemory() ? RCX : emit.value(from.register(), RCX);
        int target = hasConstant ? emit.target(to.register(), RDX) : emit.value(to.register(), RDX);
        if (hasConstant) {
            out.registers(0x69, size, target, source);
            out.int32((int) i.operands[2].value());
        } else {
            out.registers(0xFAF, size, target, source);
        }
        emit.flagsChanged();
        emit.made(to.register(), 8, target);
        return true;
    }

    /** MUL and IMUL with one operand. */
    private boolean multiplyAccumulator(int extension) {
        Operand from = first();
        int size = from.size();
        if (size < 4 || !isPlain(from) || !mayShowFlags()) {
            return false;
        }
        if (from.isMemory()) {
            locate(size, false);
            loadOperand(RCX, size);
        }
        if (emit.flagsAreLive()) {
            emit.needFlags();
        }
        int source = from.isMemory() ? RCX : emit.value(from.register(), RCX);
        out.move(RAX, HostState.host(VcpuState.RAX));
        out.extended(0xF7, size, extension, source);
        emit.flagsChanged();
        out.move(HostState.host(VcpuState.RAX), RAX);
        out.move(HostState.host(VcpuState.RDX), RDX);
        return true;
    }

    /** DIV: leaves where it raises #DE. */
    private boolean divide() {
        Operand from = first();
        int size = from.size();
        if (size < 4 || !isPlain(from) || !mayShowFlags()) {
            return false;
        }
        if (from.isMemory()) {
            locate(size, false);
            loadOperand(RCX, size);
        } else {
            emit.spoilFlags();
        }
        int divisor = from.isMemory() ? RCX : emit.value(from.register(), RCX);
        int high = HostState.host(VcpuState.RDX);
        // The quotient fits if the dividend's upper half is below the divisor, which is then not 0.
        out.registers(0x3B, size, high, divisor);
        out.jumpIf(NOT_BELOW, emit.exit());
        if (emit.flagsAreLive()) {
            emit.needFlags();
        }
        out.move(RDX, high);
        out.move(RAX, HostState.host(VcpuState.RAX));
        out.extended(0xF7, size, 6, divisor);
        emit.flagsChanged();
        out.move(HostState.host(VcpuState.RAX), RAX);
        out.move(high, RDX);
        return true;
    }
}
