package io.umbra.processor;

import io.umbra.processor.Instruction.Operand;
import io.umbra.x86.VcpuState;
import java.util.Locale;

/**
 * Writes an {@link Instruction} in Intel syntax, as {@code objdump -M intel} does it: lower case, hexadecimal, sizes of memory operands spelled out, branch targets as
 * addresses. Prefixes that change nothing are left out.
 */
final class Formatter {
    private static final String[] QUADWORDS = {
        "rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15"
    };
    private static final String[] LOW_BYTES = {"al", "cl", "dl", "bl", "spl", "bpl", "sil", "dil"};
    private static final String[] HIGH_BYTES = {"ah", "ch", "dh", "bh"};
    private static final String[] SEGMENTS = {"es", "cs", "ss", "ds", "fs", "gs"};
    private static final String[] CONDITIONS = {
        "o", "no", "b", "ae", "e", "ne", "be", "a", "s", "ns", "p", "np", "l", "ge", "le", "g"
    };
    private static final String[] PREFETCHES = {"prefetchnta", "prefetcht0", "prefetcht1", "prefetcht2"};

    private final Instruction instruction;
    private final long address;
    private final StringBuilder text = new StringBuilder();

    private Formatter(Instruction instruction, long address) {
        this.instruction = instruction;
        this.address = address;
    }

    /** @param address linear address (or offset in the segment) of the first byte: what branch targets count from */
    static String format(Instruction instruction, long address) {
        Formatter formatter = new Formatter(instruction, address);
        formatter.instruction();
        return formatter.text.toString();
    }

    private void instruction() {
        if (instruction.mnemonic == Mnemonic.INVALID || instruction.mnemonic == Mnemonic.TOO_LONG) {
            text.append("(bad)");
            return;
        }
        if (instruction.lock) {
            text.append("lock ");
        }
        boolean isVexForm = instruction.vex && instruction.mnemonic.group() == Mnemonic.Group.MMX_SSE;
        text.append(repeat()).append(isVexForm ? "v" : "").append(name());
        if (instruction.mnemonic.group() == Mnemonic.Group.STRING) {
            text.append(' ').append(stringOperands());
        } else if (instruction.mnemonic == Mnemonic.XLAT) {
            text.append(" BYTE PTR ")
                    .append(SEGMENTS[instruction.segment])
                    .append(":[")
                    .append(register(VcpuState.RBX, instruction.addressSize))
                    .append(']');
        }
        for (int i = 0; i < instruction.operands.length; i++) {
            text.append(i == 0 ? ' ' : ',');
            operand(i, instruction.operands[i]);
        }
    }

    // ---- names ----------------------------------------------------------------------------------------------------

    private String repeat() {
        boolean isString = instruction.mnemonic.group() == Mnemonic.Group.STRING;
        if (!isString || instruction.repeat == 0) {
            return "";
        }
        boolean compares = instruction.mnemonic == Mnemonic.CMPS || instruction.mnemonic == Mnemonic.SCAS;
        if (instruction.repeat == Instruction.REPNE) {
            return "repnz ";
        }
        return compares ? "repz " : "rep ";
    }

    private String name() {
        return switch (instruction.mnemonic) {
            case JCC -> "j" + condition();
            case SETCC -> "set" + condition();
            case CMOVCC -> "cmov" + condition();
            case MOV_CR, MOV_DR, MOV_SEG -> "mov";
            case PUSH_SEG -> "push";
            case POP_SEG -> "pop";
            case CALL_NEAR, CALL_FAR -> "call";
            case JMP_NEAR, JMP_FAR -> "jmp";
            case RET_NEAR -> "ret";
            case RET_FAR -> "retf" + sizeSuffix();
            case MOVSD_SSE -> "movsd";
            case CMPSD_SSE -> "cmpsd";
            case CBW -> bySize("cbw", "cwde", "cdqe");
            case CWD -> bySize("cwd", "cdq", "cqo");
            case IRET -> "iret" + sizeSuffix();
            case SYSRET -> "sysret" + returnSuffix();
            case SYSEXIT -> "sysexit" + returnSuffix();
            case PUSHA -> "pusha" + sizeSuffix();
            case POPA -> "popa" + sizeSuffix();
            case JCXZ ->
                switch (instruction.addressSize) {
                    case 8 -> "jrcxz";
                    case 4 -> "jecxz";
                    default -> "jcxz";
                };
            case NOP -> isPrefetch() ? PREFETCHES[instruction.modRm >> 3 & 3] : "nop";
            case PREFETCHW -> (instruction.modRm >> 3 & 7) == 1 ? "prefetchw" : "prefetch";
            default -> instruction.mnemonic.name().toLowerCase(Locale.ROOT);
        };
    }

    private boolean isPrefetch() {
        return instruction.opcode == 0x0F18 && instruction.modRm < 0xC0 && (instruction.modRm >> 3 & 7) < 4;
    }

    private String condition() {
        return CONDITIONS[instruction.condition];
    }

    private String bySize(String two, String four, String eight) {
        return switch (instruction.operandSize) {
            case 8 -> eight;
            case 4 -> four;
            default -> two;
        };
    }

    /** Nothing for the size that the code's mode gives. */
    private String sizeSuffix() {
        int usual = instruction.mode == 16 ? 2 : 4;
        return instruction.operandSize == usual ? "" : bySize("w", "d", "q");
    }

    private String returnSuffix() {
        return instruction.mode == 64 ? bySize("d", "d", "q") : "";
    }

    private static String register(int number, int size) {
        if (number >= 8) {
            return QUADWORDS[number]
                    + switch (size) {
                        case 8 -> "";
                        case 4 -> "d";
                        case 2 -> "w";
                        default -> "b";
                    };
        }
        return switch (size) {
            case 8 -> QUADWORDS[number];
            case 4 -> "e" + QUADWORDS[number].substring(1);
            case 2 -> QUADWORDS[number].substring(1);
            default -> LOW_BYTES[number];
        };
    }

    private String sizeName(int size) {
        if (isFarTransfer()) {
            return size == 4 ? "DWORD PTR " : "FWORD PTR ";
        }
        return switch (size) {
            case 1 -> "BYTE PTR ";
            case 2 -> "WORD PTR ";
            case 4 -> "DWORD PTR ";
            case 6 -> "FWORD PTR ";
            case 8 -> "QWORD PTR ";
            case 10 -> "TBYTE PTR ";
            case 16 -> instruction.mnemonic == Mnemonic.CMPXCHG16B ? "OWORD PTR " : "XMMWORD PTR ";
            case 32 -> "YMMWORD PTR ";
            default -> "";
        };
    }

    private boolean isFarTransfer() {
        return instruction.mnemonic == Mnemonic.CALL_FAR || instruction.mnemonic == Mnemonic.JMP_FAR;
    }

    // ---- operands -------------------------------------------------------------------------------------------------

    private String stringOperands() {
        int size = instruction.operandSize;
        String source = sizeName(size) + SEGMENTS[instruction.segment] + ":["
                + register(VcpuState.RSI, instruction.addressSize) + "]";
        String destination = sizeName(size) + "es:[" + register(VcpuState.RDI, instruction.addressSize) + "]";
        String accumulator = register(VcpuState.RAX, size);
        return switch (instruction.mnemonic) {
            case MOVS -> destination + "," + source;
            case CMPS -> source + "," + destination;
            case SCAS -> accumulator + "," + destination;
            case STOS -> destination + "," + accumulator;
            case LODS -> accumulator + "," + source;
            case INS -> destination + ",dx";
            default -> "dx," + source;
        };
    }

    private void operand(int position, Operand operand) {
        switch (operand.kind()) {
            case GENERAL -> text.append(register(operand.register(), operand.size()));
            case HIGH_BYTE -> text.append(HIGH_BYTES[operand.register()]);
            case SEGMENT -> text.append(SEGMENTS[operand.register()]);
            case CONTROL -> text.append("cr").append(operand.register());
            case DEBUG -> text.append("dr").append(operand.register());
            case X87 -> text.append(isImpliedTop(position) ? "st" : "st(" + operand.register() + ")");
            case MMX -> text.append("mm").append(operand.register());
            case XMM -> text.append(vector(operand.register(), operand.size()));
            case MEMORY -> memory(operand);
            case IMMEDIATE -> text.append(isShiftByOne() ? "1" : hexadecimal(operand.value() & mask(operand.size())));
            case RELATIVE -> text.append(hexadecimal(target(operand)));
            case FAR_POINTER ->
                text.append(hexadecimal(operand.register())).append(':').append(hexadecimal(operand.value()));
        }
    }

    /** The top of stack has no number where the opcode implies it: the source of DC and DE (which store to ST(i)), the destination of all others. */
    private boolean isImpliedTop(int position) {
        boolean storesToNumbered = instruction.opcode == 0xDC || instruction.opcode == 0xDE;
        return instruction.operands.length == 2 && position == (storesToNumbered ? 1 : 0);
    }

    private boolean isShiftByOne() {
        return instruction.opcode == 0xD0 || instruction.opcode == 0xD1;
    }

    private static long mask(int size) {
        return size >= 8 ? -1 : (1L << 8 * size) - 1;
    }

    private long target(Operand operand) {
        long target = address + instruction.length + operand.value();
        return target & mask(operand.size());
    }

    private void memory(Operand operand) {
        text.append(sizeName(shownSize(operand)));
        boolean hasRegister = instruction.base >= 0 || instruction.index >= 0 || instruction.ripRelative;
        if (isSegmentShown(hasRegister)) {
            text.append(SEGMENTS[instruction.segment]).append(':');
        }
        if (!hasRegister) {
            text.append(hexadecimal(absolute()));
            return;
        }
        text.append('[');
        registers();
        displacement();
        text.append(']');
    }

    /** What is printed: also for memory that is addressed but not touched, and not where nothing else is possible. */
    private int shownSize(Operand operand) {
        boolean isOffset = instruction.opcode >= 0xA0 && instruction.opcode <= 0xA3;
        return switch (instruction.mnemonic) {
            case NOP -> isPrefetch() ? 1 : instruction.operandSize;
            case UD0, UD1 -> instruction.operandSize;
            case PREFETCHW, INVLPG -> 1;
            case SGDT, SIDT, LGDT, LIDT, LDDQU, INVPCID -> 0;
            default -> isOffset ? 0 : operand.size();
        };
    }

    private boolean isSegmentShown(boolean hasRegister) {
        boolean isEffective =
                instruction.segmentOverridden && (instruction.mode != 64 || instruction.segment >= VcpuState.FS);
        return isEffective || !hasRegister;
    }

    private long absolute() {
        return instruction.displacement & mask(instruction.addressSize);
    }

    private static String vector(int number, int size) {
        return (size == 32 ? "ymm" : "xmm") + number;
    }

    private void registers() {
        if (instruction.ripRelative) {
            text.append(instruction.addressSize == 8 ? "rip" : "eip");
        }
        if (instruction.base >= 0) {
            text.append(register(instruction.base, instruction.addressSize));
        }
        if (instruction.index >= 0) {
            String index = instruction.indexSize != 0
                    ? vector(instruction.index, instruction.indexSize)
                    : register(instruction.index, instruction.addressSize);
            text.append(instruction.base >= 0 ? "+" : "").append(index);
            if (instruction.addressSize != 2) {
                text.append('*').append(1 << instruction.scale);
            }
        }
    }

    private void displacement() {
        long value = instruction.displacement;
        boolean isEncoded = (instruction.modRm >> 6) != 0 || instruction.base < 0;
        if (instruction.ripRelative) {
            text.append('+').append(hexadecimal(value & mask(instruction.addressSize)));
        } else if (isEncoded) {
            text.append(value < 0 ? '-' : '+').append(hexadecimal(Math.abs(value)));
        }
    }

    private static String hexadecimal(long value) {
        return "0x" + Long.toHexString(value);
    }
}
