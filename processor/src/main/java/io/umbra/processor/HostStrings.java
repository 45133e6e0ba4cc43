package io.umbra.processor;

import static io.umbra.processor.HostAssembler.ABOVE;
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
 * STOS, MOVS and LODS as host code, with and without REP: forward, and where all that REP covers lies in one page of each operand. Anything else leaves, and {@link StringOp} makes as
 * much of it as it can. The host's own instruction does the work between the two places that the TLB gave.
 */
final class HostStrings extends HostInstructions {
    private static final int SCRATCH = HostState.at(HostState.SCRATCH);
    private static final int COUNT = HostState.host(VcpuState.RCX);
    private static final int SOURCE = HostState.host(VcpuState.RSI);
    private static final int TARGET = HostState.host(VcpuState.RDI);
    private static final int ACCUMULATOR = HostState.host(VcpuState.RAX);
    private static final int REPEAT = 0xF3;

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
        mustFit(TARGET);
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
        end(done);
        return true;
    }

    private boolean move() {
        int done = begin();
        mustFit(SOURCE);
        mustFit(TARGET);
        mustNotMeet();
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
            out.registers(0x8B, width, RCX, COUNT);
            out.load(RSI, RBP, SCRATCH);
            writeRepeated(0xA5);
            out.pop(RSI);
            out.pop(RDI);
        }
        advance(SOURCE);
        advance(TARGET);
        end(done);
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
        end(done);
        return true;
    }

    /** Leaves if DF is set. @return the label behind the instruction, where a count of 0 goes at once */
    private int begin() {
        int done = out.newLabel();
        emit.spoilFlags();
        out.memory(0xF7, 4, 0, RBP, HostState.at(HostState.RFLAGS));
        out.int32((int) RFlags.DIRECTION);
        out.jumpIf(NOT_EQUAL, emit.exit());
        if (i.repeat != 0) {
            out.registers(0x85, width, COUNT, COUNT);
            out.jumpIf(EQUAL, done);
        }
        return done;
    }

    /** Leaves unless all elements from {@code pointer} on lie in its page. */
    private void mustFit(int pointer) {
        if (i.repeat != 0) {
            out.registers(0x8B, 4, RCX, pointer);
            out.extended(0xF7, 4, 2, RCX);
            out.arithmetic(Alu.AND, 4, RCX, 4095);
            out.arithmetic(Alu.ADD, 4, RCX, 1);
            out.shiftRight(RCX, scale());
            out.registers(0x3B, width, COUNT, RCX);
            out.jumpIf(ABOVE, emit.exit());
        }
    }

    /** Leaves if the pages of both operands have the same place in the TLB: there the interpreter looks both up again in each iteration, and they change ways. */
    private void mustNotMeet() {
        if (i.repeat != 0) {
            out.registers(0x8B, 4, RCX, SOURCE);
            out.registers(0x33, 4, RCX, TARGET);
            out.extended(0xF7, 4, 0, RCX);
            out.int32(TlbBank.MASK << 12);
            out.jumpIf(EQUAL, emit.exit());
        }
    }

    /** RAX = where the first element is. */
    private void locateAt(int pointer, boolean write) {
        out.registers(0x8B, width, RAX, pointer);
        emit.locate(i.operandSize, write);
    }

    private void repeat(int opcode) {
        out.registers(0x8B, width, RCX, COUNT);
        writeRepeated(opcode);
    }

    private void writeRepeated(int opcode) {
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
            out.memory(0x8D, width, pointer, pointer, COUNT, scale(), 0);
        }
    }

    private void end(int done) {
        if (i.repeat != 0) {
            out.registers(0x33, 4, COUNT, COUNT);
        }
        out.bind(done);
    }
}
