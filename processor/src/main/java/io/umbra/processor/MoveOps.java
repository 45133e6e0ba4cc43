package io.umbra.processor;

import io.umbra.processor.Instruction.Operand;
import io.umbra.x86.VcpuState;

/** MOV, MOVNTI, MOVZX, MOVSX, MOVSXD, MOVBE, LEA, CMOVcc, SETcc, BSWAP, XLAT. None of them changes a flag. */
final class MoveOps {
    private MoveOps() {}

    static Op move(Instruction i, int offsetInPage) {
        Operand to = i.operands[0];
        Operand from = i.operands[1];
        int size = to.size();
        if (to.isGeneral() && size >= 4) {
            if (from.isGeneral()) {
                return new MoveRegister(to.register(), from.register(), size);
            }
            if (!from.isMemory()) {
                return new MoveConstant(to.register(), from.value() & Place.mask(size));
            }
            Address address = i.address(offsetInPage);
            return size == 8 ? new Load64(to.register(), address) : new Load32(to.register(), address);
        }
        if (to.isMemory() && from.isGeneral() && size >= 4) {
            Address address = i.address(offsetInPage);
            return size == 8 ? new Store64(address, from.register()) : new Store32(address, from.register());
        }
        return new Move(Place.of(i, 0, offsetInPage), Place.of(i, 1, size, offsetInPage));
    }

    static Op moveZeroExtended(Instruction i, int offsetInPage) {
        Operand to = i.operands[0];
        Operand from = i.operands[1];
        if (to.size() >= 4 && from.isMemory()) {
            Address address = i.address(offsetInPage);
            return from.size() == 1 ? new Load8(to.register(), address) : new Load16(to.register(), address);
        }
        if (to.size() >= 4 && from.isGeneral()) {
            return new ZeroExtend(to.register(), from.register(), from.size());
        }
        return new Move(Place.of(i, 0, offsetInPage), Place.of(i, 1, offsetInPage));
    }

    static Op moveSignExtended(Instruction i, int offsetInPage) {
        Operand to = i.operands[0];
        Operand from = i.operands[1];
        if (to.size() >= 4 && from.isGeneral()) {
            return new SignExtend(to.register(), from.register(), to.size(), from.size());
        }
        return new MoveSigned(Place.of(i, 0, offsetInPage), Place.of(i, 1, offsetInPage));
    }

    static Op loadAddress(Instruction i, int offsetInPage) {
        Operand to = i.operands[0];
        return to.size() == 2
                ? new LoadAddress16(to.register(), i.address(offsetInPage))
                : new LoadAddress(to.register(), i.address(offsetInPage), to.size());
    }

    static Op conditionalMove(Instruction i, int offsetInPage) {
        Operand to = i.operands[0];
        Operand from = i.operands[1];
        if (to.size() >= 4 && from.isGeneral()) {
            return new MoveRegisterIf(i.condition, to.register(), from.register(), to.size());
        }
        return new MoveIf(i.condition, Place.of(i, 0, offsetInPage), Place.of(i, 1, offsetInPage));
    }

    static Op set(Instruction i, int offsetInPage) {
        return new Set(i.condition, Place.of(i, 0, 1, offsetInPage));
    }

    static Op byteSwap(Instruction i) {
        Operand operand = i.operands[0];
        return new ByteSwap(operand.register(), operand.size());
    }

    static Op moveSwapped(Instruction i, int offsetInPage) {
        return new MoveSwapped(Place.of(i, 0, offsetInPage), Place.of(i, 1, offsetInPage));
    }

    static Op translate(Instruction i) {
        return new Translate(i);
    }

    /** The low {@code size} bytes in the opposite order. */
    static long swapped(long value, int size) {
        return Long.reverseBytes(value) >>> 64 - 8 * size;
    }

    private static final class MoveRegister extends Op {
        private final int target;
        private final int source;
        private final long mask;

        MoveRegister(int target, int source, int size) {
            this.target = target;
            this.source = source;
            this.mask = Place.mask(size);
        }

        @Override
        FlagUse flagUse() {
            return FlagUse.PASSES;
        }

        @Override
        void translate(RegionCode code) {
            code.setRegister(target, 8, () -> {
                code.register(source);
                code.mask(mask);
            });
        }

        @Override
        void execute(Cpu cpu) {
            cpu.gpr[target] = cpu.gpr[source] & mask;
        }
    }

    private static final class MoveConstant extends Op {
        private final int target;
        private final long value;

        MoveConstant(int target, long value) {
            this.target = target;
            this.value = value;
        }

        @Override
        FlagUse flagUse() {
            return FlagUse.PASSES;
        }

        @Override
        void translate(RegionCode code) {
            code.setRegister(target, 8, () -> code.push(value));
        }

        @Override
        void execute(Cpu cpu) {
            cpu.gpr[target] = value;
        }
    }

    private abstract static class Load extends MemoryOp {
        final int target;

        Load(int target, Address address) {
            super(address);
            this.target = target;
        }
    }

    private static final class Load64 extends Load {
        Load64(int target, Address address) {
            super(target, address);
        }

        @Override
        void translate(RegionCode code) {
            code.observe();
            code.setRegister(target, 8, () -> code.load(address, 8));
        }

        @Override
        void execute(Cpu cpu) {
            cpu.gpr[target] = cpu.load64(address.linear(cpu, 8));
        }
    }

    private static final class Load32 extends Load {
        Load32(int target, Address address) {
            super(target, address);
        }

        @Override
        void translate(RegionCode code) {
            code.observe();
            code.setRegister(target, 8, () -> code.load(address, 4));
        }

        @Override
        void execute(Cpu cpu) {
            cpu.gpr[target] = cpu.load32(address.linear(cpu, 4));
        }
    }

    /** MOVZX to a 32 or 64-bit register. */
    private static final class Load16 extends Load {
        Load16(int target, Address address) {
            super(target, address);
        }

        @Override
        void translate(RegionCode code) {
            code.observe();
            code.setRegister(target, 8, () -> code.load(address, 2));
        }

        @Override
        void execute(Cpu cpu) {
            cpu.gpr[target] = cpu.load16(address.linear(cpu, 2));
        }
    }

    /** MOVZX to a 32 or 64-bit register. */
    private static final class Load8 extends Load {
        Load8(int target, Address address) {
            super(target, address);
        }

        @Override
        void translate(RegionCode code) {
            code.observe();
            code.setRegister(target, 8, () -> code.load(address, 1));
        }

        @Override
        void execute(Cpu cpu) {
            cpu.gpr[target] = cpu.load8(address.linear(cpu, 1));
        }
    }

    private static final class Store64 extends MemoryOp {
        private final int source;

        Store64(Address address, int source) {
            super(address);
            this.source = source;
        }

        @Override
        void translate(RegionCode code) {
            code.store(address, 8, () -> code.register(source));
        }

        @Override
        void execute(Cpu cpu) {
            cpu.store64(address.linearForWrite(cpu, 8), cpu.gpr[source]);
        }
    }

    private static final class Store32 extends MemoryOp {
        private final int source;

        Store32(Address address, int source) {
            super(address);
            this.source = source;
        }

        @Override
        void translate(RegionCode code) {
            code.store(address, 4, () -> code.register(source));
        }

        @Override
        void execute(Cpu cpu) {
            cpu.store32(address.linearForWrite(cpu, 4), cpu.gpr[source]);
        }
    }

    private static final class Move extends TwoOperandOp {
        Move(Place first, Place second) {
            super(first, second);
        }

        @Override
        FlagUse flagUse() {
            return first.isMemory() || second.isMemory() ? FlagUse.OBSERVES : FlagUse.PASSES;
        }

        @Override
        void translate(RegionCode code) {
            first.translateWrite(code, () -> second.translateRead(code));
        }

        @Override
        void execute(Cpu cpu) {
            first.write(cpu, second.read(cpu));
        }
    }

    private static final class ZeroExtend extends Op {
        private final int target;
        private final int source;
        private final long mask;

        ZeroExtend(int target, int source, int sourceSize) {
            this.target = target;
            this.source = source;
            this.mask = Place.mask(sourceSize);
        }

        @Override
        FlagUse flagUse() {
            return FlagUse.PASSES;
        }

        @Override
        void translate(RegionCode code) {
            code.setRegister(target, 8, () -> {
                code.register(source);
                code.mask(mask);
            });
        }

        @Override
        void execute(Cpu cpu) {
            cpu.gpr[target] = cpu.gpr[source] & mask;
        }
    }

    private static final class SignExtend extends Op {
        private final int target;
        private final int source;
        private final long mask;
        private final int shift;

        SignExtend(int target, int source, int size, int sourceSize) {
            this.target = target;
            this.source = source;
            this.mask = Place.mask(size);
            this.shift = 64 - 8 * sourceSize;
        }

        @Override
        FlagUse flagUse() {
            return FlagUse.PASSES;
        }

        @Override
        void translate(RegionCode code) {
            code.setRegister(target, 8, () -> {
                code.register(source);
                code.extend(8 - shift / 8);
                code.mask(mask);
            });
        }

        @Override
        void execute(Cpu cpu) {
            cpu.gpr[target] = cpu.gpr[source] << shift >> shift & mask;
        }
    }

    private static final class MoveSigned extends TwoOperandOp {
        MoveSigned(Place first, Place second) {
            super(first, second);
        }

        @Override
        void translate(RegionCode code) {
            first.translateWrite(code, () -> second.translateReadSigned(code));
        }

        @Override
        void execute(Cpu cpu) {
            first.write(cpu, second.readSigned(cpu));
        }
    }

    private static final class LoadAddress extends Op {
        private final int target;
        private final Address address;
        private final long mask;

        LoadAddress(int target, Address address, int size) {
            this.target = target;
            this.address = address;
            this.mask = Place.mask(size);
        }

        @Override
        FlagUse flagUse() {
            return FlagUse.PASSES;
        }

        @Override
        void translate(RegionCode code) {
            code.setRegister(target, 8, () -> {
                code.offset(address);
                code.mask(mask);
            });
        }

        @Override
        void execute(Cpu cpu) {
            cpu.gpr[target] = address.offset(cpu) & mask;
        }
    }

    private static final class LoadAddress16 extends Op {
        private final int target;
        private final Address address;

        LoadAddress16(int target, Address address) {
            this.target = target;
            this.address = address;
        }

        @Override
        void execute(Cpu cpu) {
            cpu.setRegister(target, 2, address.offset(cpu));
        }
    }

    /** CMOVcc between 32 or 64-bit registers. When the condition fails, the 32-bit form still clears the upper half. */
    private static final class MoveRegisterIf extends Op {
        private final int condition;
        private final int target;
        private final int source;
        private final long mask;

        MoveRegisterIf(int condition, int target, int source, int size) {
            this.condition = condition;
            this.target = target;
            this.source = source;
            this.mask = Place.mask(size);
        }

        @Override
        void translate(RegionCode code) {
            code.setRegister(target, 8, () -> {
                code.choose(condition, () -> code.register(source), () -> code.register(target));
                code.mask(mask);
            });
        }

        @Override
        void execute(Cpu cpu) {
            cpu.gpr[target] = cpu.gpr[cpu.flags.condition(condition) ? source : target] & mask;
        }
    }

    /** CMOVcc reads its source whether it moves it or not. */
    private static final class MoveIf extends TwoOperandOp {
        private final int condition;

        MoveIf(int condition, Place first, Place second) {
            super(first, second);
            this.condition = condition;
        }

        @Override
        void execute(Cpu cpu) {
            long value = second.read(cpu);
            first.write(cpu, cpu.flags.condition(condition) ? value : first.read(cpu));
        }
    }

    private static final class Set extends OneOperandOp {
        private final int condition;

        Set(int condition, Place operand) {
            super(operand);
            this.condition = condition;
        }

        @Override
        void translate(RegionCode code) {
            operand.translateWrite(code, () -> code.choose(condition, () -> code.push(1L), () -> code.push(0L)));
        }

        @Override
        void execute(Cpu cpu) {
            operand.write(cpu, cpu.flags.condition(condition) ? 1 : 0);
        }
    }

    /** The 16-bit form is undefined; the processors store 0. */
    private static final class ByteSwap extends Op {
        private final int register;
        private final int size;

        ByteSwap(int register, int size) {
            this.register = register;
            this.size = size;
        }

        @Override
        void execute(Cpu cpu) {
            cpu.setRegister(register, size, size == 2 ? 0 : swapped(cpu.gpr[register], size));
        }
    }

    private static final class MoveSwapped extends TwoOperandOp {
        MoveSwapped(Place first, Place second) {
            super(first, second);
        }

        @Override
        void execute(Cpu cpu) {
            first.write(cpu, swapped(second.read(cpu), first.size));
        }
    }

    /** XLAT: AL = [rBX + AL]. */
    private static final class Translate extends Op {
        private final SegmentOffset table;

        Translate(Instruction i) {
            this.table = new SegmentOffset(i.segment, i.addressSize, i.mode == 64);
        }

        @Override
        boolean isStackOperand() {
            return table.isStack();
        }

        @Override
        void execute(Cpu cpu) {
            long index = cpu.gpr[VcpuState.RBX] + (cpu.gpr[VcpuState.RAX] & 0xFF);
            cpu.setRegister(VcpuState.RAX, 1, cpu.load8(table.linear(cpu, index, 1, false)));
        }
    }
}
