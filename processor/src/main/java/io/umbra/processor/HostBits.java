package io.umbra.processor;

import static io.umbra.processor.HostAssembler.EQUAL;
import static io.umbra.processor.HostAssembler.NOT_EQUAL;
import static io.umbra.processor.HostAssembler.RAX;
import static io.umbra.processor.HostAssembler.RCX;
import static io.umbra.processor.HostAssembler.RDX;

import io.umbra.processor.Instruction.Kind;
import io.umbra.processor.Instruction.Operand;

/** BT, BTS, BTR, BTC, BSF, BSR, POPCNT, TZCNT, LZCNT and CRC32 as host code. Where a flag is undefined and can be seen, it is made as the interpreter makes it. */
final class HostBits extends HostInstructions {
    private static final int REP = 0xF3, REPNE = 0xF2;
    private static final int SET_CARRY = 0xF9;

    HostBits(HostEmitter emit) {
        super(emit);
    }

    @Override
    boolean write() {
        return switch (i.mnemonic) {
            case BT -> bit(BitOps.TEST);
            case BTS -> bit(BitOps.SET);
            case BTR -> bit(BitOps.RESET);
            case BTC -> bit(BitOps.COMPLEMENT);
            case BSF -> scan(0xFBC);
            case BSR -> scan(0xFBD);
            case POPCNT -> HostFeature.POPCNT.isPresent() && countOnes();
            case TZCNT -> HostFeature.BMI1.isPresent() && countZeroes(0xFBC);
            case LZCNT -> HostFeature.LZCNT.isPresent() && countZeroes(0xFBD);
            case CRC32 -> HostFeature.SSE4_2.isPresent() && accumulate();
            default -> false;
        };
    }

    // ---- single bits: only CF changes -------------------------------------------------------------------------------

    private boolean bit(int operation) {
        Operand to = first();
        Operand by = second();
        if (!isPlain(to) || !mayShowFlags()) {
            return false;
        }
        boolean isConstant = by.kind() == Kind.IMMEDIATE;
        if (!to.isMemory()) {
            bitOfRegister(operation, to, by);
        } else if (isConstant) {
            locate(to.size(), operation != BitOps.TEST);
            out.move(RDX, RAX);
            needFlagsIfLive();
            out.memory(0xFBA, to.size(), operation, RDX, 0);
            out.int8((int) by.value());
        } else {
            bitOfString(operation, to, by);
        }
        emit.flagsChanged();
        return true;
    }

    private void needFlagsIfLive() {
        if (emit.flagsAreLive()) {
            emit.needFlags();
        }
    }

    private static int opcode(int operation) {
        return 0xF83 + 8 * operation;
    }

    private void bitOfRegister(int operation, Operand to, Operand by) {
        int size = to.size();
        needFlagsIfLive();
        if (by.kind() == Kind.IMMEDIATE) {
            emit.extendedOnGuest(0xFBA, size, operation, to.register());
            out.int8((int) by.value() & 8 * size - 1);
            if (operation != BitOps.TEST) {
                emit.cleared(to.register(), size);
            }
            return;
        }
        // On a register: the host's form on memory would take the index for a bit string's.
        int index = emit.value(by.register(), RCX);
        int target = emit.value(to.register(), RDX);
        out.registers(opcode(operation), size, index, target);
        if (operation != BitOps.TEST) {
            emit.made(to.register(), 8, target);
        }
    }

    /** The index is signed and reaches the whole segment: the operand that holds the bit is read and written, in its own size. */
    private void bitOfString(int operation, Operand to, Operand by) {
        int size = to.size();
        emit.spoilFlags();
        emit.offset(i, offset, RAX, i.addressSize);
        switch (size) {
            case 8 -> emit.onGuest(0x8B, 8, RCX, by.register());
            case 4 -> emit.onGuest(0x63, 8, RCX, by.register());
            default -> emit.onGuest(0xFBF, 8, RCX, by.register());
        }
        int logarithm = Integer.numberOfTrailingZeros(size);
        out.shiftRightArithmetic(RCX, 3 + logarithm);
        out.memory(0x8D, i.addressSize, RAX, RAX, RCX, logarithm, 0);
        emit.addBase(i);
        emit.locate(size, operation != BitOps.TEST);
        out.move(RDX, RAX);
        needFlagsIfLive();
        out.memory(0x8B, size, RAX, RDX, 0);
        out.registers(opcode(operation), size, emit.value(by.register(), RCX), RAX);
        if (operation != BitOps.TEST) {
            out.memory(0x89, size, RAX, RDX, 0);
        }
    }

    // ---- counts -----------------------------------------------------------------------------------------------------

    /** RCX = the second operand, zero-extended. The flags are spoilt. */
    private void loadSource() {
        Operand from = second();
        int size = from.size();
        if (from.isMemory()) {
            locate(size, false);
            loadZeroExtended(size);
            return;
        }
        emit.spoilFlags();
        emit.onGuest(size == 2 ? 0xFB7 : 0x8B, Math.max(size, 4), RCX, from.register());
    }

    private void loadZeroExtended(int size) {
        out.memory(size == 2 ? 0xFB7 : 0x8B, Math.max(size, 4), RCX, RAX, 0);
    }

    /** BSF and BSR: of 0 nothing is written. The flags but ZF are as a logical operation leaves them whose result has the index in its low byte and is not 0. */
    private boolean scan(int opcode) {
        Operand to = first();
        if (!isPlain(second())) {
            return false;
        }
        int size = Math.max(to.size(), 4);
        int isZero = out.newLabel();
        int isFound = out.newLabel();
        loadSource();
        out.registers(opcode, size, RCX, RCX);
        out.jumpIf(EQUAL, isZero);
        emit.made(to.register(), to.size() == 2 ? 2 : 8, RCX);
        if (emit.flagsAreLive()) {
            out.extended(0xFBA, 8, 5, RCX);
            out.int8(32);
            out.jump(isFound);
        }
        out.bind(isZero);
        if (emit.flagsAreLive()) {
            out.registers(0x33, 4, RCX, RCX);
            out.bind(isFound);
            out.registers(0x85, 8, RCX, RCX);
        }
        emit.flagsChanged();
        return true;
    }

    /** POPCNT defines all flags. */
    private boolean countOnes() {
        Operand to = first();
        if (!isPlain(second())) {
            return false;
        }
        loadSource();
        out.int8(REP);
        out.registers(0xFB8, Math.max(to.size(), 4), RCX, RCX);
        emit.flagsChanged();
        emit.made(to.register(), to.size() == 2 ? 2 : 8, RCX);
        return true;
    }

    /** TZCNT and LZCNT. CF: the source is 0, and the count all of its bits; the rest is as a logical operation leaves it. */
    private boolean countZeroes(int opcode) {
        Operand to = first();
        if (!isPlain(second())) {
            return false;
        }
        int size = to.size();
        loadSource();
        out.int8(REP);
        out.registers(opcode, size, RCX, RCX);
        if (size == 2) {
            out.registers(0xFB7, 4, RCX, RCX);
        }
        if (emit.flagsAreLive()) {
            int isDone = out.newLabel();
            out.arithmetic(Alu.CMP, 4, RCX, 8 * size);
            int isShort = out.newLabel();
            out.jumpIf(NOT_EQUAL, isShort);
            out.registers(0x85, 4, RCX, RCX);
            out.int8(SET_CARRY);
            out.jump(isDone);
            out.bind(isShort);
            out.registers(0x85, 4, RCX, RCX);
            out.bind(isDone);
        }
        emit.flagsChanged();
        emit.made(to.register(), size == 2 ? 2 : 8, RCX);
        return true;
    }

    /** CRC32: no flag changes. */
    private boolean accumulate() {
        Operand to = first();
        Operand from = second();
        int size = from.size();
        if (!isPlain(from)) {
            return false;
        }
        if (from.isMemory()) {
            locate(size, false);
            loadOperand(RCX, size);
        }
        int source = from.isMemory() ? RCX : emit.value(from.register(), RCX);
        int target = emit.value(to.register(), RDX);
        out.int8(REPNE);
        out.registers(size == 1 ? 0xF38F0 : 0xF38F1, size, target, source);
        emit.made(to.register(), 8, target);
        return true;
    }
}
