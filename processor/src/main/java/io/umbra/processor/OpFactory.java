package io.umbra.processor;

import io.umbra.x86.Vector;
import org.jspecify.annotations.Nullable;

/** Makes the executable form of a decoded instruction, by its group. */
final class OpFactory {
    /** @param offset of the instruction's first byte in its page */
    static Op make(Instruction instruction, int offset) {
        Op made = ofGroup(instruction, offset);
        Op op = made != null ? made : new Refused(Vector.INVALID_OPCODE);
        op.offset = offset;
        op.length = instruction.length;
        return op;
    }

    private static @Nullable Op ofGroup(Instruction instruction, int offset) {
        return switch (instruction.mnemonic) {
            case INVALID -> new Refused(Vector.INVALID_OPCODE);
            case TOO_LONG -> new Refused(Vector.GENERAL_PROTECTION);
            case INS, OUTS, JMP_FAR, CALL_FAR, RET_FAR, IRET -> SystemGroup.make(instruction, offset);
            default ->
                switch (instruction.mnemonic.group()) {
                    case INTEGER -> IntegerGroup.make(instruction, offset);
                    case STRING -> StringGroup.make(instruction, offset);
                    case CONTROL -> ControlGroup.make(instruction, offset);
                    case SYSTEM -> system(instruction, offset);
                    case X87 -> X87Group.make(instruction, offset);
                    case MMX_SSE ->
                        instruction.vex ? AvxGroup.make(instruction, offset) : SseGroup.make(instruction, offset);
                    case AVX -> AvxGroup.make(instruction, offset);
                };
        };
    }

    /** Those on flags and segment registers are made like integer instructions. */
    private static @Nullable Op system(Instruction instruction, int offset) {
        Op op = SystemGroup.make(instruction, offset);
        return op != null ? op : IntegerGroup.make(instruction, offset);
    }

    /** Raises its exception whenever it is executed. */
    private static final class Refused extends Op {
        private final int vector;

        Refused(int vector) {
            this.vector = vector;
        }

        @Override
        void execute(Cpu cpu) {
            throw cpu.fault(vector);
        }

        @Override
        boolean endsBlock() {
            return true;
        }
    }

    private OpFactory() {}
}
