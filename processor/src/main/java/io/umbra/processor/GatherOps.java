package io.umbra.processor;

import io.umbra.x86.VcpuState;

/**
 * The gathers of AVX2: VGATHERDPS, VGATHERDPD, VGATHERQPS, VGATHERQPD and their integer names. Each element comes from an address of its own, if the sign of the same element of the mask says so.
 * Intel SDM vol. 2C, "VPGATHERDD".
 *
 * <p>The mask's elements first become all ones or zeroes. Then, from the lowest on, an element is loaded and its mask becomes zero. Where one faults, those below it are complete and both registers
 * show it, so that the instruction goes on from there when it is started again; this is the only exception to OP-1 beside REP. At the end the whole mask register is zero, and the destination above the
 * last element. A gather has no destination bits to clear before it is at its end.
 */
final class GatherOps {
    private GatherOps() {}

    /**
     * @param index width of an index, in bytes: 4 (sign-extended) or 8
     * @param element width of an element, in bytes
     */
    static Op make(int index, int element, Instruction i) {
        return new Gather(index, element, i);
    }

    private static final class Gather extends Op {
        private final int index;
        private final int element;
        private final int elements;
        /** As {@link VectorPlace#register}. */
        private final int to;

        private final int indices;
        private final int mask;
        private final int scale;
        /** Base and displacement only. */
        private final Address address;

        private final SegmentOffset memory;

        Gather(int index, int element, Instruction i) {
            this.index = index;
            this.element = element;
            this.elements = i.vectorLength / Math.max(index, element);
            this.to = 2 * i.operands[0].register();
            this.mask = 2 * i.operands[2].register();
            this.indices = 2 * i.index;
            this.scale = i.scale;
            this.address = new Address(
                    i.segment, i.base, Instruction.NO_REGISTER, 0, i.displacement, i.addressSize, false, i.mode == 64);
            this.memory = SegmentOffset.of(address, i.mode == 64);
        }

        @Override
        void execute(Cpu cpu) {
            cpu.checkAvx();
            VcpuState state = cpu.state;
            for (int n = 0; n < elements; n++) {
                put(state, mask, n, -(get(state, mask, n, element) >>> 8 * element - 1));
            }
            for (int n = 0; n < elements; n++) {
                if (get(state, mask, n, element) != 0) {
                    put(state, to, n, cpu.load(linear(cpu, n), element));
                    put(state, mask, n, 0);
                }
            }
            clearAbove(state, to, elements * element);
            clearAbove(state, mask, 0);
        }

        private long linear(Cpu cpu, int n) {
            long value = get(cpu.state, indices, n, index);
            long signed = index == 4 ? (int) value : value;
            return memory.linear(cpu, address.offset(cpu) + (signed << scale), element, false);
        }

        /** Element {@code n} of a vector, zero-extended. */
        private static long get(VcpuState state, int register, int n, int size) {
            int at = n * size;
            long quadword = (at < 16 ? state.xmm : state.ymmHigh)[register + (at >> 3 & 1)];
            return quadword >>> 8 * (at & 7) & Place.mask(size);
        }

        private void put(VcpuState state, int register, int n, long value) {
            int at = n * element;
            long[] halves = at < 16 ? state.xmm : state.ymmHigh;
            int half = register + (at >> 3 & 1);
            int shift = 8 * (at & 7);
            long kept = ~(Place.mask(element) << shift);
            halves[half] = halves[half] & kept | (value & Place.mask(element)) << shift;
        }

        /** @param bytes 0, 8, 16 or 32 */
        private static void clearAbove(VcpuState state, int register, int bytes) {
            for (int at = bytes; at < 32; at += 8) {
                (at < 16 ? state.xmm : state.ymmHigh)[register + (at >> 3 & 1)] = 0;
            }
        }

        @Override
        boolean isStackOperand() {
            return address.isStack();
        }
    }
}
