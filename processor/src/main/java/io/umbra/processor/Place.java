package io.umbra.processor;

import io.umbra.processor.Instruction.Kind;
import io.umbra.processor.Instruction.Operand;
import io.umbra.x86.VcpuState;
import java.util.function.Consumer;

/**
 * Where an integer operand is: in a general register or AH … BH, in memory, or in the instruction itself. The forms of an instruction that have no class of their own read and
 * write their operands through this. Values read are zero-extended, values written are cut to {@link #size}.
 */
final class Place {
    private static final int REGISTER = 0;
    private static final int HIGH_BYTE = 1;
    private static final int MEMORY = 2;
    private static final int CONSTANT = 3;

    private static final Address NOWHERE = new Address(VcpuState.DS, -1, -1, 0, 0, 8, false, true);

    /** In bytes: 1, 2, 4 or 8. */
    final int size;
    /** The same in bits. */
    final int bits;
    /** Meaningless unless this {@linkplain #isMemory() is memory}. */
    final Address address;

    private final int where;
    private final int register;
    private final long constant;

    private Place(int where, int size, int register, long constant, Address address) {
        this.where = where;
        this.size = size;
        this.bits = size * 8;
        this.register = register;
        this.constant = constant;
        this.address = address;
    }

    /** The instruction's operand number {@code index}, in the operand's own size. */
    static Place of(Instruction i, int index, int offsetInPage) {
        return of(i, index, i.operands[index].size(), offsetInPage);
    }

    /** The same in a given size, in bytes. */
    static Place of(Instruction i, int index, int size, int offsetInPage) {
        Operand operand = i.operands[index];
        if (operand.kind() == Kind.GENERAL) {
            return register(operand.register(), size);
        }
        if (operand.kind() == Kind.HIGH_BYTE) {
            return new Place(HIGH_BYTE, 1, operand.register(), 0, NOWHERE);
        }
        if (operand.kind() == Kind.MEMORY) {
            return new Place(MEMORY, size, 0, 0, i.address(offsetInPage));
        }
        return new Place(CONSTANT, size, 0, operand.value() & mask(size), NOWHERE);
    }

    static Place register(int register, int size) {
        return new Place(REGISTER, size, register, 0, NOWHERE);
    }

    /** The low {@code size} bytes set. */
    static long mask(int size) {
        return -1L >>> 64 - 8 * size;
    }

    boolean isMemory() {
        return where == MEMORY;
    }

    /** It is memory and is addressed through SS. */
    boolean isOnStack() {
        return where == MEMORY && address.isStack();
    }

    long read(Cpu cpu) {
        return switch (where) {
            case REGISTER -> cpu.register(register, size);
            case HIGH_BYTE -> cpu.highByte(register);
            case MEMORY -> cpu.load(address.linear(cpu, size), size);
            default -> constant;
        };
    }

    /** Sign-extended. */
    long readSigned(Cpu cpu) {
        return read(cpu) << 64 - bits >> 64 - bits;
    }

    void write(Cpu cpu, long value) {
        switch (where) {
            case REGISTER -> cpu.setRegister(register, size, value);
            case HIGH_BYTE -> cpu.setHighByte(register, value);
            default -> cpu.store(address.linearForWrite(cpu, size), size, value);
        }
    }

    /** Writes code that pushes what {@link #read} gives. */
    void translateRead(RegionCode code) {
        switch (where) {
            case REGISTER -> code.register(register, size);
            case HIGH_BYTE -> {
                code.register(register);
                code.push(8);
                code.out.lushr();
                code.cut(1);
            }
            case MEMORY -> code.load(address, size);
            default -> code.push(constant);
        }
    }

    /** The same for {@link #readSigned}. */
    void translateReadSigned(RegionCode code) {
        translateRead(code);
        code.extend(size);
    }

    /** Writes code for {@link #write} with what {@code value} pushes. */
    void translateWrite(RegionCode code, Runnable value) {
        switch (where) {
            case REGISTER -> {
                if (size >= 4) {
                    code.setRegister(register, size, value);
                } else {
                    code.insert(register, 0, size, value);
                }
            }
            case HIGH_BYTE -> code.insert(register, 8, 1, value);
            default -> code.store(address, size, value);
        }
    }

    /** Writes code for {@link #readForUpdate} and {@link #update}: {@code change} is given what pushes the old value, and pushes the new one. */
    void translateUpdate(RegionCode code, Consumer<Runnable> change) {
        if (where == MEMORY) {
            code.update(address, size, change);
        } else {
            translateWrite(code, () -> change.accept(() -> translateRead(code)));
        }
    }

    /** Reads what {@link #update} will then replace; memory is checked for writing. No other memory access may be made between the two. */
    long readForUpdate(Cpu cpu) {
        return where == MEMORY ? cpu.rmwLoad(address.linearForWrite(cpu, size), size) : read(cpu);
    }

    void update(Cpu cpu, long value) {
        if (where == MEMORY) {
            cpu.rmwStore(size, value);
        } else {
            write(cpu, value);
        }
    }
}
