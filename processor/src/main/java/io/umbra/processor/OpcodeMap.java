package io.umbra.processor;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * All opcodes of one kind of code (64-bit, or 16- and 32-bit), made from the rows of {@link OneByteMap}, {@link X87Map}, {@link Map0F}, {@link Map0F38} and {@link Map0F3A}, and behind a VEX prefix of {@link VexMap0F}, {@link VexMap0F38} and {@link VexMap0F3A}. An
 * opcode that has no row is undefined; no two rows give one encoding two meanings.
 *
 * <p>The columns of a row:
 *
 * <pre>
 *  opcode     hexadecimal, or a range; behind a slash what ModRM must be: a digit is its reg field, m means memory, r means
 *             register, a colon and a digit a register form with that rm field
 *  prefixes   those of none (-), 66, F3 and F2 under which the row holds, separated by commas; * for all
 *  mnemonic   a {@link Mnemonic}
 *  operands   {@link OperandSpec}s separated by commas, the destination first; implicit ones are left out
 *  attributes {@link Form.Attribute}s in lower case, separated by spaces
 * </pre>
 *
 * <p>Where both 66 and F3 or F2 are present, F3 or F2 chooses the row; of F3 and F2 the last (SDM vol. 2A, 2.1.1).
 */
final class OpcodeMap {
    /** The prefix that takes part in the choice of a row. */
    enum MandatoryPrefix {
        NONE("-", 0),
        OPERAND_SIZE("66", 1),
        REP("F3", 2),
        REPNE("F2", 3);

        static final int COUNT = values().length;

        private final String text;
        /** 0 … {@link #COUNT} - 1. */
        final int index;

        MandatoryPrefix(String text, int index) {
            this.text = text;
            this.index = index;
        }

        static Set<MandatoryPrefix> parse(String column) {
            if (column.equals("*")) {
                return EnumSet.allOf(MandatoryPrefix.class);
            }
            Set<MandatoryPrefix> prefixes = EnumSet.noneOf(MandatoryPrefix.class);
            for (String text : column.split(",", -1)) {
                prefixes.add(Arrays.stream(values())
                        .filter(prefix -> prefix.text.equals(text))
                        .findAny()
                        .orElseThrow(() -> new IllegalArgumentException("prefix " + text)));
            }
            return prefixes;
        }
    }

    /** Numbers of the maps. */
    static final int ONE_BYTE = 0, TWO_BYTE = 1, THREE_BYTE_38 = 2, THREE_BYTE_3A = 3;

    /** Added to {@link #TWO_BYTE} … {@link #THREE_BYTE_3A}: the opcodes behind a VEX prefix, without and with VEX.L. */
    static final int VEX_128 = 3, VEX_256 = 6;

    private static final int MAPS = VEX_256 + THREE_BYTE_3A + 1;

    /** Either map is made when it is first needed: most guests' code is of one kind. */
    private static final class LongMode {
        static final OpcodeMap MAP = new OpcodeMap(true);
    }

    private static final class Legacy {
        static final OpcodeMap MAP = new OpcodeMap(false);
    }

    static OpcodeMap of(boolean mode64) {
        return mode64 ? LongMode.MAP : Legacy.MAP;
    }

    private final boolean mode64;
    private final Opcode[] opcodes = new Opcode[MAPS * 256];

    private OpcodeMap(boolean mode64) {
        this.mode64 = mode64;
        Arrays.setAll(opcodes, i -> new Opcode());
        addAll(ONE_BYTE, OneByteMap.ROWS);
        addAll(ONE_BYTE, X87Map.ROWS);
        addAll(TWO_BYTE, Map0F.ROWS);
        addAll(THREE_BYTE_38, Map0F38.ROWS);
        addAll(THREE_BYTE_3A, Map0F3A.ROWS);
        addVex(TWO_BYTE, VexMap0F.ROWS);
        addVex(THREE_BYTE_38, VexMap0F38.ROWS);
        addVex(THREE_BYTE_3A, VexMap0F3A.ROWS);
    }

    private void addAll(int map, String rows) {
        forms(rows).forEach(form -> add(map, form));
    }

    private void addVex(int map, String rows) {
        forms(rows).forEach(form -> {
            if (form.allowsLength(false)) {
                add(map + VEX_128, form);
            }
            if (form.allowsLength(true)) {
                add(map + VEX_256, form);
            }
        });
    }

    private Stream<Form> forms(String rows) {
        return rows.lines().map(Form::new).filter(form -> form.allows(mode64));
    }

    private void add(int map, Form form) {
        for (int opcode = form.firstOpcode(); opcode <= form.lastOpcode(); opcode++) {
            opcodes[map << 8 | opcode].add(form);
        }
    }

    /** @param opcode its last byte */
    Opcode opcode(int map, int opcode) {
        return opcodes[map << 8 | opcode];
    }

    /** The rows of one opcode, by mandatory prefix, REX.W and ModRM. Most opcodes are never met, so the table of one is made when it is. */
    static final class Opcode {
        private final List<Form> rows = new ArrayList<>(0);
        private boolean hasModRm;
        private boolean ignoresMod;

        /** For each prefix and REX.W one form, or 256 where ModRM takes part in the choice. */
        private volatile Form @Nullable [][] forms;

        Opcode() {}

        void add(Form form) {
            if (form.needsModRm() && !hasModRm) {
                if (!rows.isEmpty()) {
                    throw new IllegalArgumentException("with and without ModRM: " + form);
                }
                hasModRm = true;
            }
            ignoresMod |= form.ignoresMod();
            rows.add(form);
        }

        /** @throws IllegalArgumentException when two rows give one encoding two meanings */
        private Form[][] table() {
            Form[][] table = new Form[MandatoryPrefix.COUNT * 2][hasModRm ? 256 : 1];
            for (Form[] column : table) {
                Arrays.fill(column, Form.UNDEFINED);
            }
            for (Form form : rows) {
                for (MandatoryPrefix prefix : MandatoryPrefix.values()) {
                    for (int rexW = 0; rexW < 2; rexW++) {
                        if (form.allows(prefix, rexW != 0)) {
                            add(form, table[prefix.index << 1 | rexW]);
                        }
                    }
                }
            }
            share(table);
            return table;
        }

        private void add(Form form, Form[] column) {
            for (int modRm = 0; modRm < column.length; modRm++) {
                if (!hasModRm || form.allows(modRm)) {
                    if (column[modRm] != Form.UNDEFINED) {
                        throw new IllegalArgumentException("two meanings: " + column[modRm] + " and " + form);
                    }
                    column[modRm] = form;
                }
            }
        }

        /** Most columns are equal, and most hold one form: a map of full columns would take megabytes. */
        private static void share(Form[][] table) {
            for (int i = 0; i < table.length; i++) {
                Form first = table[i][0];
                if (Arrays.stream(table[i]).allMatch(form -> form == first)) {
                    table[i] = new Form[] {first};
                }
                for (int earlier = 0; earlier < i; earlier++) {
                    if (Arrays.equals(table[earlier], table[i])) {
                        table[i] = table[earlier];
                    }
                }
            }
        }

        boolean hasModRm() {
            return hasModRm;
        }

        boolean ignoresMod() {
            return ignoresMod;
        }

        /**
         * @param prefix {@link MandatoryPrefix#index}
         * @param modRm ignored when the opcode has none
         * @return {@link Form#UNDEFINED} when there is no such row
         */
        Form form(int prefix, boolean rexW, int modRm) {
            Form[][] table = forms;
            if (table == null) {
                table = table();
                forms = table;
            }
            Form[] column = table[prefix << 1 | (rexW ? 1 : 0)];
            return column[column.length == 1 ? 0 : modRm];
        }
    }
}
