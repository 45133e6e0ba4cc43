package io.umbra.processor;

import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Brings a line of {@code objdump -M intel} into the form that {@link Formatter} writes. Each numbered rule drops what carries no meaning, or replaces a name of
 * binutils' own by the one of the instruction that is executed; none hides an operand, a length or a number.
 */
final class ObjdumpSyntax {
    /** Rule 1: prefixes that do nothing are written as words before the instruction. LOCK stays, and so does a repetition before a string instruction. */
    private static final Set<String> PREFIX_WORDS = Set.of(
            "data16",
            "data32",
            "addr16",
            "addr32",
            "cs",
            "ds",
            "es",
            "ss",
            "fs",
            "gs",
            "bnd",
            "notrack",
            "xacquire",
            "xrelease",
            "rep",
            "repz",
            "repnz",
            "{vex}");

    private static final Set<String> STRINGS = Set.of("movs", "cmps", "scas", "lods", "stos", "ins", "outs");

    /** Rule 2: the absent index of a SIB byte is written as a pseudo-register; without a base, too, the operand is an address. */
    private static final Pattern NO_INDEX = Pattern.compile("\\+[re]iz\\*[1248]");

    private static final Pattern NO_INDEX_NO_BASE =
            Pattern.compile("(?:([c-gs]s):)?\\[([re])iz\\*[1248]([+-])0x([0-9a-f]+)\\]");

    /** Rule 3: the target of a RIP-relative operand is repeated as a comment, and so is the symbol of a branch target. */
    private static final Pattern COMMENT = Pattern.compile("\\s*(#.*|<.*>)$");

    /** Rule 4: of x87 instructions without effect objdump says which coprocessor they were for. */
    private static final Pattern OLD_COPROCESSOR = Pattern.compile("^(fneni|fndisi|fnsetpm)\\(\\d+ only\\)$");

    /** Rule 5: the operand size is seen in the operands (or is that of the stack), so that suffixes say it a second time. */
    private static final Pattern SIZE_SUFFIX = Pattern.compile(
            "^(push|pop|pushf|popf|call|jmp|ret|enter|leave|fnsave|frstor|fldenv|fnstenv|sldt|str|[sl][gi]dt)[wdq]$");

    /** Rule 6: encodings that are something else on a processor without the feature, and aliases. */
    private static final Map<String, String> ALIASES = Map.ofEntries(
            Map.entry("movabs", "mov"),
            Map.entry("wbnoinvd", "wbinvd"),
            Map.entry("vmgexit", "vmmcall"),
            Map.entry("fxsave64", "fxsave"),
            Map.entry("fxrstor64", "fxrstor"),
            Map.entry("xsave64", "xsave"),
            Map.entry("xsaveopt64", "xsaveopt"),
            Map.entry("xrstor64", "xrstor"),
            Map.entry("prefetchwt1", "prefetch"),
            Map.entry("pcmpestrmq", "pcmpestrm"),
            Map.entry("pcmpestriq", "pcmpestri"),
            Map.entry("vpcmpestrmq", "vpcmpestrm"),
            Map.entry("vpcmpestriq", "vpcmpestri"));

    /** Rule 7: EIP-relative displacements are sign-extended beyond the address size. */
    private static final Pattern EIP_RELATIVE = Pattern.compile("\\[eip\\+0xffffffff0*([0-9a-f]+)\\]");

    /** Rule 8: comparisons of vectors have the predicate in the name instead of an immediate operand. */
    private static final Pattern COMPARISON = Pattern.compile(
            "^(v?)cmp((?:eq|lt|le|unord|neq|nlt|nle|ord|nge|ngt|false|ge|gt|true)(?:_[a-z]+)?)([ps][sd]) (.*)$");

    private static final List<String> PREDICATES = List.of(
            ("eq lt le unord neq nlt nle ord eq_uq nge ngt false neq_oq ge gt true eq_os lt_oq le_oq unord_s neq_us nlt_uq"
                            + " nle_uq ord_s eq_us nge_uq ngt_uq false_os neq_os ge_oq gt_oq true_us")
                    .split(" ", -1));

    private static final Pattern SPACES = Pattern.compile("\\s+");

    private ObjdumpSyntax() {}

    /** @return empty when the line is nothing but prefixes */
    static String normalised(String line) {
        String text = SPACES.matcher(COMMENT.matcher(line).replaceFirst(""))
                .replaceAll(" ")
                .strip();
        String lock = "";
        String repeat = "";
        while (true) {
            int space = text.indexOf(' ');
            String word = space < 0 ? text : text.substring(0, space);
            if (word.equals("lock")) {
                lock = "lock ";
            } else if (!PREFIX_WORDS.contains(word) && !word.startsWith("rex")) {
                return lock + (STRINGS.contains(word) ? repeat : "") + instruction(text, word);
            } else if (word.startsWith("rep")) {
                repeat = word + " ";
            }
            if (space < 0) {
                return "";
            }
            text = text.substring(space + 1);
        }
    }

    private static String instruction(String text, String word) {
        if (OLD_COPROCESSOR.matcher(text).matches()) {
            return "fnop";
        }
        Matcher comparison = COMPARISON.matcher(text);
        if (comparison.matches()) {
            return comparison.group(1) + "cmp" + comparison.group(3) + " " + operands(comparison.group(4)) + ",0x"
                    + Integer.toHexString(PREDICATES.indexOf(comparison.group(2)));
        }
        return name(word) + operands(text.substring(word.length()));
    }

    private static String operands(String text) {
        if (text.contains("iz*")) {
            Matcher address = NO_INDEX_NO_BASE.matcher(text);
            return address.find()
                    ? address.replaceFirst(absolute(address))
                    : NO_INDEX.matcher(text).replaceFirst("");
        }
        return text.contains("[eip+") ? EIP_RELATIVE.matcher(text).replaceFirst("[eip+0x$1]") : text;
    }

    private static String absolute(Matcher address) {
        long displacement = Long.parseLong(address.group(4), 16);
        long value = address.group(3).equals("-") ? -displacement : displacement;
        long mask = address.group(2).equals("e") ? 0xFFFF_FFFFL : -1;
        String segment = address.group(1) == null ? "ds" : address.group(1);
        return segment + ":0x" + Long.toHexString(value & mask);
    }

    private static String name(String word) {
        String name = word;
        if (name.endsWith(",pt") || name.endsWith(",pn")) {
            name = name.substring(0, name.length() - 3);
        }
        if (SIZE_SUFFIX.matcher(name).matches()) {
            return name.substring(0, name.length() - 1);
        }
        return ALIASES.getOrDefault(name, name);
    }
}
