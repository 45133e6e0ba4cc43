package io.umbra.x86;

import java.util.ArrayList;
import java.util.List;

/**
 * Words for {@link DefinitionWalker#explain}.
 *
 * @param steps none when there is no walk: paging is off, or the address not canonical
 */
record WalkExplanation(PagingRegisters registers, long linear, int access, List<WalkStep> steps, Walk outcome) {

    String text() {
        StringBuilder text = new StringBuilder();
        line(text, "%s of linear %s: %s".formatted(attempt(), hex(linear), registers.mode()));
        line(
                text,
                "  CR0.WP=%s CR4.PSE=%s SMEP=%s SMAP=%s PKE=%s EFER.NXE=%s EFLAGS.AC=%s MAXPHYADDR=%s"
                        .formatted(
                                bit(registers.writeProtect()),
                                bit(registers.pageSizeExtensions()),
                                bit(registers.smep()),
                                bit(registers.smap()),
                                bit(registers.protectionKeys()),
                                bit(registers.noExecute()),
                                bit(registers.alignmentCheck()),
                                registers.maxPhysicalAddress()));
        if (registers.mode() != PagingMode.NONE && registers.mode() != PagingMode.PAE) {
            line(text, "  CR3 %s".formatted(hex(registers.cr3())));
        }
        for (WalkStep step : steps) {
            line(
                    text,
                    "  L%s[%03x] %s = %s  %s"
                            .formatted(step.level(), step.index(), place(step), value(step), flags(step)));
            line(text, "       %s".formatted(decision(step)));
        }
        line(text, "  " + result());
        return text.toString();
    }

    private static void line(StringBuilder text, String line) {
        text.append(line).append('\n');
    }

    private String attempt() {
        String who =
                has(PageFaultCode.USER) ? "user" : has(PageFaultCode.IMPLICIT) ? "implicit supervisor" : "supervisor";
        return who + (has(PageFaultCode.FETCH) ? " fetch" : has(PageFaultCode.WRITE) ? " write" : " read");
    }

    private boolean has(int bit) {
        return (access & bit) != 0;
    }

    private static String place(WalkStep step) {
        return step.address() == WalkStep.IN_REGISTER
                ? "in register PDPTE" + step.index()
                : "at " + hex(step.address());
    }

    private static String value(WalkStep step) {
        return step.mode() == PagingMode.TWO_LEVEL ? "0x%08x".formatted(step.entry()) : hex(step.entry());
    }

    private static String flags(WalkStep step) {
        if (!step.isPresent()) {
            return "-";
        }
        List<String> flags = new ArrayList<>(List.of("P"));
        if (step.hasRights()) {
            add(flags, step, LongModeEntry.WRITABLE, "RW");
            add(flags, step, LongModeEntry.USER, "US");
            add(flags, step, LongModeEntry.ACCESSED, "A");
            if (step.mapsPage()) {
                add(flags, step, LongModeEntry.DIRTY, "D");
                add(flags, step, LongModeEntry.GLOBAL, "G");
            }
            if (step.level() > 1) {
                add(flags, step, LongModeEntry.PAGE_SIZE, "PS");
            }
            add(flags, step, LongModeEntry.NO_EXECUTE, "NX");
        }
        return String.join(" ", flags);
    }

    private static void add(List<String> flags, WalkStep step, long bit, String name) {
        if ((step.entry() & bit) != 0) {
            flags.add(name);
        }
    }

    private String decision(WalkStep step) {
        if (!step.isPresent()) {
            return "absent: the walk ends";
        }
        if (step.reservedSet() != 0) {
            return "reserved bits " + hex(step.reservedSet()) + " are set: the walk ends";
        }
        String leads = step.mapsPage()
                ? step.mode().pageSize(step.level()) + " page at " + hex(step.page())
                : "table at " + hex(step.table());
        String key = step.mapsPage() && registers.protectionKeys() ? ", protection key " + key(step.key()) : "";
        return leads + takenAway(step) + key;
    }

    private static String takenAway(WalkStep step) {
        List<String> taken = new ArrayList<>();
        if (!step.isWritable()) {
            taken.add("read-only");
        }
        if (!step.isUser()) {
            taken.add("supervisor only");
        }
        if (!step.isExecutable()) {
            taken.add("no fetch");
        }
        return taken.isEmpty() ? "" : "; from here " + String.join(", ", taken);
    }

    private String key(int key) {
        return key
                + " (AD=%s WD=%s)"
                        .formatted(bit(registers.keyDisablesAccess(key)), bit(registers.keyDisablesWrite(key)));
    }

    private String result() {
        return switch (outcome) {
            case Walk.NonCanonical() -> "refused: not canonical (#GP or #SS, no walk)";
            case Walk.Mapped page -> "permitted: guest-physical " + hex(page.guestPhysical());
            case Walk.Fault fault ->
                "refused: #PF with code 0x%x (%s): %s"
                        .formatted(fault.code(), PageFaultCode.describe(fault.code()), reason());
        };
    }

    private String reason() {
        WalkStep last = steps.getLast();
        if (!last.isPresent()) {
            return "not present at level " + last.level();
        }
        if (last.reservedSet() != 0) {
            return "reserved bit at level " + last.level();
        }
        Walk.Mapped page = DefinitionWalker.page(steps, linear);
        AccessRights rights = AccessRights.of(registers, page, access);
        if (!AccessRights.keyRefuses(registers, page, last.key(), access)) {
            return rights.toString();
        }
        String also = rights == AccessRights.PERMITTED ? "" : "; also " + rights;
        return "protection key %s%s".formatted(last.key(), also);
    }

    private static int bit(boolean set) {
        return set ? 1 : 0;
    }

    private static String hex(long value) {
        return "0x%016x".formatted(value);
    }
}
