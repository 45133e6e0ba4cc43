package io.umbra.processor;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * Holds the decoder against objdump, one instruction at a time: the length and the whole text. Where the two disagree on purpose, the reason has a name in {@link Outcome}
 * and a condition that is checked here, and the tests bound how often it occurs.
 */
final class ObjdumpComparison {
    enum Outcome {
        /** Same length, same text. */
        SAME,
        /** Neither knows the instruction. Lengths are not compared: objdump skips a byte. */
        BOTH_INVALID,
        /** objdump knows an instruction of a feature that CPUID does not offer, and the decoder refuses it. */
        FEATURE_NOT_OFFERED,
        /** Exists in 64-bit mode only, but objdump prints it in the other modes, too. */
        ONLY_64_BIT,
        /** LOCK where it raises #UD: objdump prints it all the same. */
        LOCK_REFUSED,
        /** A prefix that the manual forbids ("NP"): objdump ignores some of them. */
        PREFIX_REFUSED,
        /** objdump prints prefixes as an instruction of their own, when a REX prefix is not the last of them or there are too many. */
        PREFIXES_APART,
        /** objdump joins FWAIT and the x87 instruction behind it. */
        WAIT_JOINED,
        /** HINT_NOP opcodes that are MPX, CLDEMOTE or CET instructions for objdump. */
        HINT_NOP,
        /** Aliases that objdump leaves out and processors execute: of x87 instructions, fences with another rm field, SALC. */
        ALIAS,
        /** objdump prints PAUSE for F3 90 even where REX.B makes the opcode an exchange with R8. */
        EXCHANGE_WITH_R8,
        /** F2 or 66 before an opcode that ignores them: objdump has no entry for the combination. */
        PREFIX_IGNORED,
        /** A branch of operand size 16 goes to a 16-bit address (in 64-bit mode on AMD); objdump prints all of it. */
        BRANCH_16,
        DIFFERENT
    }

    private static final int MAX_REPORTED = 20;

    /** Whole instructions by name. Anything that begins with v (AVX) but for the four of ours, k (mask registers), sha, aes, x... is a pattern. */
    private static final Pattern NOT_OFFERED = Pattern.compile(
            "v(?!err|erw|mcall|mmcall).*|k(add|and|andn|mov|not|or|ortest|shift[lr]|test|unpck|xnor|xor)[a-z]*|sha(1|256).*|aes.*|gf2p8.*"
                    + "|xsavec.*|xsaves.*|xrstors.*|rd(rand|seed|pid|pkru|pru|fsbase|gsbase|sspd|sspq)|wr(pkru|fsbase|gsbase|ssd|ssq|ussd|ussq)"
                    + "|inv(pcid|ept|vpid|lpga|lpgb)|clflushopt|clwb|clzero|cldemote|monitorx?|mwaitx?|umonitor|umwait|tpause|adcx|adox|bextr|blcfill|blsfill|blsic"
                    + "|encl[svu]|serialize|rmpadjust|rmpupdate|rmpquery|psmash|pvalidate|stgi|clgi|skinit|tilerelease|tile.*|ldtilecfg|sttilecfg|tdp.*|pconfig|enqcmds?|movdiri|movdir64b|ptwrite"
                    + "|getsec|rsm|femms|pf.*|pi2f[wd]|pf2i[wd]|pavgusb|pmulhrw|pswapd|extrq|insertq|movnts[sd]|pclmul.*|montmul|xsha.*|xstore.*|xcrypt.*|xabort|xbegin|xend|xtest|xsusldtrk|xresldtrk|hreset"
                    + "|incssp.|rstorssp|saveprevssp|setssbsy|clrssbsy|aadd|aand|aor|axor|encodekey.*|loadiwkey|senduipi|clui|stui|testui|uiret|seam.*|tdcall|tlbsync|mcommit"
                    + "|llwpcb|slwpcb|lwpval|lwpins|blc.*|t1mskc|tzmsk|cmp.*xadd|wrmsrns|(rd|wr)msrlist|frstpm\\(287");

    /** What the decoder has a name for. */
    private static final Set<String> OFFERED = Arrays.stream(Mnemonic.values())
            .map(mnemonic -> mnemonic.name().toLowerCase(Locale.ROOT).replace("_sse", ""))
            .flatMap(name -> Stream.of(name, "v" + name))
            .collect(Collectors.toUnmodifiableSet());

    private static final Pattern HINTS =
            Pattern.compile("bnd(mk|cl|cu|cn|mov|ldx|stx)|cldemote|rdsspd|rdsspq|prefetchit[01]|endbr(32|64)");
    private static final Pattern LOCKABLE = Pattern.compile(
            "lock (add|adc|and|btc|btr|bts|cmpxchg|cmpxchg8b|cmpxchg16b|dec|inc|neg|not|or|sbb|sub|xadd|xchg|xor) [^,]*(PTR|\\[|:).*");
    private static final Pattern NO_PREFIX = Pattern.compile(
            "(fxsave|fxrstor|ldmxcsr|stmxcsr|[lms]fence|clac|stac|xgetbv|xsetbv|xsave(64|opt|opt64)?|xrstor(64)?|vmcall|clflush|pmovmskb)( .*)?");
    private static final Pattern FORBIDDEN_BEFORE_VEX =
            Pattern.compile("\\b(data16|data32|rep|repz|repnz|rex(\\.[WRXB]+)?) ");
    /** With VEX.pp, which must be 0, or with VEX.vvvv. */
    private static final Pattern VEX_WITHOUT_PREFIX = Pattern.compile("vzeroupper|vzeroall|v(ld|st)mxcsr .*");

    private static final Pattern BRANCH = Pattern.compile("(j[a-z]+|loop[a-z]*|call) 0x([0-9a-f]+)");
    private static final Pattern MISSING_REGISTER =
            Pattern.compile(".*(\\bcr(1|5|6|7|9|1[0-5])\\b|\\bdb?r(8|9|1[0-5])\\b|\\btr[0-7]\\b|\\?).*");
    private static final Pattern SEGMENT_LOAD = Pattern.compile("mov [c-gs]s,[re]?.*");
    private static final Pattern FAR_POINTER = Pattern.compile("(l[fgs]s|jmp|call) .*");
    private static final Set<Integer> X87_ALIASES = Set.of(
            0xD9 << 3 | 3,
            0xDC << 3 | 2,
            0xDC << 3 | 3,
            0xDD << 3 | 1,
            0xDE << 3 | 2,
            0xDF << 3 | 1,
            0xDF << 3 | 2,
            0xDF << 3 | 3);

    private final Map<Outcome, Long> counts = new EnumMap<>(Outcome.class);
    private final List<String> differences = new ArrayList<>();

    ObjdumpComparison() {
        for (Outcome outcome : Outcome.values()) {
            counts.put(outcome, 0L);
        }
    }

    /** @param length of objdump's instruction */
    void compare(byte[] bytes, int offset, long address, int length, String line, int mode) {
        Instruction ours = Decoder.decode(bytes, offset, Math.min(Decoder.MAX_LENGTH + 1, bytes.length - offset), mode);
        if (ours == null) {
            return;
        }
        Outcome outcome = outcome(ours, address, length, line);
        counts.merge(outcome, 1L, Long::sum);
        if (outcome == Outcome.DIFFERENT && differences.size() < MAX_REPORTED) {
            String hex =
                    HexFormat.of().formatHex(Arrays.copyOfRange(bytes, offset, offset + Math.max(length, ours.length)));
            differences.add("%x: %s objdump[%d] %s, decoder[%d] %s"
                    .formatted(address, hex, length, line, ours.length, Formatter.format(ours, address)));
        }
    }

    private static Outcome outcome(Instruction ours, long address, int length, String line) {
        String theirs = ObjdumpSyntax.normalised(line);
        boolean isInvalid = ours.mnemonic == Mnemonic.INVALID || ours.mnemonic == Mnemonic.TOO_LONG;
        if (theirs.isEmpty()) {
            return Outcome.PREFIXES_APART;
        }
        return isInvalid ? refused(ours, theirs, line) : accepted(ours, theirs, line, address, length);
    }

    private static Outcome refused(Instruction ours, String theirs, String line) {
        String name = theirs.startsWith("lock ") ? theirs.substring(5) : theirs;
        if (theirs.contains("(bad)") || MISSING_REGISTER.matcher(theirs).matches() || theirs.startsWith("mov cs,")) {
            return Outcome.BOTH_INVALID;
        }
        boolean isEvex = name.startsWith("v") && !ours.vex;
        if (NOT_OFFERED.matcher(word(name)).matches() && (isEvex || !OFFERED.contains(word(name)))) {
            return Outcome.FEATURE_NOT_OFFERED;
        }
        if (name.equals("swapgs") && ours.mode != 64) {
            return Outcome.ONLY_64_BIT;
        }
        if (ours.lock) {
            return LOCKABLE.matcher(theirs).matches() ? Outcome.DIFFERENT : Outcome.LOCK_REFUSED;
        }
        if (ours.vex && FORBIDDEN_BEFORE_VEX.matcher(line).find()) {
            return Outcome.PREFIX_REFUSED;
        }
        if (ours.vex && VEX_WITHOUT_PREFIX.matcher(theirs).matches()) {
            return Outcome.PREFIX_REFUSED;
        }
        boolean hasPrefix = ours.repeat != 0 || line.contains("data") || ours.operandSize == (ours.mode == 16 ? 4 : 2);
        return hasPrefix && NO_PREFIX.matcher(theirs).matches() || line.contains("frstpm")
                ? Outcome.PREFIX_REFUSED
                : Outcome.DIFFERENT;
    }

    private static Outcome accepted(Instruction ours, String theirs, String line, long address, int length) {
        String text = Formatter.format(ours, address);
        if (ours.lock && !LOCKABLE.matcher(theirs).matches()) {
            return Outcome.DIFFERENT;
        }
        if (ours.length == length && isSame(ours, text, theirs, line)) {
            return Outcome.SAME;
        }
        if (ours.mnemonic == Mnemonic.FWAIT
                && (theirs.startsWith("f") || theirs.startsWith("lock f") || theirs.contains("(bad)"))) {
            return Outcome.WAIT_JOINED;
        }
        boolean isBad = theirs.contains("(bad)");
        if (ours.mnemonic == Mnemonic.NOP
                && (isBad
                        || ours.length == length && HINTS.matcher(word(theirs)).matches())) {
            return ours.opcode >= 0x0F18 && ours.opcode <= 0x0F1F ? Outcome.HINT_NOP : Outcome.DIFFERENT;
        }
        boolean isFence = ours.mnemonic == Mnemonic.LFENCE
                || ours.mnemonic == Mnemonic.MFENCE
                || ours.mnemonic == Mnemonic.SFENCE;
        if (isBad
                && (isFence
                        || ours.mnemonic == Mnemonic.SALC
                        || X87_ALIASES.contains(ours.opcode << 3 | ours.modRm >> 3 & 7))) {
            return Outcome.ALIAS;
        }
        if (ours.length == length && ours.mnemonic == Mnemonic.XCHG && theirs.equals("pause")) {
            return text.startsWith("xchg r8") ? Outcome.EXCHANGE_WITH_R8 : Outcome.DIFFERENT;
        }
        boolean ignoresPrefix =
                ours.mnemonic == Mnemonic.BSF || ours.mnemonic == Mnemonic.BSR || ours.mnemonic == Mnemonic.WBINVD;
        if (isBad && ignoresPrefix && (ours.repeat == Instruction.REPNE || ours.mnemonic == Mnemonic.WBINVD)) {
            return Outcome.PREFIX_IGNORED;
        }
        var branch = BRANCH.matcher(theirs);
        if (ours.length == length && ours.operandSize == 2 && branch.matches()) {
            long target = Long.parseUnsignedLong(branch.group(2), 16) & 0xFFFF;
            return text.equals(branch.group(1) + " 0x" + Long.toHexString(target))
                    ? Outcome.BRANCH_16
                    : Outcome.DIFFERENT;
        }
        return Outcome.DIFFERENT;
    }

    /**
     * A NOP with 66 is printed as an exchange. Two registers are printed wider than what is read (MOV to a segment register) or written (LFS, LGS, LSS: 32 bits, zero-extended; far pointers
     * with both REX.W and 66 narrower), the MMX register of MOVQ2DQ and MOVDQ2Q under 66, the registers of a scalar move with VEX.L. And of 3E with a segment override it takes 3E for NOTRACK and forgets the override.
     */
    private static boolean isSame(Instruction ours, String text, String theirs, String line) {
        if (text.equals(theirs)) {
            return true;
        }
        if (ours.vex && ours.opcode == 0x0F11 && ours.vectorLength == 32) {
            return text.equals(theirs.replace("ymm", "xmm"));
        }
        if (ours.opcode == 0x90 && text.equals("nop")) {
            return theirs.equals("xchg ax,ax") || theirs.equals("xchg eax,eax") || theirs.equals("xchg rax,rax");
        }
        if (ours.mnemonic == Mnemonic.MOVQ2DQ || ours.mnemonic == Mnemonic.MOVDQ2Q) {
            return text.equals(withMmx(theirs, ours.mnemonic == Mnemonic.MOVQ2DQ ? "xmm(\\d+)$" : "xmm(\\d+)(?=,)"));
        }
        if (line.contains("notrack")) {
            return text.replaceFirst("[c-gs]s:", "").equals(theirs.replaceFirst("[c-gs]s:", ""));
        }
        if (SEGMENT_LOAD.matcher(theirs).matches() && ours.mnemonic == Mnemonic.MOV_SEG
                || (FAR_POINTER.matcher(theirs).matches() && text.contains("FWORD"))) {
            return narrow(text)
                    .equals(narrow(ours.operandSize == 8 ? theirs.replace("DWORD PTR", "FWORD PTR") : theirs));
        }
        return false;
    }

    private static String withMmx(String text, String register) {
        return Pattern.compile(register)
                .matcher(text)
                .replaceFirst(match -> "mm" + (Integer.parseInt(match.group(1)) & 7));
    }

    private static String narrow(String text) {
        return text.replaceAll("\\b[re]([abcds][xpi]|[sb]p)\\b", "$1").replaceAll("\\b(r\\d+)[wd]\\b", "$1");
    }

    private static String word(String text) {
        int space = text.indexOf(' ');
        return space < 0 ? text : text.substring(0, space);
    }

    long count(Outcome outcome) {
        return counts.getOrDefault(outcome, 0L);
    }

    long total() {
        return counts.values().stream().mapToLong(Long::longValue).sum();
    }

    /** The first differences, a line each. */
    List<String> differences() {
        return differences;
    }

    @Override
    public String toString() {
        return counts.toString();
    }
}
