package io.umbra.processor;

import io.umbra.x86.VcpuState;
import io.umbra.x86.Vector;

/** XCHG, XADD, CMPXCHG, CMPXCHG8B, CMPXCHG16B. */
final class ExchangeOps {
    private ExchangeOps() {}

    static Op exchange(Instruction i, int offsetInPage) {
        Place first = Place.of(i, 0, offsetInPage);
        Place second = Place.of(i, 1, offsetInPage);
        return second.isMemory() ? new Exchange(second, first) : new Exchange(first, second);
    }

    static Op exchangeAndAdd(Instruction i, int offsetInPage) {
        return new ExchangeAndAdd(Place.of(i, 0, offsetInPage), Place.of(i, 1, offsetInPage));
    }

    static Op compareAndExchange(Instruction i, int offsetInPage) {
        return new CompareAndExchange(Place.of(i, 0, offsetInPage), Place.of(i, 1, offsetInPage));
    }

    static Op compareAndExchange8(Instruction i, int offsetInPage) {
        return new CompareAndExchange8(i.address(offsetInPage));
    }

    static Op compareAndExchange16(Instruction i, int offsetInPage) {
        return new CompareAndExchange16(i.address(offsetInPage));
    }

    private static final class Exchange extends TwoOperandOp {
        Exchange(Place first, Place second) {
            super(first, second);
        }

        @Override
        void execute(Cpu cpu) {
            long b = second.read(cpu);
            long a = first.readForUpdate(cpu);
            first.update(cpu, b);
            second.write(cpu, a);
        }
    }

    private static final class ExchangeAndAdd extends TwoOperandOp {
        ExchangeAndAdd(Place first, Place second) {
            super(first, second);
        }

        @Override
        void execute(Cpu cpu) {
            long b = second.read(cpu);
            long a = first.readForUpdate(cpu);
            second.write(cpu, a);
            first.update(cpu, Alu.add(cpu, a, b, first.bits));
        }
    }

    /** Memory is written also when the comparison fails; a register is not, so that the upper half of a 32-bit one stays. */
    private static final class CompareAndExchange extends TwoOperandOp {
        private final Place accumulator;

        CompareAndExchange(Place first, Place second) {
            super(first, second);
            this.accumulator = Place.register(VcpuState.RAX, first.size);
        }

        @Override
        void execute(Cpu cpu) {
            long value = second.read(cpu);
            long old = first.readForUpdate(cpu);
            long expected = accumulator.read(cpu);
            if (old == expected) {
                first.update(cpu, value);
            } else {
                if (first.isMemory()) {
                    first.update(cpu, old);
                }
                accumulator.write(cpu, old);
            }
            Alu.subtract(cpu, expected, old, first.bits);
        }
    }

    private static final class CompareAndExchange8 extends MemoryOp {
        CompareAndExchange8(Address address) {
            super(address);
        }

        @Override
        void execute(Cpu cpu) {
            long expected = pair(cpu, VcpuState.RDX, VcpuState.RAX);
            long old = cpu.rmwLoad(address.linearForWrite(cpu, 8), 8);
            boolean equal = old == expected;
            cpu.rmwStore(8, equal ? pair(cpu, VcpuState.RCX, VcpuState.RBX) : old);
            if (!equal) {
                cpu.gpr[VcpuState.RAX] = old & 0xFFFF_FFFFL;
                cpu.gpr[VcpuState.RDX] = old >>> 32;
            }
            cpu.flags.zero(equal);
        }

        private static long pair(Cpu cpu, int high, int low) {
            return cpu.gpr[high] << 32 | cpu.gpr[low] & 0xFFFF_FFFFL;
        }
    }

    private static final class CompareAndExchange16 extends MemoryOp {
        CompareAndExchange16(Address address) {
            super(address);
        }

        @Override
        void execute(Cpu cpu) {
            long linear = address.linearForWrite(cpu, 16);
            if ((linear & 15) != 0) {
                throw cpu.fault(Vector.GENERAL_PROTECTION);
            }
            cpu.probeWrite(linear, 16);
            long low = cpu.rmwLoad(linear, 8);
            long high = cpu.rmwLoad(linear + 8, 8);
            boolean equal = low == cpu.gpr[VcpuState.RAX] && high == cpu.gpr[VcpuState.RDX];
            if (equal) {
                cpu.store64(linear, cpu.gpr[VcpuState.RBX]);
                cpu.store64(linear + 8, cpu.gpr[VcpuState.RCX]);
            } else {
                cpu.gpr[VcpuState.RAX] = low;
                cpu.gpr[VcpuState.RDX] = high;
            }
            cpu.flags.zero(equal);
        }
    }
}
