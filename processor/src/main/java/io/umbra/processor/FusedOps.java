package io.umbra.processor;

import io.umbra.processor.fp.Float32;
import io.umbra.processor.fp.Float64;
import io.umbra.processor.fp.FloatEnvironment;
import io.umbra.x86.VcpuState;

/**
 * FMA: a · b + c with one rounding. The three digits of a name say which operands are a, b and c: 132 is first · third + second. An N negates the product, SUB subtracts c; ADDSUB subtracts it from even
 * elements and adds it to odd ones, SUBADD the reverse.
 */
final class FusedOps {
    private FusedOps() {}

    static Op make(Instruction i, int offsetInPage) {
        return new Fused(i, offsetInPage);
    }

    private static final class Fused extends Op {
        private final boolean doubles;
        private final boolean scalar;
        private final int quadwords;
        private final int order;
        private final boolean negatesProduct;
        private final boolean subtractsEven;
        private final boolean subtractsOdd;
        /** As {@link VectorPlace#register}. */
        private final int first;

        private final int second;
        private final VectorPlace third;

        Fused(Instruction i, int offsetInPage) {
            String name = i.mnemonic.name();
            int digits = name.length() - 5;
            String operation = name.substring(2, digits);
            order = Integer.parseInt(name.substring(digits, digits + 3));
            doubles = name.endsWith("D");
            scalar = name.charAt(name.length() - 2) == 'S';
            negatesProduct = operation.startsWith("N");
            subtractsEven = operation.endsWith("MSUB") || operation.equals("MADDSUB");
            subtractsOdd = operation.endsWith("MSUB") || operation.equals("MSUBADD");
            quadwords = scalar ? 1 : i.vectorLength / 8;
            first = 2 * i.operands[0].register();
            second = 2 * i.operands[1].register();
            third = VectorPlace.of(i, 2, offsetInPage);
        }

        @Override
        void execute(Cpu cpu) {
            cpu.checkAvx();
            VcpuState state = cpu.state;
            long[] result = cpu.lanes;
            result[0] = third.low(cpu);
            result[1] = third.size > 8 ? third.high(cpu) : 0;
            result[2] = third.size > 16 ? third.third(cpu) : 0;
            result[3] = third.size > 16 ? third.fourth(cpu) : 0;
            FloatEnvironment env = Mxcsr.begin(cpu);
            for (int n = 0; n < quadwords; n++) {
                long[] halves = n < 2 ? state.xmm : state.ymmHigh;
                long x = halves[first + (n & 1)];
                long y = halves[second + (n & 1)];
                result[n] = doubles ? element(x, y, result[n], (n & 1) != 0, env) : pair(x, y, result[n], env);
            }
            Mxcsr.finish(cpu, env);
            state.xmm[first] = result[0];
            if (!scalar) {
                state.xmm[first + 1] = result[1];
            }
            state.ymmHigh[first] = quadwords > 2 ? result[2] : 0;
            state.ymmHigh[first + 1] = quadwords > 2 ? result[3] : 0;
        }

        /** The sum of the right operands, in the order 132, 213 or 231. */
        private long element(long x, long y, long z, boolean odd, FloatEnvironment env) {
            long a = order == 132 ? x : y;
            long b = order == 213 ? x : z;
            long c = order == 132 ? y : order == 213 ? z : x;
            return Float64.fusedMultiplyAdd(
                    negatesProduct ? Float64.negated(a) : a,
                    b,
                    (odd ? subtractsOdd : subtractsEven) ? Float64.negated(c) : c,
                    env);
        }

        private long pair(long x, long y, long z, FloatEnvironment env) {
            long even = element((int) x, (int) y, (int) z, subtractsEven, env) & 0xFFFF_FFFFL;
            int odd = scalar
                    ? (int) (x >>> 32)
                    : element((int) (x >>> 32), (int) (y >>> 32), (int) (z >>> 32), subtractsOdd, env);
            return even | (long) odd << 32;
        }

        private int element(int x, int y, int z, boolean subtracts, FloatEnvironment env) {
            int a = order == 132 ? x : y;
            int b = order == 213 ? x : z;
            int c = order == 132 ? y : order == 213 ? z : x;
            return Float32.fusedMultiplyAdd(
                    negatesProduct ? Float32.negated(a) : a, b, subtracts ? Float32.negated(c) : c, env);
        }

        @Override
        boolean isStackOperand() {
            return third.isOnStack();
        }
    }
}
