package io.umbra.processor.conformance;

import io.umbra.processor.OpcodeTables;
import io.umbra.processor.VectorOperands;
import io.umbra.x86.RFlags;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Random;

/**
 * Random registers, flags and memory for an encoding: whatever it addresses lies within {@link Layout#REACH} of the data's middle, often across the page boundary there;
 * divisions do not overflow; comparisons succeed now and then; what POPF loads leaves TF and AC clear.
 */
final class Preparation {
    private static final int RAX = 0, RCX = 1, RDX = 2, RBX = 3, RSP = 4, RBP = 5, RSI = 6, RDI = 7;
    private static final long UNPOPPED = RFlags.TRAP | RFlags.ALIGNMENT_CHECK;

    private final Random random;
    private final long middle;
    final long[] gpr = new long[16];
    long rflags;
    /** What is within reach of the middle. */
    final byte[] window = new byte[2 * Layout.REACH];

    private final ByteBuffer memory = ByteBuffer.wrap(window).order(ByteOrder.LITTLE_ENDIAN);
    private Encoding e;
    /** Linear address of the memory operand. */
    private long target;

    Preparation(Random random, long middle) {
        this.random = random;
        this.middle = middle;
        this.e = Encoding.NOTHING;
    }

    /** @return false when no operands were found that the instruction completes with */
    boolean prepare(Encoding encoding) {
        e = encoding;
        for (int attempt = 0; attempt < 64; attempt++) {
            randomise();
            if (encoding.hasMemory && !encoding.row.onlyAddresses()) {
                address();
            }
            adjust();
            narrow();
            if (!overflows() && !isMisaligned()) {
                return true;
            }
        }
        return false;
    }

    /** In 32-bit code the upper halves are not seen, and not kept by every processor. */
    private void narrow() {
        for (int register = 0; register < 8 && !e.mode.is64(); register++) {
            gpr[register] &= 0xFFFF_FFFFL;
        }
    }

    private void randomise() {
        for (int register = 0; register < 16; register++) {
            gpr[register] = OperandValues.next(random);
        }
        if (e.row.usesStack()) {
            gpr[RSP] = near(96) & (random.nextBoolean() ? -8 : -1);
        }
        rflags = random.nextLong() & (RFlags.STATUS | RFlags.DIRECTION) | RFlags.ALWAYS_ONE | RFlags.INTERRUPT;
        boolean repetitive = e.row.isString() && random.nextBoolean();
        long filler = OperandValues.next(random) & 0xFF;
        for (int at = 0; at < window.length; at += 8) {
            memory.putLong(at, repetitive ? filler * 0x0101_0101_0101_0101L : element());
        }
        if (repetitive) {
            window[Layout.REACH - 40 + random.nextInt(80)] ^= 1;
            gpr[RAX] = filler * 0x0101_0101_0101_0101L;
        }
    }

    private long element() {
        return OpcodeTables.isVector(e.mnemonic()) ? VectorOperands.half(random) : OperandValues.next(random);
    }

    private long near(int distance) {
        return middle - distance + random.nextInt(2 * distance);
    }

    /** A value that is {@code wanted} in as many bytes as addresses have, and anything above. */
    private long ofAddressSize(long wanted) {
        return e.addressSize == 8 ? wanted : random.nextLong() << 32 | wanted & 0xFFFF_FFFFL;
    }

    // ---- addresses
    // ---------------------------------------------------------------------------------------------------------

    private void address() {
        target = e.align(near(96));
        if (e.hasFixedAddress()) {
            target = e.fixedAddress;
        } else if (e.row.usesStack() && e.base == RSP) {
            target = gpr[RSP] + e.displacement;
        } else if (e.index < 0) {
            gpr[e.base] = ofAddressSize(target - e.displacement);
        } else if (e.base < 0) {
            long scaled = target - e.displacement & -(1L << e.scale);
            target = scaled + e.displacement;
            gpr[e.index] = ofAddressSize(scaled >> e.scale);
        } else if (e.base == e.index) {
            doubleBase();
        } else {
            gpr[e.base] = ofAddressSize(target - e.displacement - (gpr[e.index] << e.scale));
        }
    }

    /** r × (1 + 2^scale) + displacement = target; an odd factor has an inverse modulo 2^64. */
    private void doubleBase() {
        long wanted = target - e.displacement;
        if (e.scale == 0) {
            target -= wanted & 1;
            gpr[e.base] = ofAddressSize((wanted & -2L) >> 1);
            return;
        }
        long factor = 1 + (1L << e.scale);
        long inverse = BigInteger.valueOf(factor)
                .modInverse(BigInteger.ONE.shiftLeft(64))
                .longValue();
        gpr[e.base] = ofAddressSize(wanted * inverse);
    }

    /** A base that is its own index, or a scaled index alone, cannot reach every place. */
    private boolean isMisaligned() {
        return e.hasMemory && !e.row.onlyAddresses() && e.align(target) != target;
    }

    // ---- what single instructions need
    // -------------------------------------------------------------------------------------

    private void adjust() {
        switch (e.mnemonic()) {
            case "MOVS", "CMPS", "STOS", "SCAS", "LODS" -> string();
            case "XLAT" -> gpr[RBX] = ofAddressSize(near(96) - (gpr[RAX] & 0xFF));
            case "LOOP", "LOOPE", "LOOPNE", "JCXZ" -> {
                if (random.nextBoolean()) {
                    gpr[RCX] = ofAddressSize(random.nextInt(3));
                }
            }
            case "MASKMOVQ", "MASKMOVDQU" -> gpr[RDI] = ofAddressSize(near(96));
            case "LDMXCSR" -> memory.putInt(place(target), memory.getInt(place(target)) & 0xFFFF | 0x1F80);
            case "CMPXCHG" -> equalAccumulator();
            case "CMPXCHG8B" -> equalPair(4);
            case "CMPXCHG16B" -> equalPair(8);
            case "DIV", "IDIV" -> smallerDividend();
            case "POPF" -> {
                int at = place(gpr[RSP]);
                memory.putLong(at, memory.getLong(at) & ~UNPOPPED);
            }
            case "ENTER", "LEAVE" -> gpr[RBP] = near(96);
            case "RET_NEAR" -> memory.putLong(place(gpr[RSP]), pad());
            case "CALL_NEAR", "JMP_NEAR" -> throughOperand();
            case "BOUND" -> bounds();
            default -> {
                if (e.row.isBitString() && e.hasMemory) {
                    bitOffset();
                }
            }
        }
    }

    /** In the window. */
    private int place(long linear) {
        return (int) (linear - middle) + Layout.REACH;
    }

    private long pad() {
        return random.nextBoolean() ? e.slot.backward() : e.slot.forward();
    }

    private void throughOperand() {
        if (e.hasMemory) {
            memory.putLong(place(target), pad());
        } else if (e.row.operands().contains("Ev")) {
            gpr[e.rm] = pad();
        }
    }

    private void string() {
        gpr[RSI] = ofAddressSize(near(96));
        gpr[RDI] = ofAddressSize(near(96));
        if (e.repeats) {
            gpr[RCX] = ofAddressSize(random.nextInt(random.nextBoolean() ? 3 : 20));
        }
    }

    private void equalAccumulator() {
        if (random.nextBoolean() && !e.addresses(RAX)) {
            boolean highByte = e.operandSize == 1 && !e.hasRex && e.rm >= 4 && e.rm < 8;
            gpr[RAX] = e.hasMemory ? memory.getLong(place(target)) : highByte ? gpr[e.rm - 4] >> 8 : gpr[e.rm];
        }
    }

    private void equalPair(int half) {
        if (random.nextBoolean() && !e.addresses(RAX) && !e.addresses(RDX)) {
            gpr[RAX] = memory.getLong(place(target));
            gpr[RDX] = memory.getLong(place(target) + half);
        }
    }

    private void bitOffset() {
        long offset = random.nextLong(1600) - 800;
        int above = 64 - 8 * e.operandSize;
        gpr[e.reg] = above == 0 ? offset : random.nextLong() << 64 - above | offset << above >>> above;
    }

    /** Both bounds included. */
    private void bounds() {
        int at = place(target);
        int above = 64 - 8 * e.operandSize;
        long index = gpr[e.reg] << above >> above;
        long lowest = Long.MIN_VALUE >> above;
        boolean tight = random.nextBoolean();
        long lower = tight ? index : lowest;
        long upper = random.nextBoolean() ? index : ~lowest;
        memory.putLong(at, upper << 8 * e.operandSize | lower & -1L >>> above);
    }

    // ---- division
    // ----------------------------------------------------------------------------------------------------------

    /** Makes the quotient likely to fit. */
    private void smallerDividend() {
        if (e.operandSize == 1) {
            if (!e.addresses(RAX) && random.nextBoolean()) {
                gpr[RAX] = gpr[RAX] & ~0xFF00L | random.nextLong(1 + (divisor() >>> 1)) << 8;
            }
        } else if (!e.addresses(RDX) && (e.hasMemory || e.rm != RDX)) {
            int bits = 64 - 8 * e.operandSize;
            long half = divisor() >>> 1;
            long upper = e.mnemonic().equals("DIV") ? divisor() - 1 : (divisor() << bits >> bits) / 2;
            gpr[RDX] = switch (random.nextInt(4)) {
                case 0 -> 0;
                case 1 -> e.mnemonic().equals("DIV") ? upper : gpr[RAX] << bits >> 63;
                case 2 -> half == 0 ? 0 : upper / (1 + random.nextInt(9));
                default -> half == 0 ? 0 : Long.remainderUnsigned(gpr[RDX], half);
            };
        }
    }

    /** Zero-extended. */
    private long divisor() {
        int above = 64 - 8 * e.operandSize;
        if (e.hasMemory) {
            return memory.getLong(place(target)) << above >>> above;
        }
        boolean highByte = e.operandSize == 1 && !e.hasRex && e.rm >= 4 && e.rm < 8;
        return (highByte ? gpr[e.rm - 4] >> 8 : gpr[e.rm]) << above >>> above;
    }

    private boolean overflows() {
        boolean signed = e.mnemonic().equals("IDIV");
        if (!signed && !e.mnemonic().equals("DIV")) {
            return false;
        }
        if (divisor() == 0) {
            return true;
        }
        int bits = 8 * e.operandSize;
        BigInteger modulus = BigInteger.ONE.shiftLeft(bits);
        BigInteger low = unsigned(gpr[RAX]).mod(modulus);
        BigInteger high = bits == 8
                ? unsigned(gpr[RAX] >>> 8).mod(modulus)
                : unsigned(gpr[RDX]).mod(modulus);
        BigInteger dividend = high.shiftLeft(bits).add(low);
        BigInteger divisor = unsigned(divisor());
        if (!signed) {
            return dividend.divide(divisor).bitLength() > bits;
        }
        BigInteger quotient = signed(dividend, 2 * bits).divide(signed(divisor, bits));
        return quotient.bitLength() > bits - 1;
    }

    private static BigInteger unsigned(long value) {
        return new BigInteger(Long.toUnsignedString(value));
    }

    private static BigInteger signed(BigInteger value, int bits) {
        return value.testBit(bits - 1) ? value.subtract(BigInteger.ONE.shiftLeft(bits)) : value;
    }
}
