package io.umbra.processor;

import io.umbra.x86.VcpuState;

/**
 * Where one operand of an opcode's row comes from, and how wide it is: the manuals' notation (SDM vol. 2D, appendix A.2) in one text.
 *
 * <pre>
 *  E  ModRM.rm, general register or memory      G  ModRM.reg, general register    R  ModRM.rm as a register, whatever mod says
 *  M  ModRM.rm, memory only                     Z  low three bits of the opcode   O  memory at an offset that follows the opcode
 *  W  ModRM.rm, XMM register or memory          V  ModRM.reg, XMM register        U  ModRM.rm, XMM register only
 *  H  VEX.vvvv, XMM register                    B  VEX.vvvv, general register    L  immediate bits 7..4, XMM register
 *  X  memory whose index is a vector register: the width is that of an element, behind the colon is the index register's
 *  Q  ModRM.rm, MMX register or memory          P  ModRM.reg, MMX register        N  ModRM.rm, MMX register only
 *  S C D  ModRM.reg: segment, control, debug register
 *  I  immediate, zero-extended      sI  immediate, sign-extended to the operand size      J  branch displacement      A  far pointer
 * </pre>
 *
 * <p>An XMM register of 32 bytes is a YMM register. Then the width: {@code b w d q o Y t} for 1, 2, 4, 8, 16, 32 and 10 bytes, or a letter of {@link Width}. A colon gives memory a width of its own:
 * {@code Ev:w} is a register of operand size or a word in memory. Other texts are fixed operands: {@code AL AX eAX rAX DX CL 1 ES … GS ST0 STi XMM0}.
 *
 * @param register of a fixed operand, else -1
 */
record OperandSpec(Encoding encoding, Width width, Width memoryWidth, int register) {
    /** In the order of the letters above. */
    enum Encoding {
        RM_GENERAL("E", true),
        REG_GENERAL("G", true),
        RM_GENERAL_ANY_MOD("R", true),
        RM_MEMORY("M", true),
        OPCODE_GENERAL("Z", false),
        OFFSET_MEMORY("O", false),
        RM_XMM("W", true),
        REG_XMM("V", true),
        RM_XMM_ONLY("U", true),
        VEX_XMM("H", false),
        VEX_GENERAL("B", false),
        IMMEDIATE_XMM("L", false),
        RM_VECTOR_INDEXED("X", true),
        RM_MMX("Q", true),
        REG_MMX("P", true),
        RM_MMX_ONLY("N", true),
        REG_SEGMENT("S", true),
        REG_CONTROL("C", true),
        REG_DEBUG("D", true),
        IMMEDIATE("I", false),
        IMMEDIATE_SIGNED("sI", false),
        RELATIVE("J", false),
        FAR_POINTER("A", false),
        FIXED_GENERAL("", false),
        FIXED_SEGMENT("", false),
        FIXED_XMM("", false),
        FIXED_X87("", false),
        ONE("", false),
        /** ST(i), the register that ModRM.rm names. */
        RM_X87("", true);

        private final String letters;
        final boolean needsModRm;

        Encoding(String letters, boolean needsModRm) {
            this.letters = letters;
            this.needsModRm = needsModRm;
        }

        private static Encoding of(String letters) {
            for (Encoding encoding : values()) {
                if (encoding.letters.equals(letters) && !letters.isEmpty()) {
                    return encoding;
                }
            }
            throw new IllegalArgumentException("operand encoding " + letters);
        }
    }

    /** In bytes. */
    enum Width {
        /** Memory is addressed but not touched. */
        NONE('0'),
        BYTE('b'),
        WORD('w'),
        DOUBLEWORD('d'),
        QUADWORD('q'),
        OCTOWORD('o'),
        THIRTY_TWO_BYTES('Y'),
        TEN_BYTES('t'),
        /** 16, or 32 with VEX.L. */
        VECTOR('x'),
        HALF_VECTOR('h'),
        QUARTER_VECTOR('k'),
        EIGHTH_VECTOR('i'),
        /** The operand size: 2, 4 or 8. */
        OPERAND('v'),
        /** The operand size, but at most 4. */
        OPERAND_MAX_4('z'),
        /** 8 with REX.W, else 4. */
        REX_W('y'),
        /** 8 in 64-bit mode, else 4. */
        NATIVE('n'),
        /** A far pointer: 4, or 6 with an operand size above 2. REX.W does not make it longer (AMD APM vol. 3, "CALL (Far)"). */
        FAR('p'),
        /** Two values of operand size: what BOUND reads. */
        PAIR('a'),
        /** A pseudo-descriptor: 6, in 64-bit mode 10. */
        TABLE('s'),
        /** x87 environment: 14, or 28 with an operand size above 2. */
        ENVIRONMENT('e'),
        /** Whole x87 state: 94, or 108 with an operand size above 2. */
        X87_STATE('f'),
        /** 512. */
        FXSAVE_AREA('F');

        private final char letter;

        Width(char letter) {
            this.letter = letter;
        }

        private static Width of(String letter) {
            for (Width width : values()) {
                if (letter.length() == 1 && width.letter == letter.charAt(0)) {
                    return width;
                }
            }
            throw new IllegalArgumentException("operand width " + letter);
        }

        /**
         * @param operandSize effective: 1, 2, 4 or 8
         * @param vector length of a vector: 16 or 32
         */
        int bytes(int operandSize, boolean rexW, boolean mode64, int vector) {
            return switch (this) {
                case NONE -> 0;
                case BYTE -> 1;
                case WORD -> 2;
                case DOUBLEWORD -> 4;
                case QUADWORD -> 8;
                case OCTOWORD -> 16;
                case THIRTY_TWO_BYTES -> 32;
                case TEN_BYTES -> 10;
                case VECTOR -> vector;
                case HALF_VECTOR -> vector / 2;
                case QUARTER_VECTOR -> vector / 4;
                case EIGHTH_VECTOR -> vector / 8;
                case OPERAND -> operandSize;
                case OPERAND_MAX_4 -> Math.min(operandSize, 4);
                case REX_W -> rexW ? 8 : 4;
                case NATIVE -> mode64 ? 8 : 4;
                case FAR -> operandSize == 2 ? 4 : 6;
                case PAIR -> 2 * operandSize;
                case TABLE -> mode64 ? 10 : 6;
                case ENVIRONMENT -> operandSize == 2 ? 14 : 28;
                case X87_STATE -> operandSize == 2 ? 94 : 108;
                case FXSAVE_AREA -> 512;
            };
        }
    }

    /** @throws IllegalArgumentException for a text outside the notation */
    static OperandSpec parse(String text) {
        return switch (text) {
            case "AL" -> general(VcpuState.RAX, Width.BYTE);
            case "AX" -> general(VcpuState.RAX, Width.WORD);
            case "eAX" -> general(VcpuState.RAX, Width.OPERAND_MAX_4);
            case "rAX" -> general(VcpuState.RAX, Width.OPERAND);
            case "DX" -> general(VcpuState.RDX, Width.WORD);
            case "CL" -> general(VcpuState.RCX, Width.BYTE);
            case "ES" -> fixed(Encoding.FIXED_SEGMENT, VcpuState.ES, Width.WORD);
            case "CS" -> fixed(Encoding.FIXED_SEGMENT, VcpuState.CS, Width.WORD);
            case "SS" -> fixed(Encoding.FIXED_SEGMENT, VcpuState.SS, Width.WORD);
            case "DS" -> fixed(Encoding.FIXED_SEGMENT, VcpuState.DS, Width.WORD);
            case "FS" -> fixed(Encoding.FIXED_SEGMENT, VcpuState.FS, Width.WORD);
            case "GS" -> fixed(Encoding.FIXED_SEGMENT, VcpuState.GS, Width.WORD);
            case "ST0" -> fixed(Encoding.FIXED_X87, 0, Width.TEN_BYTES);
            case "STi" -> fixed(Encoding.RM_X87, -1, Width.TEN_BYTES);
            case "XMM0" -> fixed(Encoding.FIXED_XMM, 0, Width.OCTOWORD);
            case "1" -> fixed(Encoding.ONE, -1, Width.BYTE);
            default -> parseEncoded(text);
        };
    }

    private static OperandSpec parseEncoded(String text) {
        int letters = text.startsWith("s") ? 2 : 1;
        String[] widths = text.substring(letters).split(":", -1);
        Width width = Width.of(widths[0]);
        return new OperandSpec(
                Encoding.of(text.substring(0, letters)), width, widths.length > 1 ? Width.of(widths[1]) : width, -1);
    }

    private static OperandSpec general(int register, Width width) {
        return fixed(Encoding.FIXED_GENERAL, register, width);
    }

    private static OperandSpec fixed(Encoding encoding, int register, Width width) {
        return new OperandSpec(encoding, width, width, register);
    }

    boolean needsModRm() {
        return encoding.needsModRm;
    }

    /** Only a ModRM byte with mod ≠ 3 can encode it. */
    boolean isMemoryOnly() {
        return encoding == Encoding.RM_MEMORY || encoding == Encoding.RM_VECTOR_INDEXED;
    }

    /** Only a ModRM byte with mod = 3 can encode it. */
    boolean isRegisterOnly() {
        return encoding == Encoding.RM_XMM_ONLY || encoding == Encoding.RM_MMX_ONLY || encoding == Encoding.RM_X87;
    }

    /** VEX.vvvv names it. */
    boolean isVex() {
        return encoding == Encoding.VEX_XMM || encoding == Encoding.VEX_GENERAL;
    }
}
