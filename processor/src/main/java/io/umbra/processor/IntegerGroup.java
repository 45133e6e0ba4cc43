package io.umbra.processor;

import org.jspecify.annotations.Nullable;

/** Makes the operations of the general-purpose instructions: on registers, flags, memory and the stack. */
final class IntegerGroup {
    private IntegerGroup() {}

    /** @return null when {@code i} is none of these */
    static @Nullable Op make(Instruction i, int offsetInPage) {
        Op op = arithmetic(i, offsetInPage);
        if (op == null) {
            op = movement(i, offsetInPage);
        }
        return op == null ? flagsAndRest(i, offsetInPage) : op;
    }

    private static @Nullable Op arithmetic(Instruction i, int at) {
        return switch (i.mnemonic) {
            case ADD -> AluOps.make(Alu.ADD, i, at);
            case OR -> AluOps.make(Alu.OR, i, at);
            case ADC -> AluOps.make(Alu.ADC, i, at);
            case SBB -> AluOps.make(Alu.SBB, i, at);
            case AND -> AluOps.make(Alu.AND, i, at);
            case SUB -> AluOps.make(Alu.SUB, i, at);
            case XOR -> AluOps.make(Alu.XOR, i, at);
            case CMP -> AluOps.make(Alu.CMP, i, at);
            case TEST -> AluOps.make(Alu.TEST, i, at);
            case INC -> UnaryOps.increment(i, at);
            case DEC -> UnaryOps.decrement(i, at);
            case NEG -> UnaryOps.negate(i, at);
            case NOT -> UnaryOps.not(i, at);
            case ROL -> ShiftOps.make(Shifter.ROL, i, at);
            case ROR -> ShiftOps.make(Shifter.ROR, i, at);
            case RCL -> ShiftOps.make(Shifter.RCL, i, at);
            case RCR -> ShiftOps.make(Shifter.RCR, i, at);
            case SHL -> ShiftOps.make(Shifter.SHL, i, at);
            case SHR -> ShiftOps.make(Shifter.SHR, i, at);
            case SAR -> ShiftOps.make(Shifter.SAR, i, at);
            case SHLD -> ShiftOps.makeDouble(true, i, at);
            case SHRD -> ShiftOps.makeDouble(false, i, at);
            case MUL -> MultiplyDivideOps.multiply(i, at);
            case IMUL -> MultiplyDivideOps.multiplySigned(i, at);
            case DIV -> MultiplyDivideOps.divide(i, at);
            case IDIV -> MultiplyDivideOps.divideSigned(i, at);
            case CBW -> MultiplyDivideOps.extendAccumulator(i);
            case CWD -> MultiplyDivideOps.extendIntoHighHalf(i);
            case BT -> BitOps.bit(BitOps.TEST, i, at);
            case BTS -> BitOps.bit(BitOps.SET, i, at);
            case BTR -> BitOps.bit(BitOps.RESET, i, at);
            case BTC -> BitOps.bit(BitOps.COMPLEMENT, i, at);
            case BSF -> BitOps.scanForward(i, at);
            case BSR -> BitOps.scanReverse(i, at);
            case POPCNT -> BitOps.countOnes(i, at);
            case TZCNT -> BmiOps.count(false, i, at);
            case LZCNT -> BmiOps.count(true, i, at);
            case ANDN, BEXTR, BLSI, BLSMSK, BLSR -> BmiOps.make(i, at);
            case BZHI, MULX, PDEP, PEXT, RORX, SARX, SHLX, SHRX -> BmiOps.make(i, at);
            case CRC32 -> BitOps.crc32(i, at);
            default -> null;
        };
    }

    private static @Nullable Op movement(Instruction i, int at) {
        return switch (i.mnemonic) {
            case MOV, MOVNTI -> MoveOps.move(i, at);
            case MOVZX -> MoveOps.moveZeroExtended(i, at);
            case MOVSX, MOVSXD -> MoveOps.moveSignExtended(i, at);
            case MOVBE -> MoveOps.moveSwapped(i, at);
            case LEA -> MoveOps.loadAddress(i, at);
            case CMOVCC -> MoveOps.conditionalMove(i, at);
            case SETCC -> MoveOps.set(i, at);
            case BSWAP -> MoveOps.byteSwap(i);
            case XLAT -> MoveOps.translate(i);
            case MOV_SEG -> SegmentOps.move(i, at);
            case PUSH_SEG -> SegmentOps.push(i);
            case POP_SEG -> SegmentOps.pop(i);
            case XCHG -> ExchangeOps.exchange(i, at);
            case XADD -> ExchangeOps.exchangeAndAdd(i, at);
            case CMPXCHG -> ExchangeOps.compareAndExchange(i, at);
            case CMPXCHG8B -> ExchangeOps.compareAndExchange8(i, at);
            case CMPXCHG16B -> ExchangeOps.compareAndExchange16(i, at);
            case PUSH -> StackOps.push(i, at);
            case POP -> StackOps.pop(i, at);
            case PUSHA -> StackOps.pushAll(i);
            case POPA -> StackOps.popAll(i);
            case ENTER -> StackOps.enter(i);
            case LEAVE -> StackOps.leave(i);
            default -> null;
        };
    }

    private static @Nullable Op flagsAndRest(Instruction i, int at) {
        return switch (i.mnemonic) {
            case CLC -> new FlagOps.SetCarry(false);
            case STC -> new FlagOps.SetCarry(true);
            case CMC -> new FlagOps.ComplementCarry();
            case CLD -> new FlagOps.ClearDirection();
            case STD -> new FlagOps.SetDirection();
            case LAHF -> new FlagOps.LoadIntoAh();
            case SAHF -> new FlagOps.StoreFromAh();
            case PUSHF -> FlagOps.pushFlags(i);
            case POPF -> FlagOps.popFlags(i);
            case CLI -> new FlagOps.ClearInterrupt();
            case STI -> new FlagOps.SetInterrupt();
            case AAA -> new DecimalOps.AsciiAdjustAfterAddition();
            case AAS -> new DecimalOps.AsciiAdjustAfterSubtraction();
            case AAM -> new DecimalOps.AsciiAdjustAfterMultiplication((int) i.operands[0].value() & 0xFF);
            case AAD -> new DecimalOps.AsciiAdjustBeforeDivision((int) i.operands[0].value() & 0xFF);
            case DAA -> new DecimalOps.AdjustAfterAddition();
            case DAS -> new DecimalOps.AdjustAfterSubtraction();
            case SALC -> new DecimalOps.SetFromCarry();
            case NOP, PAUSE, PREFETCHW -> new MiscOps.Nothing();
            case LFENCE, MFENCE, SFENCE -> new MiscOps.Fence();
            case CLFLUSH -> new MiscOps.FlushLine(i.address(at));
            default -> null;
        };
    }
}
