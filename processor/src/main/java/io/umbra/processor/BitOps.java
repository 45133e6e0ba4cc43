package io.umbra.processor;

import io.umbra.processor.Instruction.Operand;
import io.umbra.x86.RFlags;

/** BT, BTS, BTR, BTC, BSF, BSR, POPCNT, CRC32. */
final class BitOps {
    /** Numbered as in the reg field of group 8. */
    static final int TEST = 4;

    static final int SET = 5;
    static final int RESET = 6;
    static final int COMPLEMENT = 7;

    private BitOps() {}

    static Op bit(int operation, Instruction i, int offsetInPage) {
        Operand first = i.operands[0];
        Operand second = i.operands[1];
        if (first.isMemory() && second.isGeneral()) {
            Address address = i.address(offsetInPage);
            return new BitString(operation, address, first.size(), second.register(), i.mode == 64);
        }
        Place index = Place.of(i, 1, first.size(), offsetInPage);
        Place target = Place.of(i, 0, offsetInPage);
        return operation == TEST ? new TestBit(target, index) : new ChangeBit(operation, target, index);
    }

    static Op scanForward(Instruction i, int offsetInPage) {
        return new ScanForward(Place.of(i, 0, offsetInPage), Place.of(i, 1, offsetInPage));
    }

    static Op scanReverse(Instruction i, int offsetInPage) {
        return new ScanReverse(Place.of(i, 0, offsetInPage), Place.of(i, 1, offsetInPage));
    }

    static Op countOnes(Instruction i, int offsetInPage) {
        return new CountOnes(Place.of(i, 0, offsetInPage), Place.of(i, 1, offsetInPage));
    }

    static Op crc32(Instruction i, int offsetInPage) {
        return new Crc32(Place.of(i, 0, offsetInPage), Place.of(i, 1, offsetInPage));
    }

    private static long changed(int operation, long value, long bit) {
        return switch (operation) {
            case SET -> value | bit;
            case RESET -> value & ~bit;
            case COMPLEMENT -> value ^ bit;
            default -> value;
        };
    }

    private static final class TestBit extends TwoOperandOp {
        TestBit(Place first, Place second) {
            super(first, second);
        }

        @Override
        void execute(Cpu cpu) {
            int n = (int) second.read(cpu) & first.bits - 1;
            cpu.flags.carry((first.read(cpu) >>> n & 1) != 0);
        }
    }

    private static final class ChangeBit extends TwoOperandOp {
        private final int operation;

        ChangeBit(int operation, Place first, Place second) {
            super(first, second);
            this.operation = operation;
        }

        @Override
        void execute(Cpu cpu) {
            int n = (int) second.read(cpu) & first.bits - 1;
            long value = first.readForUpdate(cpu);
            first.update(cpu, changed(operation, value, 1L << n));
            cpu.flags.carry((value >>> n & 1) != 0);
        }
    }

    /** The index in a register is signed and reaches the whole segment: the operand that holds the bit is read and written, in its own size. */
    private static final class BitString extends MemoryOp {
        private final int operation;
        private final int size;
        private final int index;
        private final SegmentOffset string;

        BitString(int operation, Address address, int size, int index, boolean mode64) {
            super(address);
            this.operation = operation;
            this.size = size;
            this.index = index;
            this.string = SegmentOffset.of(address, mode64);
        }

        @Override
        void execute(Cpu cpu) {
            int unused = 64 - 8 * size;
            long n = cpu.gpr[index] << unused >> unused;
            int bit = (int) n & 8 * size - 1;
            long distance = (n - bit) / 8;
            boolean changes = operation != TEST;
            long linear = string.linear(cpu, address.offset(cpu) + distance, size, changes);
            long value = changes ? cpu.rmwLoad(linear, size) : cpu.load(linear, size);
            if (changes) {
                cpu.rmwStore(size, changed(operation, value, 1L << bit));
            }
            cpu.flags.carry((value >>> bit & 1) != 0);
        }
    }

    private static void found(Cpu cpu, long source, int index) {
        cpu.flags.logic(source == 0 ? 0 : 1L << 32 | index, 64);
    }

    /** With a source of zero the destination stays as it is, all 64 bits of it (AMD APM vol. 3). The flags but ZF are undefined: as for logic. */
    private static final class ScanForward extends TwoOperandOp {
        ScanForward(Place first, Place second) {
            super(first, second);
        }

        @Override
        void execute(Cpu cpu) {
            long source = second.read(cpu);
            if (source != 0) {
                first.write(cpu, Long.numberOfTrailingZeros(source));
            }
            found(cpu, source, Long.numberOfTrailingZeros(source));
        }
    }

    private static final class ScanReverse extends TwoOperandOp {
        ScanReverse(Place first, Place second) {
            super(first, second);
        }

        @Override
        void execute(Cpu cpu) {
            long source = second.read(cpu);
            if (source != 0) {
                first.write(cpu, 63 - Long.numberOfLeadingZeros(source));
            }
            found(cpu, source, 63 - Long.numberOfLeadingZeros(source));
        }
    }

    /** All flags but ZF are cleared, PF too. */
    private static final class CountOnes extends TwoOperandOp {
        CountOnes(Place first, Place second) {
            super(first, second);
        }

        @Override
        void execute(Cpu cpu) {
            long source = second.read(cpu);
            first.write(cpu, Long.bitCount(source));
            cpu.flags.fromRFlags(source == 0 ? RFlags.ZERO : 0);
        }
    }

    /** Accumulates with the Castagnoli polynomial 0x11EDC6F41, reflected and not inverted. */
    private static final class Crc32 extends TwoOperandOp {
        private static final int POLYNOMIAL = 0x82F6_3B78;

        Crc32(Place first, Place second) {
            super(first, second);
        }

        @Override
        void execute(Cpu cpu) {
            long data = second.read(cpu);
            int crc = (int) first.read(cpu);
            for (int n = 0; n < second.bits; n += 8) {
                crc ^= (int) (data >>> n) & 0xFF;
                for (int bit = 0; bit < 8; bit++) {
                    crc = crc >>> 1 ^ -(crc & 1) & POLYNOMIAL;
                }
            }
            first.write(cpu, crc & 0xFFFF_FFFFL);
        }
    }
}
