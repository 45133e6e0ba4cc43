package io.umbra.processor.conformance;

import io.umbra.processor.host.NativeCode;
import java.util.HexFormat;

/**
 * One instruction that the host executes on a {@link RegisterFile}: any that neither branches nor uses the stack, and raises no exception. Close it to free its code.
 */
public final class HostInstruction implements AutoCloseable {
    private static final int RAX = 0, RSP = 4, RDI = 7;

    private static final String SAVE_CALLERS = "53 55 4154 4155 4156 4157";
    private static final String RESTORE_CALLERS = "415f 415e 415d 415c 5d 5b c3";
    private static final String LOAD = "8b", STORE = "89";

    private final NativeCode code;

    private HostInstruction(NativeCode code) {
        this.code = code;
    }

    /** @param instruction machine code; memory operands are addressed through registers */
    public static HostInstruction of(byte[] instruction) {
        return assemble(instruction, "", "");
    }

    /** The same with YMM registers: the host must have AVX. */
    public static HostInstruction withYmm(byte[] instruction) {
        StringBuilder load = new StringBuilder();
        StringBuilder store = new StringBuilder();
        for (int register = 0; register < 16; register++) {
            String operand = hex(0x80 | (register & 7) << 3 | RDI) + disp32(RegisterFile.UPPER + 16 * register) + "01";
            String first = register < 8 ? "c4e3" : "c463";
            load.append(first)
                    .append(hex((~register & 15) << 3 | 5))
                    .append("18")
                    .append(operand);
            store.append(first).append("7d19").append(operand);
        }
        return assemble(instruction, load.toString(), store + "c5f877");
    }

    /**
     * @param load VINSERTF128 of the upper halves
     * @param store VEXTRACTF128, VZEROUPPER
     */
    private static HostInstruction assemble(byte[] instruction, String load, String store) {
        return new HostInstruction(
                NativeCode.assemble(before(load), HexFormat.of().formatHex(instruction), after(store)));
    }

    /** The argument, in RDI, is pushed; then FXRSTOR64, POPFQ, and the general registers, RDI last. */
    private static String before(String load) {
        return SAVE_CALLERS
                + "0fae9f" + disp32(RegisterFile.JVM_MXCSR)
                + "d9bf" + disp32(RegisterFile.JVM_CONTROL)
                + "57"
                + "480fae8f" + disp32(RegisterFile.IMAGE)
                + load
                + "ffb7" + disp32(RegisterFile.RFLAGS) + "9d"
                + generals(LOAD)
                + general(LOAD, RDI);
    }

    /** RDI is exchanged with the pushed argument; then everything is stored, the pushed RDI by way of RAX. */
    private static String after(String store) {
        return "48873c24"
                + generals(STORE)
                + "9c 8f87" + disp32(RegisterFile.RFLAGS)
                + "fc 58" + "488987" + disp32(8 * RDI)
                + "480fae87" + disp32(RegisterFile.IMAGE)
                + store
                + "dbe3"
                + "d9af" + disp32(RegisterFile.JVM_CONTROL)
                + "0fae97" + disp32(RegisterFile.JVM_MXCSR)
                + RESTORE_CALLERS;
    }

    private static String generals(String opcode) {
        StringBuilder all = new StringBuilder();
        for (int register = RAX; register < 16; register++) {
            if (register != RSP && register != RDI) {
                all.append(general(opcode, register));
            }
        }
        return all.toString();
    }

    /** MOV between a register and its place at [RDI + disp32]. */
    private static String general(String opcode, int register) {
        return (register < 8 ? "48" : "4c") + opcode + hex(0x80 | (register & 7) << 3 | RDI) + disp32(8 * register);
    }

    private static String hex(int value) {
        return HexFormat.of().toHexDigits((byte) value);
    }

    private static String disp32(int value) {
        return HexFormat.of().toHexDigits(Integer.reverseBytes(value));
    }

    public void run(RegisterFile registers) {
        code.call(registers.segment);
    }

    @Override
    public void close() {
        code.close();
    }
}
