package io.umbra.processor;

import java.io.ByteArrayOutputStream;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Random;

/** Encodes VEX-coded instructions, from the rows of the decoder's tables: each row in its register and its memory form, with and without VEX.L and VEX.W, with random registers and immediates. */
final class VexEncodings {
    private static final int RSP = 4;
    /** Memory operands are at [RDI + disp8], those of gathers at [RDI + index × scale + disp8]. */
    static final int BASE = 7;

    /** One form of a row. */
    record VexForm(Form row, int map, int opcode, boolean wide, boolean vexW, boolean memory) {
        /** A gather has three registers that differ. */
        byte[] encode(Random random, int displacement) {
            int reg = row.reg() >= 0 ? row.reg() : random.nextInt(16);
            int rm = memory ? BASE : random.nextInt(16);
            int vvvv = 0;
            int scaleAndIndex = -1;
            boolean immediate = false;
            for (OperandSpec operand : row.operands()) {
                switch (operand.encoding()) {
                    case REG_GENERAL -> reg = general(random);
                    case RM_GENERAL -> rm = memory ? rm : general(random);
                    case VEX_XMM -> vvvv = random.nextInt(16);
                    case VEX_GENERAL -> vvvv = general(random);
                    case IMMEDIATE, IMMEDIATE_XMM -> immediate = true;
                    case RM_VECTOR_INDEXED -> scaleAndIndex = random.nextInt(64);
                    default -> {}
                }
            }
            int index = 0;
            if (scaleAndIndex >= 0) {
                index = (reg + 5) % 16;
                vvvv = (reg + 11) % 16;
            }
            int prefix = row.onlyPrefix().index;
            ByteArrayOutputStream bytes = new ByteArrayOutputStream();
            if (map == 1 && !vexW && rm < 8 && random.nextBoolean()) {
                bytes.write(0xC5);
                bytes.write((reg < 8 ? 0x80 : 0) | (~vvvv & 15) << 3 | (wide ? 4 : 0) | prefix);
            } else {
                bytes.write(0xC4);
                bytes.write((reg < 8 ? 0x80 : 0) | (index < 8 ? 0x40 : 0) | (rm < 8 ? 0x20 : 0) | map);
                bytes.write((vexW ? 0x80 : 0) | (~vvvv & 15) << 3 | (wide ? 4 : 0) | prefix);
            }
            bytes.write(opcode);
            if (row.needsModRm()) {
                int low = scaleAndIndex >= 0 ? 4 : rm & 7;
                bytes.write((memory ? 0x40 : 0xC0) | (reg & 7) << 3 | low);
            }
            if (scaleAndIndex >= 0) {
                bytes.write(scaleAndIndex & 0xC0 | (index & 7) << 3 | BASE);
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

        Mnemonic mnemonic() {
            return row.mnemonic;
        }

        boolean isGather() {
            return row.isVectorIndexed;
        }

        @Override
        public String toString() {
            String flags = (wide ? " L" : "") + (vexW ? " W" : "") + (memory ? " memory" : "");
            return String.format(Locale.ROOT, "%s map %d opcode %02x%s", mnemonic(), map, opcode, flags);
        }
    }

    static List<VexForm> all() {
        List<VexForm> forms = new ArrayList<>();
        addAll(forms, 1, VexMap0F.ROWS);
        addAll(forms, 2, VexMap0F38.ROWS);
        addAll(forms, 3, VexMap0F3A.ROWS);
        return forms;
    }

    private static void addAll(List<VexForm> forms, int map, String rows) {
        rows.lines().map(Form::new).filter(row -> row.allows(true)).forEach(row -> {
            for (int bits = 0; bits < 8; bits++) {
                boolean wide = (bits & 1) != 0;
                boolean vexW = (bits & 2) != 0;
                boolean memory = (bits & 4) != 0;
                boolean encodable = row.allowsLength(wide)
                        && row.allows(row.onlyPrefix(), vexW)
                        && (row.needsModRm()
                                ? row.allows((memory ? 0x40 : 0xC0) | Math.max(row.reg(), 0) << 3)
                                : !memory);
                if (encodable) {
                    forms.add(new VexForm(row, map, row.firstOpcode(), wide, vexW, memory));
                }
            }
        });
    }

    private VexEncodings() {}
}
