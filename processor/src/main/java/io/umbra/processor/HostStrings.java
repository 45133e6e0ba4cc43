package io.umbra.processor;

import static io.umbra.processor.HostAssembler.ABOVE;
import static io.umbra.processor.HostAssembler.ABOVE_OR_EQUAL;
import static io.umbra.processor.HostAssembler.EQUAL;
import static io.umbra.processor.HostAssembler.NOT_EQUAL;
import static io.umbra.processor.HostAssembler.RAX;
import static io.umbra.processor.HostAssembler.RBP;
import static io.umbra.processor.HostAssembler.RCX;
import static io.umbra.processor.HostAssembler.RDI;
import static io.umbra.processor.HostAssembler.RSI;
import static io.umbra.processor.HostEmitter.sized;

import io.umbra.x86.RFlags;
import io.umbra.x86.VcpuState;

/**
 * STOS, MOVS and LODS as host code, with and without REP, forward. Under REP the host's own instruction makes as many elements at once as lie in the running page of each operand; an element that reaches into the
 * next page leaves, as anything else does, and {@link StringOp} makes the rest.
 */
final class HostStrings extends HostInstructions {
    private static final int SCRATCH = HostState.at(HostState.SCRATCH);
    private static final int COUNT = HostState.host(VcpuState.RCX);
    private static final int SOURCE = HostState.host(VcpuState.RSI);
    private static final int TARGET = HostState.host(VcpuState.RDI);
    private static final int ACCUMULATOR = HostState.host(VcpuState.RAX);
    private static final int ELEMENTS = HostState.at(HostState.ELEMENTS);
    private static final int REPEAT = 0xF3;
    /** More elements are left to {@link StringOp}, which lets others in between. */
    private static final int MOST = 1 << 16;

    HostStrings(HostEmitter emit) {
        super(emit);
    }

    @Override
    boolean takesRepeat() {
        return true;
    }

    @Override
    boolean write() {
        boolean isFlat = i.addressSize == width && i.segment != VcpuState.CS && i.segment < VcpuState.FS;
        return isFlat
                && switch (i.mnemonic) {
                    case STOS -> store();
                    case MOVS -> move();
                    case LODS -> load();
                    default -> false;
                };
    }

    private boolean store() {
        int done = begin();
        int next = next();
        limit(TARGET);
        locateAt(TARGET, true);
        if (i.repeat == 0) {
            out.memory(sized(0x89, i.operandSize), i.operandSize, ACCUMULATOR, RAX, 0);
        } else {
            out.push(RDI);
            out.move(RDI, RAX);
            out.move(RAX, ACCUMULATOR);
            repeat(0xAB);
            out.pop(RDI);
        }
        advance(TARGET);
        end(next, done);
        return true;
    }

    private boolean move() {
        int done = begin();
        int next = next();
        limit(SOURCE);
        limit(TARGET);
        locateAt(SOURCE, false);
        if (i.repeat == 0) {
            loadOperand(RCX, i.operandSize);
            out.store(RCX, RBP, SCRATCH);
            locateAt(TARGET, true);
            out.load(RCX, RBP, SCRATCH);
            out.memory(sized(0x89, i.operandSize), i.operandSize, RCX, RAX, 0);
        } else {
            out.store(RAX, RBP, SCRATCH);
            locateAt(TARGET, true);
            out.push(RDI);
            out.push(RSI);
            out.move(RDI, RAX);
            out.load(RSI, RBP, SCRATCH);
            repeat(0xA5);
            out.pop(RSI);
            out.pop(RDI);
        }
        advance(SOURCE);
        advance(TARGET);
        end(next, done);
        return true;
    }

    private boolean load() {
        if (i.repeat != 0) {
            return false;
        }
        int done = begin();
        locateAt(SOURCE, false);
        loadOperand(ACCUMULATOR, i.operandSize);
        advance(SOURCE);
        out.bind(done);
        return true;
    }

    /** Leaves if DF is set, or if there is too much to do. @return the label behind the instruction, where a count of 0 goes at once */
    private int begin() {
        int done = out.newLabel();
        emit.spoilFlags();
        out.memory(0xF7, 4, 0, RBP, HostState.at(HostState.RFLAGS));
        out.int32((int) RFlags.DIRECTION);
        out.jumpIf(NOT_EQUAL, emit.exit());
        if (i.repeat != 0) {
            out.registers(0x85, width, COUNT, COUNT);
            out.jumpIf(EQUAL, done);
            out.arithmetic(Alu.CMP, width, COUNT, MOST);
            out.jumpIf(ABOVE, emit.exit());
        }
        return done;
    }

    /** Under REP, the label to which control comes back with what is left; all of it is to be made. */
    private int next() {
        int next = out.newLabel();
        out.bind(next);
        if (i.repeat != 0) {
            out.store(COUNT, RBP, ELEMENTS);
        }
        return next;
    }

    /** Under REP, no more elements at once than lie in the page of {@code pointer}. Leaves if that is none. */
    private void limit(int pointer) {
        if (i.repeat != 0) {
            int fits = out.newLabel();
            out.registers(0x8B, 4, RCX, pointer);
            out.extended(0xF7, 4, 2, RCX);
            out.arithmetic(Alu.AND, 4, RCX, 4095);
            out.arithmetic(Alu.ADD, 4, RCX, 1);
            out.shiftRight(RCX, scale());
            out.jumpIf(EQUAL, emit.exit());
            out.memory(0x3B, width, RCX, RBP, ELEMENTS);
            out.jumpIf(ABOVE_OR_EQUAL, fits);
            out.store(RCX, RBP, ELEMENTS);
            out.bind(fits);
        }
    }

    /** RAX = where the first element is. */
    private void locateAt(int pointer, boolean write) {
        out.registers(0x8B, width, RAX, pointer);
        emit.locate(i.operandSize, write);
    }

    private void repeat(int opcode) {
        out.load(RCX, RBP, ELEMENTS);
        out.int8(REPEAT);
        if (i.operandSize == 2) {
            out.int8(0x66);
        } else if (i.operandSize == 8) {
            out.int8(0x48);
        }
        out.int8(sized(opcode, i.operandSize));
    }

    private int scale() {
        return Integer.numberOfTrailingZeros(i.operandSize);
    }

    /** {@code pointer} moves over the elements. */
    private void advance(int pointer) {
        if (i.repeat == 0) {
            out.memory(0x8D, width, pointer, pointer, i.operandSize);
        } else {
            out.load(RCX, RBP, ELEMENTS);
            out.memory(0x8D, width, pointer, pointer, RCX, scale(), 0);
        }
    }

    /** Goes on at {@code next} if elements are left. */
    private void end(int next, int done) {
        if (i.repeat != 0) {
            out.memory(0x2B, width, COUNT, RBP, ELEMENTS);
            out.jumpIf(NOT_EQUAL, next);
        }
        out.bind(done);
    }
}
