package io.umbra.processor;

import io.umbra.processor.Instruction.Operand;
import io.umbra.x86.VcpuState;
import org.jspecify.annotations.Nullable;

/** SHL, SHR, SAR, ROL, ROR, RCL, RCR, SHLD, SHRD. A count of 0 leaves the flags alone; a memory operand is still written, and a 32-bit register still extended. */
final class ShiftOps {
    private ShiftOps() {}

    static Op make(int operation, Instruction i, int offsetInPage) {
        Operand operand = i.operands[0];
        Operand by = i.operands[1];
        int size = operand.size();
        if (by.isGeneral()) {
            return new ShiftByRegister(operation, Place.of(i, 0, offsetInPage));
        }
        int count = (int) by.value() & countMask(size);
        if (operand.isGeneral() && size >= 4 && count != 0) {
            Op op = ofRegister(operation, operand.register(), count, size);
            if (op != null) {
                return op;
            }
        }
        return new ShiftByConstant(operation, Place.of(i, 0, offsetInPage), count);
    }

    private static @Nullable Op ofRegister(int operation, int register, int count, int size) {
        return switch (operation) {
            case Shifter.SHL -> new ShiftLeftRegister(register, count, size);
            case Shifter.SHR -> new ShiftRightRegister(register, count, size);
            case Shifter.SAR -> new ShiftRightSignedRegister(register, count, size);
            default -> null;
        };
    }

    static Op makeDouble(boolean left, Instruction i, int offsetInPage) {
        Place target = Place.of(i, 0, offsetInPage);
        Place source = Place.of(i, 1, offsetInPage);
        return new DoubleShift(left, target, source, Place.of(i, 2, 1, offsetInPage));
    }

    static int countMask(int size) {
        return size == 8 ? 63 : 31;
    }

    private abstract static class RegisterShift extends Op {
        final int register;
        final int count;
        final int bits;
        final long mask;

        RegisterShift(int register, int count, int size) {
            this.register = register;
            this.count = count;
            this.bits = size * 8;
            this.mask = Place.mask(size);
        }

        @Override
        final FlagUse flagUse() {
            return FlagUse.REPLACES;
        }

        /** @param method of {@link Shifter} */
        final void translate(RegionCode code, String method, Runnable value, Runnable shift) {
            code.setRegister(register, bits / 8, () -> {
                boolean live = code.flagsAreLive();
                if (live) {
                    code.cpu();
                }
                value.run();
                code.push(count);
                if (live) {
                    code.push(bits);
                    code.call(Shifter.class, method, long.class, Cpu.class, long.class, int.class, int.class);
                } else {
                    shift.run();
                }
            });
        }
    }

    private static final class ShiftLeftRegister extends RegisterShift {
        ShiftLeftRegister(int register, int count, int size) {
            super(register, count, size);
        }

        @Override
        void translate(RegionCode code) {
            translate(code, "shiftLeft", () -> code.register(register, bits / 8), code.out::lshl);
        }

        @Override
        void execute(Cpu cpu) {
            cpu.gpr[register] = Shifter.shiftLeft(cpu, cpu.gpr[register] & mask, count, bits) & mask;
        }
    }

    private static final class ShiftRightRegister extends RegisterShift {
        ShiftRightRegister(int register, int count, int size) {
            super(register, count, size);
        }

        @Override
        void translate(RegionCode code) {
            translate(code, "shiftRight", () -> code.register(register, bits / 8), code.out::lushr);
        }

        @Override
        void execute(Cpu cpu) {
            cpu.gpr[register] = Shifter.shiftRight(cpu, cpu.gpr[register] & mask, count, bits) & mask;
        }
    }

    private static final class ShiftRightSignedRegister extends RegisterShift {
        ShiftRightSignedRegister(int register, int count, int size) {
            super(register, count, size);
        }

        @Override
        void translate(RegionCode code) {
            translate(
                    code,
                    "shiftRightSigned",
                    () -> {
                        code.register(register);
                        code.extend(bits / 8);
                    },
                    code.out::lshr);
        }

        @Override
        void execute(Cpu cpu) {
            cpu.gpr[register] = Shifter.shiftRightSigned(cpu, cpu.gpr[register], count, bits) & mask;
        }
    }

    private static final class ShiftByConstant extends OneOperandOp {
        private final int operation;
        private final int count;

        ShiftByConstant(int operation, Place operand, int count) {
            super(operand);
            this.operation = operation;
            this.count = count;
        }

        @Override
        void execute(Cpu cpu) {
            long a = operand.readForUpdate(cpu);
            operand.update(cpu, count == 0 ? a : Shifter.compute(cpu, operation, a, count, operand.bits));
        }
    }

    private static final class ShiftByRegister extends OneOperandOp {
        private final int operation;
        private final int countMask;

        ShiftByRegister(int operation, Place operand) {
            super(operand);
            this.operation = operation;
            this.countMask = countMask(operand.size);
        }

        @Override
        void execute(Cpu cpu) {
            int count = (int) cpu.gpr[VcpuState.RCX] & countMask;
            long a = operand.readForUpdate(cpu);
            operand.update(cpu, count == 0 ? a : Shifter.compute(cpu, operation, a, count, operand.bits));
        }
    }

    private static final class DoubleShift extends TwoOperandOp {
        private final boolean left;
        private final Place count;

        DoubleShift(boolean left, Place first, Place second, Place count) {
            super(first, second);
            this.left = left;
            this.count = count;
        }

        @Override
        void execute(Cpu cpu) {
            int n = (int) count.read(cpu) & countMask(first.size);
            long a = first.readForUpdate(cpu);
            first.update(cpu, n == 0 ? a : shifted(cpu, a, second.read(cpu), n));
        }

        private long shifted(Cpu cpu, long a, long b, int n) {
            return left
                    ? Shifter.shiftLeftDouble(cpu, a, b, n, first.bits)
                    : Shifter.shiftRightDouble(cpu, a, b, n, first.bits);
        }
    }
}
