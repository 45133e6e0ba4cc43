package io.umbra.processor;

import static io.umbra.processor.HostAssembler.RAX;
import static io.umbra.processor.HostAssembler.RBP;
import static io.umbra.processor.HostAssembler.RCX;
import static io.umbra.processor.HostAssembler.RDX;
import static io.umbra.processor.HostEmitter.sized;

import io.umbra.processor.Instruction.Kind;
import io.umbra.processor.Instruction.Operand;
import io.umbra.x86.VcpuState;

/**
 * The guest's integer instructions as host code. Guest and host are of one architecture, so most become the same instruction on other registers, and leave the same flags. What is not
 * here is executed as the interpreter does.
 */
final class HostInstructions {
    private static final int NOT_BELOW = 3;
    /** The host's BH, which is the guest's AH, where no REX prefix is. */
    private static final int HOST_BH = 7;

    private final HostEmitter emit;
    private final HostAssembler out;
    private final int width;

    // The instruction, and where it is in its page.
    private Instruction i = new Instruction();
    private int offset;

    HostInstructions(HostEmitter emit) {
        this.emit = emit;
        this.out = emit.out;
        this.width = emit.width;
    }

    /** @return whether it was written; otherwise nothing was */
    boolean write(Instruction instruction, int offsetInPage) {
        i = instruction;
        offset = offsetInPage;
        if (i.vex || i.repeat != 0 || i.hasMemory() && !HostEmitter.isAddressable(i)) {
            return false;
        }
        return switch (i.mnemonic) {
            case ADD -> arithmetic(Alu.ADD);
            case OR -> arithmetic(Alu.OR);
            case ADC -> arithmetic(Alu.ADC);
            case SBB -> arithmetic(Alu.SBB);
            case AND -> arithmetic(Alu.AND);
            case SUB -> arithmetic(Alu.SUB);
            case XOR -> arithmetic(Alu.XOR);
            case CMP -> arithmetic(Alu.CMP);
            case TEST -> test();
            case INC -> unary(0xFF, 0);
            case DEC -> unary(0xFF, 1);
            case NOT -> unary(0xF7, 2);
            case NEG -> unary(0xF7, 3);
            case MOV -> move();
            case MOVZX -> extend(0xFB6);
            case MOVSX, MOVSXD -> extend(0xFBE);
            case LEA -> loadAddress();
            case PUSH -> push();
            case POP -> pop();
            case LEAVE -> leave();
            case XCHG -> exchange();
            case XADD -> exchangeAndAdd();
            case CMPXCHG -> compareAndExchange();
            case BSWAP -> swapBytes();
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
            case BT -> bit(BitOps.TEST);
            case BTS -> bit(BitOps.SET);
            case BTR -> bit(BitOps.RESET);
            case BTC -> bit(BitOps.COMPLEMENT);
            case DIV -> divide();
            case SETCC -> set();
            case CMOVCC -> moveIf();
            default -> false;
        };
    }

    /** Whether the flags of an instruction that leaves some of them undefined may be the host's. */
    private boolean mayShowFlags() {
        return HostFlags.allAgree() || !emit.flagsAreLive();
    }

    // ---- operands ---------------------------------------------------------------------------------------------------

    private Operand first() {
        return i.operands[0];
    }

    private Operand second() {
        return i.operands[1];
    }

    private static boolean isPlain(Operand operand) {
        return operand.isGeneral() || operand.isMemory();
    }

    /** A constant as an immediate of an instruction of {@code size}, or some other number if there is none such. */
    private static int immediate(long value, int size) {
        return switch (size) {
            case 1 -> (byte) value;
            case 2 -> (short) value;
            default -> (int) value;
        };
    }

    private static boolean isImmediate(Operand operand, int size) {
        return operand.kind() == Kind.IMMEDIATE && (size < 8 || operand.value() == (int) operand.value());
    }

    /** RAX = where the memory operand is. */
    private void locate(int size, boolean write) {
        emit.operand(i, offset, size, write);
    }

    /** All bytes of {@code register} that a load of {@code size} bytes from RAX's memory gives: 4 and 8 set the whole register. */
    private void loadOperand(int register, int size) {
        out.memory(sized(0x8B, size), size, register, RAX, 0);
    }

    // ---- two operands -----------------------------------------------------------------------------------------------

    /** On AH, with a constant. */
    private boolean onHighByte(int opcode, int operation, boolean carries) {
        if (first().register() != VcpuState.RAX || second().kind() != Kind.IMMEDIATE) {
            return false;
        }
        if (carries) {
            emit.needCarry();
        }
        out.int8(opcode);
        out.int8(0xC0 | operation << 3 | HOST_BH);
        out.int8((int) second().value());
        emit.flagsChanged();
        return true;
    }

    private boolean arithmetic(int operation) {
        Operand to = first();
        Operand from = second();
        int size = to.size();
        if (to.kind() == Kind.HIGH_BYTE) {
            return onHighByte(0x80, operation, operation == Alu.ADC || operation == Alu.SBB);
        }
        if (!isPlain(to) || !isPlain(from) && !isImmediate(from, size)) {
            return false;
        }
        boolean compares = operation == Alu.CMP;
        boolean carries = operation == Alu.ADC || operation == Alu.SBB;
        int forward = sized(0x01 + 8 * operation, size);
        int backward = sized(0x03 + 8 * operation, size);
        if (to.isMemory() || from.isMemory()) {
            locate(size, to.isMemory() && !compares);
        }
        if (to.isMemory()) {
            int value = from.isGeneral() ? emit.value(from.register(), RCX) : 0;
            if (carries) {
                emit.needCarry();
            }
            if (from.isGeneral()) {
                out.memory(forward, size, value, RAX, 0);
            } else {
                out.arithmetic(operation, size, RAX, 0, immediate(from.value(), size));
            }
            emit.flagsChanged();
            return true;
        }
        int register = to.register();
        int host = HostState.host(register);
        if (from.isMemory()) {
            int target = emit.value(register, RCX);
            if (carries) {
                emit.needCarry();
            }
            out.memory(backward, size, target, RAX, 0);
            emit.flagsChanged();
            if (!compares && target != host) {
                emit.made(register, Math.max(size, 4), target);
            }
            return true;
        }
        if (host < 0 && !from.isGeneral()) {
            if (carries) {
                emit.needCarry();
            }
            out.arithmetic(operation, size, RBP, HostState.spilled(register), immediate(from.value(), size));
        } else if (host < 0) {
            int value = emit.value(from.register(), RCX);
            if (carries) {
                emit.needCarry();
            }
            out.memory(forward, size, value, RBP, HostState.spilled(register));
        } else {
            if (carries) {
                emit.needCarry();
            }
            if (from.isGeneral()) {
                emit.onGuest(backward, size, host, from.register());
            } else {
                out.arithmetic(operation, size, host, immediate(from.value(), size));
            }
        }
        if (!compares) {
            emit.cleared(register, size);
        }
        emit.flagsChanged();
        return true;
    }

    private boolean test() {
        Operand to = first();
        Operand from = second();
        int size = to.size();
        if (to.kind() == Kind.HIGH_BYTE) {
            return onHighByte(0xF6, 0, false);
        }
        if (!isPlain(to) || !from.isGeneral() && !isImmediate(from, size)) {
            return false;
        }
        if (to.isMemory()) {
            locate(size, false);
            if (from.isGeneral()) {
                out.memory(sized(0x85, size), size, emit.value(from.register(), RCX), RAX, 0);
            } else {
                out.memory(sized(0xF7, size), size, 0, RAX, 0);
                out.immediate(size, immediate(from.value(), size));
            }
        } else if (from.isGeneral()) {
            emit.onGuest(sized(0x85, size), size, emit.value(from.register(), RCX), to.register());
        } else {
            emit.extendedOnGuest(sized(0xF7, size), size, 0, to.register());
            out.immediate(size, immediate(from.value(), size));
        }
        emit.flagsChanged();
        return true;
    }

    /** INC, DEC, NEG, NOT. */
    private boolean unary(int opcode, int extension) {
        Operand operand = first();
        int size = operand.size();
        if (!isPlain(operand)) {
            return false;
        }
        if (operand.isMemory()) {
            locate(size, true);
        }
        boolean keepsCarry = opcode == 0xFF;
        if (keepsCarry && emit.flagsAreLive()) {
            emit.needCarry();
        }
        if (operand.isMemory()) {
            out.memory(sized(opcode, size), size, extension, RAX, 0);
        } else {
            emit.extendedOnGuest(sized(opcode, size), size, extension, operand.register());
            emit.cleared(operand.register(), size);
        }
        if (extension != 2 || keepsCarry) {
            emit.flagsChanged();
        }
        return true;
    }

    // ---- moves ------------------------------------------------------------------------------------------------------

    private boolean move() {
        Operand to = first();
        Operand from = second();
        int size = to.size();
        if (!isPlain(to) || !isPlain(from) && from.kind() != Kind.IMMEDIATE) {
            return false;
        }
        if (to.isMemory()) {
            if (!from.isGeneral() && !isImmediate(from, size)) {
                return false;
            }
            locate(size, true);
            if (from.isGeneral()) {
                out.memory(sized(0x89, size), size, emit.value(from.register(), RCX), RAX, 0);
            } else {
                out.memory(sized(0xC7, size), size, 0, RAX, 0);
                out.immediate(size, immediate(from.value(), size));
            }
            return true;
        }
        int register = to.register();
        if (from.kind() == Kind.IMMEDIATE) {
            int target = emit.target(register, RAX);
            if (size >= 4) {
                out.constant(target, size == 4 ? from.value() & 0xFFFF_FFFFL : from.value());
                emit.made(register, 8, target);
            } else {
                emit.extendedOnGuest(sized(0xC7, size), size, 0, register);
                out.immediate(size, immediate(from.value(), size));
            }
            return true;
        }
        int target = emit.target(register, RCX);
        if (from.isMemory()) {
            locate(size, false);
            loadOperand(target, size);
        } else if (size < 4) {
            emit.made(register, size, emit.value(from.register(), RCX));
            return true;
        } else {
            emit.onGuest(0x8B, size, target, from.register());
        }
        emit.made(register, size, target);
        return true;
    }

    /** MOVZX, MOVSX, MOVSXD. */
    private boolean extend(int byteOpcode) {
        Operand to = first();
        Operand from = second();
        int size = to.size();
        if (size < 4 || !to.isGeneral()) {
            return false;
        }
        int opcode = from.size() == 1 ? byteOpcode : from.size() == 2 ? byteOpcode + 1 : 0x63;
        if (from.size() == 4 && (byteOpcode == 0xFB6 || size == 4)) {
            return false;
        }
        int target = emit.target(to.register(), RCX);
        if (from.isMemory()) {
            locate(from.size(), false);
            out.memory(opcode, size, target, RAX, 0);
        } else if (from.kind() == Kind.HIGH_BYTE) {
            emit.spoilFlags();
            out.move(RCX, emit.value(from.register(), RCX));
            out.shiftRight(RCX, 8);
            out.registers(opcode, size, target, RCX);
        } else if (from.isGeneral()) {
            // Through RCX where the host would take the register for AH … BH.
            int source = emit.value(from.register(), RCX);
            if (from.size() == 1 && source > 3 && source < 8) {
                out.move(RCX, source);
                source = RCX;
            }
            out.registers(opcode, size, target, source);
        } else {
            return false;
        }
        emit.made(to.register(), 8, target);
        return true;
    }

    private boolean loadAddress() {
        Operand to = first();
        if (to.size() < 4) {
            return false;
        }
        int target = emit.target(to.register(), RAX);
        emit.offset(i, offset, target, Math.min(to.size(), i.addressSize));
        emit.made(to.register(), 8, target);
        return true;
    }

    private boolean set() {
        Operand to = first();
        if (!isPlain(to)) {
            return false;
        }
        if (to.isMemory()) {
            locate(1, true);
            out.move(RCX, RAX);
            emit.needFlags();
            out.memory(0xF90 + i.condition, 1, 0, RCX, 0);
        } else {
            emit.needFlags();
            emit.extendedOnGuest(0xF90 + i.condition, 1, 0, to.register());
        }
        return true;
    }

    private boolean moveIf() {
        Operand to = first();
        Operand from = second();
        int size = to.size();
        if (size < 4 || !isPlain(from)) {
            return false;
        }
        if (from.isMemory()) {
            locate(size, false);
            loadOperand(RCX, size);
        }
        emit.needFlags();
        int source = from.isMemory() ? RCX : emit.value(from.register(), RCX);
        int target = emit.value(to.register(), RDX);
        out.registers(0xF40 + i.condition, size, target, source);
        emit.made(to.register(), 8, target);
        return true;
    }

    // ---- the stack --------------------------------------------------------------------------------------------------

    /** RAX = where {@code distance} from the stack's top is. */
    private void locateStack(int distance, boolean write) {
        emit.spoilFlags();
        out.memory(0x8D, width, RAX, HostState.host(VcpuState.RSP), distance);
        emit.locate(width, write);
    }

    private void moveStack(int distance) {
        int pointer = HostState.host(VcpuState.RSP);
        out.memory(0x8D, width, pointer, pointer, distance);
    }

    private boolean push() {
        Operand from = first();
        if (i.operandSize != width || !isPlain(from) && !isImmediate(from, width)) {
            return false;
        }
        if (from.isMemory()) {
            locate(width, false);
            loadOperand(RCX, width);
            out.store(RCX, RBP, HostState.at(HostState.SCRATCH));
        }
        locateStack(-width, true);
        if (from.isMemory()) {
            out.load(RCX, RBP, HostState.at(HostState.SCRATCH));
            out.memory(0x89, width, RCX, RAX, 0);
        } else if (from.isGeneral()) {
            out.memory(0x89, width, emit.value(from.register(), RCX), RAX, 0);
        } else {
            out.memory(0xC7, width, 0, RAX, 0);
            out.int32((int) from.value());
        }
        moveStack(-width);
        return true;
    }

    private boolean pop() {
        Operand to = first();
        if (i.operandSize != width || !to.isGeneral()) {
            return false;
        }
        locateStack(0, false);
        moveStack(width);
        int target = emit.target(to.register(), RCX);
        loadOperand(target, width);
        emit.made(to.register(), 8, target);
        return true;
    }

    private boolean leave() {
        if (i.operandSize != width) {
            return false;
        }
        int frame = HostState.host(VcpuState.RBP);
        emit.spoilFlags();
        if (width == 8) {
            out.move(RAX, frame);
        } else {
            out.registers(0x8B, 4, RAX, frame);
        }
        emit.locate(width, false);
        out.memory(0x8D, width, HostState.host(VcpuState.RSP), frame, width);
        loadOperand(frame, width);
        return true;
    }

    // ---- exchanges --------------------------------------------------------------------------------------------------

    private boolean exchange() {
        boolean isSwapped = second().isMemory();
        Operand to = isSwapped ? second() : first();
        Operand from = isSwapped ? first() : second();
        int size = to.size();
        if (!isPlain(to) || !from.isGeneral()) {
            return false;
        }
        if (to.isMemory()) {
            locate(size, true);
            loadOperand(RDX, size);
            out.memory(sized(0x89, size), size, emit.value(from.register(), RCX), RAX, 0);
            emit.made(from.register(), size, RDX);
            return true;
        }
        if (size < 4) {
            return false;
        }
        emit.onGuest(0x8B, size, RCX, to.register());
        emit.onGuest(0x8B, size, RDX, from.register());
        emit.made(from.register(), 8, RCX);
        emit.made(to.register(), 8, RDX);
        return true;
    }

    private boolean exchangeAndAdd() {
        Operand to = first();
        Operand from = second();
        int size = to.size();
        if (!to.isMemory() || !from.isGeneral()) {
            return false;
        }
        locate(size, true);
        emit.onGuest(sized(0x8B, size), size, RCX, from.register());
        out.memory(sized(0xFC1, size), size, RCX, RAX, 0);
        emit.flagsChanged();
        emit.made(from.register(), size, RCX);
        return true;
    }

    private boolean compareAndExchange() {
        Operand to = first();
        Operand from = second();
        int size = to.size();
        if (!to.isMemory() || !from.isGeneral() || size < 4) {
            return false;
        }
        int accumulator = HostState.host(VcpuState.RAX);
        locate(size, true);
        out.move(RDX, RAX);
        out.move(RAX, accumulator);
        out.memory(0xFB1, size, emit.value(from.register(), RCX), RDX, 0);
        emit.flagsChanged();
        int equal = out.newLabel();
        out.jumpIf(4, equal);
        out.registers(0x8B, size, accumulator, RAX);
        out.bind(equal);
        return true;
    }

    private boolean swapBytes() {
        int size = first().size();
        if (size < 4) {
            return false;
        }
        int target = emit.target(first().register(), RCX);
        emit.onGuest(0x8B, size, target, first().register());
        out.int8(0x40 | (size == 8 ? 8 : 0) | target >> 3);
        out.int8(0x0F);
        out.int8(0xC8 | target & 7);
        emit.made(first().register(), 8, target);
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

    // ---- shifts and bits --------------------------------------------------------------------------------------------

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

    private boolean shiftDouble(int opcode) {
        Operand to = first();
        Operand by = i.operands[2];
        int size = to.size();
        int count = (int) by.value() & (size == 8 ? 63 : 31);
        if (!to.isGeneral() || size < 4 || by.kind() != Kind.IMMEDIATE || count == 0 || !mayShowFlags()) {
            return false;
        }
        emit.onGuest(opcode, size, emit.value(second().register(), RCX), to.register());
        out.int8(count);
        emit.cleared(to.register(), size);
        emit.flagsChanged();
        return true;
    }

    /** BT, BTS, BTR, BTC: only CF changes. */
    private boolean bit(int operation) {
        Operand to = first();
        Operand by = second();
        int size = to.size();
        boolean isConstant = by.kind() == Kind.IMMEDIATE;
        if (!isPlain(to) || to.isMemory() && !isConstant || size < 4 || !mayShowFlags()) {
            return false;
        }
        if (to.isMemory()) {
            locate(size, operation != BitOps.TEST);
            out.move(RDX, RAX);
        }
        if (emit.flagsAreLive()) {
            emit.needFlags();
        }
        if (to.isMemory()) {
            out.memory(0xFBA, size, operation, RDX, 0);
            out.int8((int) by.value());
        } else if (isConstant) {
            emit.extendedOnGuest(0xFBA, size, operation, to.register());
            out.int8((int) by.value() & 8 * size - 1);
        } else {
            // On a register: the host's form on memory would take the index for a bit string's.
            int index = emit.value(by.register(), RCX);
            int target = emit.value(to.register(), RDX);
            out.registers(0xF83 + 8 * operation, size, index, target);
            if (operation != BitOps.TEST) {
                emit.made(to.register(), 8, target);
            }
        }
        if (operation != BitOps.TEST && isConstant && to.isGeneral()) {
            emit.cleared(to.register(), size);
        }
        emit.flagsChanged();
        return true;
    }
}
