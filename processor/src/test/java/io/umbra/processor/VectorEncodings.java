package io.umbra.processor;

import java.io.ByteArrayOutputStream;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/** Encodes MMX and SSE instructions, from the rows of the decoder's tables: each row in its register and its memory form, with random registers and immediates. */
final class VectorEncodings {
    private static final Pattern OPCODE = Pattern.compile("([0-9A-F]{2})(?:/([0-7]?)([mr]?))?");
    private static final String NO_OPERANDS = "-";
    private static final int RSP = 4;
    /** Memory operands are at [RDI + disp8]. */
    static final int BASE = 7;

    /**
     * One form of a row.
     *
     * @param map bytes before the opcode, in hexadecimal
     */
    record Form(
            Mnemonic mnemonic,
            String map,
            int opcode,
            int digit,
            int prefix,
            boolean rexW,
            boolean memory,
            String operands) {
        @Override
        public String toString() {
            return mnemonic + " " + operands + (rexW ? " W" : "") + (memory ? " memory" : "");
        }

        /** @param displacement of the memory operand: -128 … 127 */
        byte[] encode(Random random, int displacement) {
            int reg = 0;
            int rm = memory ? BASE : 0;
            boolean immediate = false;
            for (String operand : operands.split(",", -1)) {
                switch (operand.charAt(0)) {
                    case 'V' -> reg = random.nextInt(16);
                    case 'P' -> reg = random.nextInt(8);
                    case 'G' -> reg = general(random);
                    case 'U', 'W' -> rm = memory ? rm : random.nextInt(16);
                    case 'N', 'Q' -> rm = memory ? rm : random.nextInt(8);
                    case 'E' -> rm = memory ? rm : general(random);
                    case 'I' -> immediate = true;
                    default -> {}
                }
            }
            if (digit >= 0) {
                reg = digit;
            }
            ByteArrayOutputStream bytes = new ByteArrayOutputStream();
            if (prefix != 0) {
                bytes.write(prefix);
            }
            int rex = (rexW ? 8 : 0) | (reg & 8) >> 1 | (rm & 8) >> 3;
            if (rex != 0) {
                bytes.write(0x40 | rex);
            }
            for (int at = 0; at < map.length(); at += 2) {
                bytes.write(Integer.parseInt(map.substring(at, at + 2), 16));
            }
            bytes.write(opcode);
            if (!operands.equals(NO_OPERANDS)) {
                bytes.write((memory ? 0x40 : 0xC0) | (reg & 7) << 3 | rm & 7);
            }
            if (memory) {
                bytes.write(displacement);
            }
            if (immediate) {
                bytes.write(random.nextInt(256));
            }
            return bytes.toByteArray();
        }

        private static int general(Random random) {
            int register;
            do {
                register = random.nextInt(16);
            } while (register == RSP || register == BASE);
            return register;
        }
    }

    static List<Form> all() {
        List<Form> forms = new ArrayList<>();
        addAll(forms, "0F", Map0F.ROWS);
        addAll(forms, "0F38", Map0F38.ROWS);
        addAll(forms, "0F3A", Map0F3A.ROWS);
        return forms;
    }

    private static void addAll(List<Form> forms, String map, String rows) {
        rows.lines().map(row -> row.trim().split(" +", -1)).forEach(columns -> {
            Matcher opcode = OPCODE.matcher(columns[0]);
            if (opcode.matches() && Mnemonic.valueOf(columns[2]).group() == Mnemonic.Group.MMX_SSE) {
                addRow(forms, map, opcode, columns);
            }
        });
    }

    private static void addRow(List<Form> forms, String map, Matcher opcode, String[] columns) {
        String operands = columns.length > 3 ? columns[3] : NO_OPERANDS;
        String attributes = columns.length > 4 ? columns[4] : "";
        String selector = opcode.group(3) == null ? "" : opcode.group(3);
        String digit = opcode.group(2) == null ? "" : opcode.group(2);
        boolean hasMemory = Pattern.compile("[WQEM]").matcher(operands).find() && !selector.equals("r");
        boolean hasRegister = !operands.contains("M") && !selector.equals("m");
        boolean widthByRex = operands.matches(".*[EG]y.*");
        for (boolean memory : new boolean[] {false, true}) {
            for (boolean rexW : new boolean[] {false, true}) {
                boolean allowed = attributes.contains("W1") ? rexW : !rexW || widthByRex && !attributes.contains("W0");
                if (allowed && (memory ? hasMemory : hasRegister)) {
                    forms.add(new Form(
                            Mnemonic.valueOf(columns[2]),
                            map,
                            Integer.parseInt(opcode.group(1), 16),
                            digit.isEmpty() ? -1 : digit.charAt(0) - '0',
                            prefix(columns[1]),
                            rexW,
                            memory,
                            operands));
                }
            }
        }
    }

    private static int prefix(String column) {
        return column.equals("-") ? 0 : Integer.parseInt(column, 16);
    }

    static Stream<Form> of(Mnemonic... mnemonics) {
        List<Mnemonic> wanted = List.of(mnemonics);
        return all().stream().filter(form -> wanted.contains(form.mnemonic()));
    }

    private VectorEncodings() {}
}
