package io.umbra.processor;

import io.umbra.processor.Instruction.Kind;
import io.umbra.processor.Instruction.Operand;
import io.umbra.processor.OpcodeMap.MandatoryPrefix;
import io.umbra.processor.OpcodeMap.Opcode;
import io.umbra.x86.VcpuState;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Turns bytes into an {@link Instruction}: prefixes, opcode, ModRM, SIB, displacement, immediates (SDM vol. 2, chapter 2 and appendix A; AMD APM vol. 3). What
 * an opcode means is in the rows of {@link OpcodeMap}; what is here holds for all of them.
 *
 * <ul>
 *   <li>DEC-1: REX counts only immediately before the opcode; a legacy prefix behind it makes it void.
 *   <li>DEC-2: of several segment overrides the last counts; in 64-bit mode only FS and GS do. Of F2 and F3 the last counts.
 *   <li>DEC-3: REX.W wins over 66. In 64-bit mode 66 makes near branches 16 bits wide, immediate included (AMD; Intel ignores it).
 *   <li>DEC-4: AH, CH, DH and BH exist only without REX.
 *   <li>DEC-5: LOCK is for read-modify-write instructions with a memory destination only.
 *   <li>DEC-6: opcodes of features that CPUID does not offer are INVALID.
 *   <li>DEC-7: a VEX prefix behind LOCK, 66, F2, F3 or REX is INVALID, and so is one whose vvvv names a register that nothing uses. Outside 64-bit mode C4 and C5 are LES and LDS unless what
 *       follows would be a register form; there only eight registers can be named, and VEX.W does not make general registers wider.
 *   <li>DEC-8: a gather whose destination, index and mask are not three registers is INVALID.
 * </ul>
 *
 * <p>String instructions and XLAT have no operands here: registers are implicit, {@link Instruction#segment} is that of the source. An
 * immediate is zero-extended when it is as narrow as its use (byte operands, counts, ports, RET), sign-extended otherwise.
 */
final class Decoder {
    static final int MAX_LENGTH = 15;

    private static final int REX_W = 8, REX_R = 4, REX_X = 2, REX_B = 1;
    private static final int NONE = -1;
    private static final Operand[] NO_OPERANDS = {};
    private static final int[] VEX_ESCAPES = {0x0F, 0x0F38, 0x0F3A};

    private final byte[] bytes;
    private final int start;
    private final int limit;
    private final boolean mode64;
    private final Instruction instruction = new Instruction();

    private int position;
    /** More bytes were asked for than there are. */
    private boolean starved;

    private int rex;
    private int segmentOverride = NONE;
    private boolean operandSizePrefix;
    private boolean addressSizePrefix;
    private int opcode;
    /** VEX.pp: {@link MandatoryPrefix#index}. */
    private int vexPrefix;
    /** VEX.vvvv, not inverted: 0 when it names nothing. */
    private int vexRegister;

    private Decoder(byte[] bytes, int start, int available, int mode) {
        this.bytes = bytes;
        this.start = start;
        this.limit = Math.min(available, MAX_LENGTH);
        this.mode64 = mode == 64;
        instruction.mode = mode;
    }

    /**
     * Decodes the instruction that begins at {@code bytes[start]}.
     *
     * @param available how many bytes may be read from there; at most 15 are
     * @param mode 16, 32 or 64: the code segment's default
     * @return {@link Mnemonic#INVALID} for #UD, {@link Mnemonic#TOO_LONG} for #GP(0); null when the instruction is longer than {@code available} bytes
     */
    static @Nullable Instruction decode(byte[] bytes, int start, int available, int mode) {
        Decoder decoder = new Decoder(bytes, start, available, mode);
        decoder.decode();
        Instruction instruction = decoder.instruction;
        instruction.length = decoder.position;
        if (decoder.starved) {
            if (available < MAX_LENGTH) {
                return null;
            }
            instruction.mnemonic = Mnemonic.TOO_LONG;
            instruction.operands = NO_OPERANDS;
        }
        return instruction;
    }

    private void decode() {
        int first = prefixes();
        boolean isVex = isVex(first);
        if (isVex && !vex(first)) {
            return;
        }
        boolean rexW = (rex & REX_W) != 0;
        instruction.segmentOverridden = segmentOverride != NONE;
        instruction.segment = effectiveSegment(VcpuState.DS);
        instruction.addressSize = addressSize();
        instruction.operandSize = operandSize(rexW && mode64);

        Opcode entry = isVex ? vexOpcode() : opcode(first);
        int modRm = 0;
        if (entry.hasModRm()) {
            modRm = next();
            instruction.modRm = modRm;
        }
        Form form = entry.form(isVex ? vexPrefix : mandatoryPrefix(), rexW, modRm);
        if (form == Form.UNDEFINED || vexRegister != 0 && !form.usesVexRegister || !mayIndex(form, modRm)) {
            return;
        }
        if (!mode64) {
            rex = 0;
        }
        instruction.operandSize = form.operandSize(instruction.operandSize, operandSizePrefix, rexW, mode64);
        if (form.usesRepeatPrefix) {
            instruction.repeat = 0;
        }
        instruction.condition = opcode & 15;
        if (entry.hasModRm() && modRm < 0xC0 && !entry.ignoresMod()) {
            memory(modRm);
        }
        if (!operands(form, modRm)
                || form.isVectorIndexed && !isGather()
                || instruction.lock && !(form.allowsLock && instruction.operands[0].isMemory())) {
            instruction.operands = NO_OPERANDS;
            return;
        }
        instruction.mnemonic = form.mnemonic;
    }

    // ---- bytes ----------------------------------------------------------------------------------------------------

    private int next() {
        if (position >= limit) {
            starved = true;
            return 0;
        }
        return bytes[start + position++] & 0xFF;
    }

    private long signed(int size) {
        return switch (size) {
            case 1 -> (byte) next();
            case 2 -> (short) unsigned(2);
            case 4 -> (int) unsigned(4);
            default -> unsigned(8);
        };
    }

    private long unsigned(int size) {
        long value = 0;
        for (int i = 0; i < size; i++) {
            value |= (long) next() << 8 * i;
        }
        return value;
    }

    // ---- prefixes and opcode --------------------------------------------------------------------------------------

    /** @return the first byte that is no prefix */
    private int prefixes() {
        while (true) {
            int b = next();
            if (mode64 && (b & 0xF0) == 0x40) {
                rex = b;
                continue;
            }
            switch (b) {
                case 0x26 -> override(VcpuState.ES);
                case 0x2E -> override(VcpuState.CS);
                case 0x36 -> override(VcpuState.SS);
                case 0x3E -> override(VcpuState.DS);
                case 0x64 -> override(VcpuState.FS);
                case 0x65 -> override(VcpuState.GS);
                case 0x66 -> operandSizePrefix = true;
                case 0x67 -> addressSizePrefix = true;
                case 0xF0 -> instruction.lock = true;
                case 0xF2, 0xF3 -> instruction.repeat = b;
                default -> {
                    return b;
                }
            }
            rex = 0;
        }
    }

    private void override(int segment) {
        boolean hasEffect = !mode64 || segment >= VcpuState.FS;
        if (hasEffect || segmentOverride == NONE) {
            segmentOverride = segment;
        }
    }

    private int effectiveSegment(int byDefault) {
        if (segmentOverride == NONE || mode64 && segmentOverride < VcpuState.FS) {
            return byDefault;
        }
        return segmentOverride;
    }

    private int operandSize(boolean rexW) {
        if (rexW) {
            return 8;
        }
        return (instruction.mode == 16) == operandSizePrefix ? 4 : 2;
    }

    private int addressSize() {
        if (mode64) {
            return addressSizePrefix ? 4 : 8;
        }
        return (instruction.mode == 16) == addressSizePrefix ? 4 : 2;
    }

    private int mandatoryPrefix() {
        MandatoryPrefix prefix = switch (instruction.repeat) {
            case Instruction.REP -> MandatoryPrefix.REP;
            case Instruction.REPNE -> MandatoryPrefix.REPNE;
            default -> operandSizePrefix ? MandatoryPrefix.OPERAND_SIZE : MandatoryPrefix.NONE;
        };
        return prefix.index;
    }

    private Opcode opcode(int first) {
        OpcodeMap map = OpcodeMap.of(mode64);
        opcode = first;
        if (first != 0x0F) {
            instruction.opcode = first;
            boolean isExchangeWithR8 = first == 0x90 && (rex & REX_B) != 0;
            return map.opcode(OpcodeMap.ONE_BYTE, isExchangeWithR8 ? 0x91 : first);
        }
        opcode = next();
        instruction.opcode = 0x0F00 | opcode;
        if (opcode == 0x38) {
            return threeByteOpcode(map, OpcodeMap.THREE_BYTE_38);
        }
        if (opcode == 0x3A) {
            return threeByteOpcode(map, OpcodeMap.THREE_BYTE_3A);
        }
        return map.opcode(OpcodeMap.TWO_BYTE, opcode);
    }

    private Opcode threeByteOpcode(OpcodeMap map, int number) {
        opcode = next();
        instruction.opcode = instruction.opcode << 8 | opcode;
        return map.opcode(number, opcode);
    }

    // ---- VEX (SDM vol. 2A, 2.3) -----------------------------------------------------------------------------------

    private boolean isVex(int first) {
        return (first == 0xC4 || first == 0xC5) && (mode64 || peek() >= 0xC0);
    }

    private int peek() {
        return position < limit ? bytes[start + position] & 0xFF : 0;
    }

    /**
     * <pre>
     *  C5  R̅ v̅ v̅ v̅ v̅ L p p
     *  C4  R̅ X̅ B̅ m m m m m   W v̅ v̅ v̅ v̅ L p p
     * </pre>
     *
     * @return whether the prefix is one that the processor accepts
     */
    private boolean vex(int first) {
        boolean isAlone = !instruction.lock && !operandSizePrefix && instruction.repeat == 0 && rex == 0;
        int inverted = next();
        int last = inverted;
        int map = OpcodeMap.TWO_BYTE;
        int extensions = ~inverted >> 5 & REX_R;
        if (first == 0xC4) {
            map = inverted & 31;
            extensions = ~inverted >> 5 & (REX_R | REX_X | REX_B);
            last = next();
            extensions |= last >> 4 & REX_W;
        }
        rex = extensions;
        vexPrefix = last & 3;
        vexRegister = ~last >> 3 & 15;
        boolean isLong = (last & 4) != 0;
        instruction.vex = true;
        instruction.vectorLength = isLong ? 32 : 16;
        instruction.opcode = map;
        return isAlone && map >= OpcodeMap.TWO_BYTE && map <= OpcodeMap.THREE_BYTE_3A;
    }

    private Opcode vexOpcode() {
        int map = instruction.opcode;
        opcode = next();
        instruction.opcode = VEX_ESCAPES[map - 1] << 8 | opcode;
        OpcodeMap all = OpcodeMap.of(mode64);
        return all.opcode(map + (instruction.vectorLength == 32 ? OpcodeMap.VEX_256 : OpcodeMap.VEX_128), opcode);
    }

    /** A vector register can be the index in a SIB byte only. */
    private boolean mayIndex(Form form, int modRm) {
        if (!form.isVectorIndexed) {
            return true;
        }
        instruction.indexSize = bytes(form.operands().get(1).memoryWidth());
        return instruction.addressSize != 2 && (modRm & 7) == 4;
    }

    /** Behind {@link #operands}. */
    private boolean isGather() {
        int destination = instruction.operands[0].register();
        int mask = instruction.operands[2].register();
        return destination != mask && destination != instruction.index && mask != instruction.index;
    }

    // ---- memory ---------------------------------------------------------------------------------------------------

    private void memory(int modRm) {
        if (instruction.addressSize == 2) {
            memory16(modRm >> 6, modRm & 7);
        } else {
            memory32(modRm >> 6, modRm & 7);
        }
    }

    private void memory16(int mod, int rm) {
        if (mod == 0 && rm == 6) {
            instruction.displacement = unsigned(2);
            return;
        }
        int base = switch (rm) {
            case 0, 1, 7 -> VcpuState.RBX;
            case 4 -> VcpuState.RSI;
            case 5 -> VcpuState.RDI;
            default -> VcpuState.RBP;
        };
        base(base);
        if (rm < 4) {
            instruction.index = (rm & 1) == 0 ? VcpuState.RSI : VcpuState.RDI;
        }
        displacement(mod, 2);
    }

    private void memory32(int mod, int rm) {
        if (rm == 4) {
            scaleIndexBase(mod);
        } else if (mod == 0 && rm == 5) {
            instruction.ripRelative = mode64;
            instruction.displacement = signed(4);
        } else {
            base(rm | (rex & REX_B) << 3);
            displacement(mod, 4);
        }
    }

    private void scaleIndexBase(int mod) {
        int sib = next();
        int index = sib >> 3 & 7 | (rex & REX_X) << 2;
        if (index != 4 || instruction.indexSize != 0) {
            instruction.index = index;
            instruction.scale = sib >> 6;
        }
        if ((sib & 7) == 5 && mod == 0) {
            instruction.displacement = signed(4);
        } else {
            base(sib & 7 | (rex & REX_B) << 3);
            displacement(mod, 4);
        }
    }

    private void base(int register) {
        instruction.base = register;
        if (register == VcpuState.RSP || register == VcpuState.RBP) {
            instruction.segment = effectiveSegment(VcpuState.SS);
        }
    }

    private void displacement(int mod, int wide) {
        if (mod != 0) {
            instruction.displacement = signed(mod == 1 ? 1 : wide);
        }
    }

    // ---- operands -------------------------------------------------------------------------------------------------

    /** @return whether all operands exist: there are control and segment registers that do not */
    private boolean operands(Form form, int modRm) {
        List<OperandSpec> specs = form.operands();
        if (specs.isEmpty()) {
            return true;
        }
        Operand[] operands = new Operand[specs.size()];
        for (int i = 0; i < operands.length; i++) {
            OperandSpec spec = specs.get(i);
            if (spec.isVex()) {
                instruction.vexOperand = i;
            }
            operands[i] = operand(spec, modRm);
            if (!exists(operands[i], i == 0 && form.mnemonic == Mnemonic.MOV_SEG)) {
                return false;
            }
        }
        instruction.operands = operands;
        return true;
    }

    private static boolean exists(Operand operand, boolean isLoaded) {
        int register = operand.register();
        return switch (operand.kind()) {
            case CONTROL -> register == 0 || register >= 2 && register <= 4 || register == 8;
            case DEBUG -> register < 8;
            case SEGMENT -> register <= VcpuState.GS && !(isLoaded && register == VcpuState.CS);
            default -> true;
        };
    }

    private Operand operand(OperandSpec spec, int modRm) {
        int reg = modRm >> 3 & 7;
        int rm = modRm & 7;
        int extendedReg = reg | (rex & REX_R) << 1;
        int extendedRm = rm | (rex & REX_B) << 3;
        int size = bytes(spec.width());
        boolean isMemory = modRm < 0xC0;
        return switch (spec.encoding()) {
            case RM_GENERAL -> isMemory ? memoryOperand(spec) : general(extendedRm, size);
            case RM_XMM -> isMemory ? memoryOperand(spec) : Operands.xmm(extendedRm, size);
            case RM_MMX -> isMemory ? memoryOperand(spec) : Operands.mmx(rm, size);
            case RM_MEMORY -> memoryOperand(spec);
            case RM_VECTOR_INDEXED -> Operands.memory(size);
            case VEX_XMM -> Operands.xmm(vexRegister & (mode64 ? 15 : 7), size);
            case VEX_GENERAL -> Operands.general(vexRegister & (mode64 ? 15 : 7), size);
            case IMMEDIATE_XMM -> Operands.xmm(next() >> 4 & (mode64 ? 15 : 7), size);
            case RM_GENERAL_ANY_MOD -> general(extendedRm, size);
            case RM_XMM_ONLY -> Operands.xmm(extendedRm, size);
            case RM_MMX_ONLY -> Operands.mmx(rm, size);
            case RM_X87 -> Operands.x87(rm, size);
            case REG_GENERAL -> general(extendedReg, size);
            case REG_XMM -> Operands.xmm(extendedReg, size);
            case REG_MMX -> Operands.mmx(reg, size);
            case REG_SEGMENT -> Operands.segment(reg, size);
            case REG_CONTROL -> Operands.control(extendedReg, size);
            case REG_DEBUG -> Operands.debug(extendedReg, size);
            case OPCODE_GENERAL -> general(opcode & 7 | (rex & REX_B) << 3, size);
            case OFFSET_MEMORY -> {
                instruction.displacement = unsigned(instruction.addressSize);
                yield memoryOperand(spec);
            }
            case IMMEDIATE -> new Operand(Kind.IMMEDIATE, NONE, size, unsigned(size));
            case IMMEDIATE_SIGNED -> new Operand(Kind.IMMEDIATE, NONE, instruction.operandSize, signed(size));
            case RELATIVE -> new Operand(Kind.RELATIVE, NONE, instruction.operandSize, signed(size));
            case FAR_POINTER -> {
                long offset = unsigned(size - 2);
                yield new Operand(Kind.FAR_POINTER, (int) unsigned(2), size, offset);
            }
            case FIXED_GENERAL -> Operands.general(spec.register(), size);
            case FIXED_SEGMENT -> Operands.segment(spec.register(), size);
            case FIXED_XMM -> Operands.xmm(spec.register(), size);
            case FIXED_X87 -> Operands.x87(spec.register(), size);
            case ONE -> Operands.ONE;
        };
    }

    private int bytes(OperandSpec.Width width) {
        return width.bytes(instruction.operandSize, (rex & REX_W) != 0, mode64, instruction.vectorLength);
    }

    private Operand memoryOperand(OperandSpec spec) {
        return Operands.memory(bytes(spec.memoryWidth()));
    }

    private Operand general(int register, int size) {
        boolean isHighByte = size == 1 && rex == 0 && register >= 4;
        return isHighByte ? Operands.highByte(register - 4) : Operands.general(register, size);
    }
}
