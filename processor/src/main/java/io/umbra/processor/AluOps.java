package io.umbra.processor;

import io.umbra.processor.Instruction.Operand;
import org.jspecify.annotations.Nullable;

/**
 * ADD, OR, ADC, SBB, AND, SUB, XOR, CMP and TEST. Their forms on 32 and 64-bit registers, which make up much of any program, have a class each; {@code mask} and
 * {@code bits} tell the two sizes apart without a branch. All others read and write through {@link Place}.
 */
final class AluOps {
    private AluOps() {}

    static Op make(int operation, Instruction i, int offsetInPage) {
        Operand first = i.operands[0];
        Operand second = i.operands[1];
        boolean wide = first.size() >= 4;
        if (wide && first.isGeneral()) {
            Op op = second.isGeneral()
                    ? registerRegister(operation, first, second)
                    : second.isMemory()
                            ? registerMemory(operation, first, i.address(offsetInPage))
                            : registerConstant(operation, first, second.value());
            if (op != null) {
                return op;
            }
        }
        Place target = Place.of(i, 0, offsetInPage);
        Place source = Place.of(i, 1, first.size(), offsetInPage);
        return switch (operation) {
            case Alu.CMP -> new Compare(target, source);
            case Alu.TEST -> new Test(target, source);
            default -> new Update(operation, target, source);
        };
    }

    private static @Nullable Op registerRegister(int operation, Operand to, Operand from) {
        int t = to.register();
        int s = from.register();
        int size = to.size();
        return switch (operation) {
            case Alu.ADD -> new AddRegister(operation, t, s, size);
            case Alu.OR -> new OrRegister(operation, t, s, size);
            case Alu.AND -> new AndRegister(operation, t, s, size);
            case Alu.SUB -> new SubtractRegister(operation, t, s, size);
            case Alu.XOR -> t == s ? new Clear(t, size) : new XorRegister(operation, t, s, size);
            case Alu.CMP -> new CompareRegister(operation, t, s, size);
            case Alu.TEST -> new TestRegister(operation, t, s, size);
            default -> null;
        };
    }

    private static @Nullable Op registerConstant(int operation, Operand to, long value) {
        int t = to.register();
        int size = to.size();
        return switch (operation) {
            case Alu.ADD -> new AddConstant(operation, t, value, size);
            case Alu.OR -> new OrConstant(operation, t, value, size);
            case Alu.AND -> new AndConstant(operation, t, value, size);
            case Alu.SUB -> new SubtractConstant(operation, t, value, size);
            case Alu.XOR -> new XorConstant(operation, t, value, size);
            case Alu.CMP -> new CompareConstant(operation, t, value, size);
            case Alu.TEST -> new TestConstant(operation, t, value, size);
            default -> null;
        };
    }

    private static @Nullable Op registerMemory(int operation, Operand to, Address from) {
        int t = to.register();
        int size = to.size();
        return switch (operation) {
            case Alu.ADD -> new AddMemory(operation, t, from, size);
            case Alu.OR -> new OrMemory(operation, t, from, size);
            case Alu.AND -> new AndMemory(operation, t, from, size);
            case Alu.SUB -> new SubtractMemory(operation, t, from, size);
            case Alu.XOR -> new XorMemory(operation, t, from, size);
            case Alu.CMP -> new CompareMemory(operation, t, from, size);
            default -> null;
        };
    }

    // ---- every other form -------------------------------------------------------------------------------------------

    private static final class Update extends TwoOperandOp {
        private final int operation;

        Update(int operation, Place first, Place second) {
            super(first, second);
            this.operation = operation;
        }

        @Override
        FlagUse flagUse() {
            boolean isPure = !first.isMemory() && !second.isMemory() && operation != Alu.ADC && operation != Alu.SBB;
            return isPure ? FlagUse.REPLACES : FlagUse.OBSERVES;
        }

        @Override
        void translate(RegionCode code) {
            first.translateUpdate(code, old -> code.alu(operation, first.bits, old, () -> second.translateRead(code)));
        }

        @Override
        void execute(Cpu cpu) {
            long b = second.read(cpu);
            long a = first.readForUpdate(cpu);
            first.update(cpu, Alu.compute(cpu, operation, a, b, first.bits));
        }
    }

    private static final class Compare extends TwoOperandOp {
        Compare(Place first, Place second) {
            super(first, second);
        }

        @Override
        FlagUse flagUse() {
            return first.isMemory() || second.isMemory() ? FlagUse.OBSERVES : FlagUse.REPLACES;
        }

        @Override
        void translate(RegionCode code) {
            code.alu(Alu.CMP, first.bits, () -> first.translateRead(code), () -> second.translateRead(code));
            code.out.pop2();
        }

        @Override
        void execute(Cpu cpu) {
            Alu.subtract(cpu, first.read(cpu), second.read(cpu), first.bits);
        }
    }

    private static final class Test extends TwoOperandOp {
        Test(Place first, Place second) {
            super(first, second);
        }

        @Override
        FlagUse flagUse() {
            return first.isMemory() || second.isMemory() ? FlagUse.OBSERVES : FlagUse.REPLACES;
        }

        @Override
        void translate(RegionCode code) {
            code.alu(Alu.TEST, first.bits, () -> first.translateRead(code), () -> second.translateRead(code));
            code.out.pop2();
        }

        @Override
        void execute(Cpu cpu) {
            Alu.and(cpu, first.read(cpu), second.read(cpu), first.bits);
        }
    }

    /** XOR of a register with itself. */
    private static final class Clear extends Op {
        private final int target;
        private final int bits;

        Clear(int target, int size) {
            this.target = target;
            this.bits = size * 8;
        }

        @Override
        FlagUse flagUse() {
            return FlagUse.REPLACES;
        }

        @Override
        void translate(RegionCode code) {
            code.setRegister(target, 8, () -> code.push(0L));
            if (code.flagsAreLive()) {
                code.logicFlags(() -> code.push(0L), bits);
            }
        }

        @Override
        void execute(Cpu cpu) {
            cpu.gpr[target] = 0;
            cpu.flags.logic(0, bits);
        }
    }

    // ---- register, register -----------------------------------------------------------------------------------------

    private abstract static class WithRegister extends Op {
        private final int operation;
        final int target;
        final int source;
        final int bits;
        final long mask;

        WithRegister(int operation, int target, int source, int size) {
            this.operation = operation;
            this.target = target;
            this.source = source;
            this.bits = size * 8;
            this.mask = Place.mask(size);
        }

        @Override
        final FlagUse flagUse() {
            return FlagUse.REPLACES;
        }

        @Override
        final void translate(RegionCode code) {
            code.aluOnRegister(operation, target, bits / 8, () -> code.register(source));
        }
    }

    private static final class AddRegister extends WithRegister {
        AddRegister(int operation, int target, int source, int size) {
            super(operation, target, source, size);
        }

        @Override
        void execute(Cpu cpu) {
            cpu.gpr[target] = Alu.add(cpu, cpu.gpr[target], cpu.gpr[source], bits) & mask;
        }
    }

    private static final class OrRegister extends WithRegister {
        OrRegister(int operation, int target, int source, int size) {
            super(operation, target, source, size);
        }

        @Override
        void execute(Cpu cpu) {
            cpu.gpr[target] = Alu.or(cpu, cpu.gpr[target], cpu.gpr[source], bits) & mask;
        }
    }

    private static final class AndRegister extends WithRegister {
        AndRegister(int operation, int target, int source, int size) {
            super(operation, target, source, size);
        }

        @Override
        void execute(Cpu cpu) {
            cpu.gpr[target] = Alu.and(cpu, cpu.gpr[target], cpu.gpr[source], bits) & mask;
        }
    }

    private static final class SubtractRegister extends WithRegister {
        SubtractRegister(int operation, int target, int source, int size) {
            super(operation, target, source, size);
        }

        @Override
        void execute(Cpu cpu) {
            cpu.gpr[target] = Alu.subtract(cpu, cpu.gpr[target], cpu.gpr[source], bits) & mask;
        }
    }

    private static final class XorRegister extends WithRegister {
        XorRegister(int operation, int target, int source, int size) {
            super(operation, target, source, size);
        }

        @Override
        void execute(Cpu cpu) {
            cpu.gpr[target] = Alu.xor(cpu, cpu.gpr[target], cpu.gpr[source], bits) & mask;
        }
    }

    private static final class CompareRegister extends WithRegister {
        CompareRegister(int operation, int target, int source, int size) {
            super(operation, target, source, size);
        }

        @Override
        void execute(Cpu cpu) {
            Alu.subtract(cpu, cpu.gpr[target], cpu.gpr[source], bits);
        }
    }

    private static final class TestRegister extends WithRegister {
        TestRegister(int operation, int target, int source, int size) {
            super(operation, target, source, size);
        }

        @Override
        void execute(Cpu cpu) {
            Alu.and(cpu, cpu.gpr[target], cpu.gpr[source], bits);
        }
    }

    // ---- register, immediate ----------------------------------------------------------------------------------------

    private abstract static class WithConstant extends Op {
        private final int operation;
        final int target;
        final long value;
        final int bits;
        final long mask;

        WithConstant(int operation, int target, long value, int size) {
            this.operation = operation;
            this.target = target;
            this.value = value;
            this.bits = size * 8;
            this.mask = Place.mask(size);
        }

        @Override
        final FlagUse flagUse() {
            return FlagUse.REPLACES;
        }

        @Override
        final void translate(RegionCode code) {
            code.aluOnRegister(operation, target, bits / 8, () -> code.push(value));
        }
    }

    private static final class AddConstant extends WithConstant {
        AddConstant(int operation, int target, long value, int size) {
            super(operation, target, value, size);
        }

        @Override
        void execute(Cpu cpu) {
            cpu.gpr[target] = Alu.add(cpu, cpu.gpr[target], value, bits) & mask;
        }
    }

    private static final class OrConstant extends WithConstant {
        OrConstant(int operation, int target, long value, int size) {
            super(operation, target, value, size);
        }

        @Override
        void execute(Cpu cpu) {
            cpu.gpr[target] = Alu.or(cpu, cpu.gpr[target], value, bits) & mask;
        }
    }

    private static final class AndConstant extends WithConstant {
        AndConstant(int operation, int target, long value, int size) {
            super(operation, target, value, size);
        }

        @Override
        void execute(Cpu cpu) {
            cpu.gpr[target] = Alu.and(cpu, cpu.gpr[target], value, bits) & mask;
        }
    }

    private static final class SubtractConstant extends WithConstant {
        SubtractConstant(int operation, int target, long value, int size) {
            super(operation, target, value, size);
        }

        @Override
        void execute(Cpu cpu) {
            cpu.gpr[target] = Alu.subtract(cpu, cpu.gpr[target], value, bits) & mask;
        }
    }

    private static final class XorConstant extends WithConstant {
        XorConstant(int operation, int target, long value, int size) {
            super(operation, target, value, size);
        }

        @Override
        void execute(Cpu cpu) {
            cpu.gpr[target] = Alu.xor(cpu, cpu.gpr[target], value, bits) & mask;
        }
    }

    private static final class CompareConstant extends WithConstant {
        CompareConstant(int operation, int target, long value, int size) {
            super(operation, target, value, size);
        }

        @Override
        void execute(Cpu cpu) {
            Alu.subtract(cpu, cpu.gpr[target], value, bits);
        }
    }

    private static final class TestConstant extends WithConstant {
        TestConstant(int operation, int target, long value, int size) {
            super(operation, target, value, size);
        }

        @Override
        void execute(Cpu cpu) {
            Alu.and(cpu, cpu.gpr[target], value, bits);
        }
    }

    // ---- register, memory -------------------------------------------------------------------------------------------

    private abstract static class WithMemory extends MemoryOp {
        private final int operation;
        final int target;
        final int size;
        final int bits;
        final long mask;

        WithMemory(int operation, int target, Address address, int size) {
            super(address);
            this.operation = operation;
            this.target = target;
            this.size = size;
            this.bits = size * 8;
            this.mask = Place.mask(size);
        }

        @Override
        final void translate(RegionCode code) {
            code.observe();
            code.aluOnRegister(operation, target, size, () -> code.load(address, size));
        }

        final long source(Cpu cpu) {
            long linear = address.linear(cpu, size);
            return size == 8 ? cpu.load64(linear) : cpu.load32(linear);
        }
    }

    private static final class AddMemory extends WithMemory {
        AddMemory(int operation, int target, Address address, int size) {
            super(operation, target, address, size);
        }

        @Override
        void execute(Cpu cpu) {
            cpu.gpr[target] = Alu.add(cpu, cpu.gpr[target], source(cpu), bits) & mask;
        }
    }

    private static final class OrMemory extends WithMemory {
        OrMemory(int operation, int target, Address address, int size) {
            super(operation, target, address, size);
        }

        @Override
        void execute(Cpu cpu) {
            cpu.gpr[target] = Alu.or(cpu, cpu.gpr[target], source(cpu), bits) & mask;
        }
    }

    private static final class AndMemory extends WithMemory {
        AndMemory(int operation, int target, Address address, int size) {
            super(operation, target, address, size);
        }

        @Override
        void execute(Cpu cpu) {
            cpu.gpr[target] = Alu.and(cpu, cpu.gpr[target], source(cpu), bits) & mask;
        }
    }

    private static final class SubtractMemory extends WithMemory {
        SubtractMemory(int operation, int target, Address address, int size) {
            super(operation, target, address, size);
        }

        @Override
        void execute(Cpu cpu) {
            cpu.gpr[target] = Alu.subtract(cpu, cpu.gpr[target], source(cpu), bits) & mask;
        }
    }

    private static final class XorMemory extends WithMemory {
        XorMemory(int operation, int target, Address address, int size) {
            super(operation, target, address, size);
        }

        @Override
        void execute(Cpu cpu) {
            cpu.gpr[target] = Alu.xor(cpu, cpu.gpr[target], source(cpu), bits) & mask;
        }
    }

    private static final class CompareMemory extends WithMemory {
        CompareMemory(int operation, int target, Address address, int size) {
            super(operation, target, address, size);
        }

        @Override
        void execute(Cpu cpu) {
            Alu.subtract(cpu, cpu.gpr[target], source(cpu), bits);
        }
    }
}
