package io.umbra.processor.conformance;

import java.util.Arrays;
import java.util.Map;
import java.util.TreeMap;

/** Which rows of the tables are not run on the host, and why. Everything else is. */
final class Exclusions {
    /** From a mnemonic, or an opcode as the tables have it, to the reason. */
    static final Map<String, String> REASONS = new TreeMap<>();

    static {
        exclude(
                "privileged: #GP(0) in a process",
                "HLT CLI STI IN OUT INS OUTS MOV_CR MOV_DR CLTS LMSW LGDT LIDT LLDT LTR INVLPG INVPCID INVD WBINVD RDMSR WRMSR RDPMC SWAPGS SYSRET SYSEXIT CLAC STAC XSETBV XGETBV");
        exclude("the operating system makes it privileged (CR4.UMIP) or answers for it", "SGDT SIDT SLDT STR SMSW");
        exclude(
                "enters the operating system or a hypervisor",
                "SYSCALL SYSENTER INT INTO INT1 INT3 VMCALL VMMCALL UD0 UD1 UD2");
        exclude("undefined until the operating system sets CR4.PKE", "RDPKRU WRPKRU");
        exclude("the answer is the machine's, not the architecture's", "CPUID RDTSC RDTSCP");
        exclude("depends on the operating system's descriptor tables", "LAR LSL VERR VERW");
        exclude(
                "loads a segment register: FS and GS hold the process's thread pointers",
                "POP_SEG LDS LES LSS LFS LGS 8E");
        exclude("depends on the operating system's descriptor tables, too", "CALL_FAR JMP_FAR RET_FAR IRET");
        exclude(
                "approximations, of which every processor has its own: a test apart checks the bounds",
                "RCPPS RCPSS RSQRTPS RSQRTSS");
        exclude(
                "the image has places of the processor's own: a test apart knows them",
                "FXSAVE FXRSTOR XSAVE XSAVEOPT XRSTOR");
    }

    private static void exclude(String reason, String names) {
        Arrays.stream(names.split(" ", -1)).forEach(name -> REASONS.put(name, reason));
    }

    static boolean excludes(OpcodeRow row) {
        return REASONS.keySet().stream().anyMatch(name -> matches(name, row));
    }

    static boolean matches(String name, OpcodeRow row) {
        return row.mnemonic().equals(name) || row.text().startsWith(name + " ");
    }

    private Exclusions() {}
}
