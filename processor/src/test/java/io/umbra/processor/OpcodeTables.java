package io.umbra.processor;

import java.util.List;

/** The decoder's tables as text, for tests in other packages. */
public final class OpcodeTables {
    /**
     * One table.
     *
     * @param escape the bytes before the opcode, in hexadecimal
     * @param rows as {@link OpcodeMap} describes them, one a line
     */
    public record Table(String escape, String rows) {}

    public static List<Table> all() {
        return List.of(
                new Table("", OneByteMap.ROWS),
                new Table("", X87Map.ROWS),
                new Table("0F", Map0F.ROWS),
                new Table("0F38", Map0F38.ROWS),
                new Table("0F3A", Map0F3A.ROWS));
    }

    /** Neither x87 nor MMX nor SSE. */
    public static boolean isInteger(String mnemonic) {
        return switch (Mnemonic.valueOf(mnemonic).group()) {
            case INTEGER, STRING, CONTROL, SYSTEM -> true;
            case X87, MMX_SSE, AVX -> false;
        };
    }

    /** MMX, SSE, and the state they share. */
    public static boolean isVector(String mnemonic) {
        return Mnemonic.valueOf(mnemonic).group() == Mnemonic.Group.MMX_SSE;
    }

    private OpcodeTables() {}
}
