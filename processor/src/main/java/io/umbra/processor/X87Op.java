package io.umbra.processor;

/** A waiting x87 instruction that is no control instruction: it reports pending exceptions first, and is remembered as the last instruction. */
abstract class X87Op extends Op {
    /** As FOP has it: the low three bits of the escape, and ModRM. */
    private final short opcode;

    X87Op(Instruction i) {
        opcode = (short) ((i.opcode & 7) << 8 | i.modRm & 0xFF);
    }

    @Override
    final void execute(Cpu cpu) {
        cpu.checkX87();
        X87Unit x87 = cpu.x87;
        x87.checkPending(cpu);
        x87.begin();
        perform(cpu, x87);
        x87.lastInstruction(opcode, rip(cpu));
        noteOperand(cpu, x87);
    }

    /** Between {@link X87Unit#begin} and the note of what was executed. */
    abstract void perform(Cpu cpu, X87Unit x87);

    void noteOperand(Cpu cpu, X87Unit x87) {}

    /** One with a memory operand. */
    abstract static class OnMemory extends X87Op {
        final Address address;

        OnMemory(Instruction i, int offsetInPage) {
            super(i);
            address = i.address(offsetInPage);
        }

        @Override
        final void noteOperand(Cpu cpu, X87Unit x87) {
            x87.lastOperand(address.segment, address.offset(cpu));
        }

        @Override
        final boolean isStackOperand() {
            return address.isStack();
        }
    }
}
