package io.umbra.tools.matrix;

import io.umbra.x86.PagingRegisters;
import java.util.Locale;

/**
 * A case about which a subject and the definition differ.
 *
 * @param entriesExpected by level, after the access, by the definition
 * @param entriesFound likewise, of the subject
 */
public record Disagreement(
        AccessCase accessCase,
        String block,
        Answer expected,
        Answer found,
        String entriesExpected,
        String entriesFound) {

    static Disagreement of(
            AccessCase accessCase, String block, Answer expected, long[] after, Answer found, long[] foundAfter) {
        return new Disagreement(
                accessCase, block, expected, found, entries(accessCase, after), entries(accessCase, foundAfter));
    }

    private static String entries(AccessCase accessCase, long[] values) {
        StringBuilder text = new StringBuilder();
        for (int level = accessCase.mode().levels(); level >= accessCase.leafLevel() && level > 0; level--) {
            text.append(text.isEmpty() ? "" : "  ")
                    .append(String.format(Locale.ROOT, "L%d 0x%x", level, values[level]));
        }
        return text.isEmpty() ? "none" : text.toString();
    }

    private String readOnlyTables() {
        StringBuilder levels = new StringBuilder();
        for (int level = accessCase.mode().levels(); level > 0; level--) {
            levels.append((accessCase.readOnlyTables() >>> level & 1) != 0 ? " L" + level : "");
        }
        return levels.isEmpty() ? "" : ", in read-only memory lie" + levels;
    }

    /** The case, the definition's walk of it, and both answers, in lines. */
    public String explanation() {
        PagingRegisters registers = accessCase.registers();
        return String.format(
                Locale.ROOT,
                "case %d of %s, block \"%s\": the leaf maps %s%s; CR0 0x%x CR4 0x%x EFER 0x%x PKRU 0x%x%n"
                        + "%s"
                        + "  the definition: %s; entries after: %s%n"
                        + "  the subject:    %s; entries after: %s%n",
                accessCase.number(),
                accessCase.mode(),
                block,
                accessCase.target(),
                readOnlyTables(),
                registers.cr0(),
                registers.cr4(),
                registers.efer(),
                registers.pkru(),
                Definition.explain(accessCase),
                expected,
                entriesExpected,
                found,
                entriesFound);
    }
}
