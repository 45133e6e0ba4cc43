package io.umbra.processor;

/**
 * One decoded instruction, ready to execute: the single definition of its meaning. The interpreter calls {@link #execute} for each
 * element of a block; emulation calls it with memory diverted to a port; translated code calls it, or is written by {@link #translate} to do the same.
 *
 * <p>Rules for every implementation:
 *
 * <ul>
 *   <li>OP-1: nothing is committed (register, flag, memory) before all operands of the instruction are translated and all exceptions it can raise are
 *       decided. Loads may be done, a store is the last thing that can fault; a second store needs {@link Cpu#probeWrite} first. A string instruction with REP commits whole iterations.
 *   <li>OP-2: an instruction that does not {@linkplain #endsBlock() end its block} leaves {@link Cpu#rip} alone; one that does sets it.
 *   <li>OP-3: exceptions are thrown with {@link Cpu#fault}; whatever needs the hypervisor sets {@link Cpu#exit} and ends its block.
 *   <li>OP-4: no state in the object but constants of the instruction. Blocks are shared by all linear addresses of their frame.
 * </ul>
 */
abstract class Op {
    /** Of the instruction's first byte in its 4 KiB page. */
    int offset;
    /** In bytes: 1 … 15. */
    int length;

    abstract void execute(Cpu cpu);

    /** Control does not simply run on to the next instruction, or the decoding of what follows may depend on this one. */
    boolean endsBlock() {
        return false;
    }

    /** May be executed by {@link io.umbra.x86.InstructionEmulator}: needs nothing but registers, flags and memory. */
    boolean isEmulatable() {
        return true;
    }

    /** Its memory operand is addressed through SS, so that a limit or canonical violation raises #SS. */
    boolean isStackOperand() {
        return false;
    }

    /** With TF set, the trap comes behind it even when it clears TF itself; SYSCALL is otherwise. */
    boolean keepsTrap() {
        return true;
    }

    /** Writes code that does what {@link #execute} does. What has none of its own is called. */
    void translate(RegionCode code) {
        code.execute(this);
    }

    FlagUse flagUse() {
        return FlagUse.OBSERVES;
    }

    /** RIP of this instruction where the block is being executed now. */
    final long rip(Cpu cpu) {
        return cpu.ripBase + offset & cpu.ripMask;
    }

    /** RIP of the instruction behind this one. */
    final long nextRip(Cpu cpu) {
        return cpu.ripBase + offset + length & cpu.ripMask;
    }
}
