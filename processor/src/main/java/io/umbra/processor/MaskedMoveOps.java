package io.umbra.processor;

import io.umbra.x86.VcpuState;

/**
 * VMASKMOVPS, VMASKMOVPD, VPMASKMOVD, VPMASKMOVQ: the sign of each element of the first source says whether that element takes part. What does not is neither accessed nor checked. A load gives
 * zeroes there, a store leaves memory as it is.
 */
final class MaskedMoveOps {
    private MaskedMoveOps() {}

    /** @param element in bytes */
    static Op make(int element, Instruction i, int offsetInPage) {
        return i.operands[0].isMemory() ? new Store(element, i, offsetInPage) : new Load(element, i, offsetInPage);
    }

    private abstract static class Masked extends MemoryOp {
        final int element;
        final int elements;
        /** As {@link VectorPlace#register}. */
        final int register;

        private final int mask;
        private final SegmentOffset memory;

        Masked(int element, int register, Instruction i, int offsetInPage) {
            super(i.address(offsetInPage));
            this.element = element;
            this.elements = i.vectorLength / element;
            this.register = 2 * register;
            this.mask = 2 * i.operands[1].register();
            this.memory = SegmentOffset.of(address, i.mode == 64);
        }

        /** @return the sign of element 0 in bit 0, and so on */
        final int signs(VcpuState state) {
            int signs = 0;
            for (int n = 0; n < elements; n++) {
                signs |= (int) (quadword(state, mask, n) >>> shift(n) + 8 * element - 1 & 1) << n;
            }
            return signs;
        }

        /** The one that holds element {@code n}. */
        final long quadword(VcpuState state, int first, int n) {
            int byteOffset = n * element;
            return (byteOffset < 16 ? state.xmm : state.ymmHigh)[first + (byteOffset >> 3 & 1)];
        }

        final int shift(int n) {
            return 8 * (n * element & 7);
        }

        final long linear(Cpu cpu, int n, boolean write) {
            return memory.linear(cpu, address.offset(cpu) + (long) n * element, element, write);
        }
    }

    private static final class Load extends Masked {
        Load(int element, Instruction i, int offsetInPage) {
            super(element, i.operands[0].register(), i, offsetInPage);
        }

        @Override
        void execute(Cpu cpu) {
            cpu.checkAvx();
            int signs = signs(cpu.state);
            long[] result = cpu.lanes;
            result[0] = result[1] = result[2] = result[3] = 0;
            for (int n = 0; n < elements; n++) {
                if ((signs >> n & 1) != 0) {
                    result[n * element >> 3] |= cpu.load(linear(cpu, n, false), element) << shift(n);
                }
            }
            cpu.state.xmm[register] = result[0];
            cpu.state.xmm[register + 1] = result[1];
            cpu.state.ymmHigh[register] = result[2];
            cpu.state.ymmHigh[register + 1] = result[3];
        }
    }

    private static final class Store extends Masked {
        Store(int element, Instruction i, int offsetInPage) {
            super(element, i.operands[2].register(), i, offsetInPage);
        }

        @Override
        void execute(Cpu cpu) {
            cpu.checkAvx();
            int signs = signs(cpu.state);
            for (int n = 0; n < elements; n++) {
                if ((signs >> n & 1) != 0) {
                    cpu.probeWrite(linear(cpu, n, true), element);
                }
            }
            for (int n = 0; n < elements; n++) {
                if ((signs >> n & 1) != 0) {
                    long value = quadword(cpu.state, register, n) >>> shift(n);
                    cpu.store(linear(cpu, n, true), element, value & Place.mask(element));
                }
            }
        }
    }
}
