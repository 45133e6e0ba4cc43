package io.umbra.processor;

import io.umbra.x86.HostMemory;
import io.umbra.x86.VcpuState;

/** MOVS, STOS, LODS, CMPS, SCAS. */
final class StringOps {
    private StringOps() {}

    static final class Move extends StringOp {
        Move(Instruction i) {
            super(i);
        }

        @Override
        void iterate(Cpu cpu) {
            long value = cpu.load(source.linear(cpu, cpu.gpr[VcpuState.RSI], size, false), size);
            cpu.store(target.linear(cpu, cpu.gpr[VcpuState.RDI], size, true), size, value);
            advance(cpu, VcpuState.RSI, 1);
            advance(cpu, VcpuState.RDI, 1);
        }

        @Override
        long run(Cpu cpu, long most) {
            if (isBackward(cpu)) {
                return 0;
            }
            long from = source.linear(cpu, cpu.gpr[VcpuState.RSI], size, false);
            long hostFrom = hostForRead(cpu, from);
            long n = elementsWithin(cpu, source, VcpuState.RSI, from, most);
            if (hostFrom < 0 || n == 0) {
                return 0;
            }
            long to = target.linear(cpu, cpu.gpr[VcpuState.RDI], size, true);
            long hostTo = hostForWrite(cpu, to);
            n = elementsWithin(cpu, target, VcpuState.RDI, to, n);
            if (hostTo < 0 || n == 0) {
                return 0;
            }
            copy(hostFrom, hostTo, n);
            advance(cpu, VcpuState.RSI, n);
            advance(cpu, VcpuState.RDI, n);
            return n;
        }

        /** A target that starts inside of the source repeats what lies between them: only a copy of one element after the other does that. */
        private void copy(long from, long to, long n) {
            long bytes = n * size;
            if (to <= from || to >= from + bytes) {
                HostMemory.copy(from, to, bytes);
                return;
            }
            for (long at = 0; at < bytes; at += size) {
                setElement(to + at, size, element(from + at, size));
            }
        }
    }

    static final class Store extends StringOp {
        Store(Instruction i) {
            super(i);
        }

        @Override
        void iterate(Cpu cpu) {
            cpu.store(target.linear(cpu, cpu.gpr[VcpuState.RDI], size, true), size, cpu.gpr[VcpuState.RAX]);
            advance(cpu, VcpuState.RDI, 1);
        }

        @Override
        long run(Cpu cpu, long most) {
            if (isBackward(cpu)) {
                return 0;
            }
            long to = target.linear(cpu, cpu.gpr[VcpuState.RDI], size, true);
            long host = hostForWrite(cpu, to);
            long n = elementsWithin(cpu, target, VcpuState.RDI, to, most);
            if (host < 0 || n == 0) {
                return 0;
            }
            fill(host, n * size, cpu.register(VcpuState.RAX, size));
            advance(cpu, VcpuState.RDI, n);
            return n;
        }

        private void fill(long host, long bytes, long value) {
            long repeated = (value & 0xFF) * (0x0101_0101_0101_0101L & Place.mask(size));
            if (value == repeated) {
                HostMemory.fill(host, bytes, (int) value & 0xFF);
                return;
            }
            for (long at = 0; at < bytes; at += size) {
                setElement(host + at, size, value);
            }
        }
    }

    static final class Load extends StringOp {
        Load(Instruction i) {
            super(i);
        }

        @Override
        void iterate(Cpu cpu) {
            long value = cpu.load(source.linear(cpu, cpu.gpr[VcpuState.RSI], size, false), size);
            cpu.setRegister(VcpuState.RAX, size, value);
            advance(cpu, VcpuState.RSI, 1);
        }
    }

    static final class Compare extends StringOp {
        Compare(Instruction i) {
            super(i);
        }

        @Override
        void iterate(Cpu cpu) {
            long a = cpu.load(source.linear(cpu, cpu.gpr[VcpuState.RSI], size, false), size);
            long b = cpu.load(target.linear(cpu, cpu.gpr[VcpuState.RDI], size, false), size);
            Alu.subtract(cpu, a, b, 8 * size);
            advance(cpu, VcpuState.RSI, 1);
            advance(cpu, VcpuState.RDI, 1);
        }

        @Override
        boolean isLast(Cpu cpu) {
            return cpu.flags.zero() == isRepeatedWhileNotEqual();
        }

        @Override
        long run(Cpu cpu, long most) {
            if (isBackward(cpu)) {
                return 0;
            }
            long left = source.linear(cpu, cpu.gpr[VcpuState.RSI], size, false);
            long hostLeft = hostForRead(cpu, left);
            long n = elementsWithin(cpu, source, VcpuState.RSI, left, most);
            if (hostLeft < 0 || n == 0) {
                return 0;
            }
            long right = target.linear(cpu, cpu.gpr[VcpuState.RDI], size, false);
            long hostRight = hostForRead(cpu, right);
            n = elementsWithin(cpu, target, VcpuState.RDI, right, n);
            if (hostRight < 0 || n == 0) {
                return 0;
            }
            long made = compare(cpu, hostLeft, hostRight, n);
            advance(cpu, VcpuState.RSI, made);
            advance(cpu, VcpuState.RDI, made);
            return made;
        }

        private long compare(Cpu cpu, long left, long right, long n) {
            boolean untilEqual = isRepeatedWhileNotEqual();
            long a;
            long b;
            long made = 0;
            do {
                a = element(left + made * size, size);
                b = element(right + made * size, size);
                made++;
            } while (made < n && (a == b) != untilEqual);
            Alu.subtract(cpu, a, b, 8 * size);
            return made;
        }
    }

    static final class Scan extends StringOp {
        Scan(Instruction i) {
            super(i);
        }

        @Override
        void iterate(Cpu cpu) {
            long b = cpu.load(target.linear(cpu, cpu.gpr[VcpuState.RDI], size, false), size);
            Alu.subtract(cpu, cpu.gpr[VcpuState.RAX], b, 8 * size);
            advance(cpu, VcpuState.RDI, 1);
        }

        @Override
        boolean isLast(Cpu cpu) {
            return cpu.flags.zero() == isRepeatedWhileNotEqual();
        }

        @Override
        long run(Cpu cpu, long most) {
            if (isBackward(cpu)) {
                return 0;
            }
            long at = target.linear(cpu, cpu.gpr[VcpuState.RDI], size, false);
            long host = hostForRead(cpu, at);
            long n = elementsWithin(cpu, target, VcpuState.RDI, at, most);
            if (host < 0 || n == 0) {
                return 0;
            }
            long made = scan(cpu, host, n);
            advance(cpu, VcpuState.RDI, made);
            return made;
        }

        private long scan(Cpu cpu, long host, long n) {
            boolean untilEqual = isRepeatedWhileNotEqual();
            long a = cpu.register(VcpuState.RAX, size);
            long b;
            long made = 0;
            do {
                b = element(host + made * size, size);
                made++;
            } while (made < n && (a == b) != untilEqual);
            Alu.subtract(cpu, a, b, 8 * size);
            return made;
        }
    }
}
