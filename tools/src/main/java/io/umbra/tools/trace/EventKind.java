package io.umbra.tools.trace;

import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/** What an event tells: the names of its fields, of which each says what its value is ({@link FieldText}). The order is that of the file format. */
public enum EventKind {
    /** A page fault of hardware. */
    FAULT("vcpu linear code rip"),
    /** Under nested paging: the P2M refused an access. */
    NESTED_FAULT("vcpu gpa access rip"),
    /** A walk of the guest's tables. */
    WALK("linear access gfn level code"),
    /** What the P2M has for the frame that a fault is about. */
    FOUND("gfn mfn p2m"),
    /** The end of a fault: the step of the fault's way at which it was decided, the outcome, and the guest's code. */
    OUTCOME("step outcome code"),
    EMULATE("vcpu reason rip"),
    EMULATED("result"),
    /** An emulated store to a shadowed table. */
    STORE("mfn offset size value"),
    MADE("type frame mfn"),
    DESTROYED("type frame mfn"),
    LINK("type frame index old entry"),
    LEAF("type frame index old entry"),
    UNSHADOW("mfn gone"),
    RECLAIM("frame loaded"),
    BLOW(""),
    UNSYNC("vcpu mfn"),
    RESYNC("mfn"),
    /** CR0, CR3 or CR4 was written. */
    CONTROL("vcpu register old value"),
    EFER("vcpu old value"),
    INVLPG("vcpu linear"),
    INVPCID("vcpu"),
    /** The engine had all TLBs flushed. */
    FLUSH(""),
    /** It had them drop what an entry of a shadow may be a part of. */
    SHOOTDOWN("level index"),
    P2M_CHANGE("gfn frames"),
    /** Somebody other than the guest wrote to its memory. */
    EXTERNAL("gpa length"),
    LOG_DIRTY("on"),
    MARK("gfn cause"),
    /** The log-dirty bitmap was taken and cleaned. */
    ROUND("frames faults"),
    /** Something was counted that no other event tells. */
    COUNT("counter amount"),
    /** The run's end; {@code whole} says that the guest or its limit ended it, and not the clock or a person. */
    END("status whole");

    /** The most fields that a kind has. */
    static final int MOST_FIELDS = 5;

    private final String fields;

    EventKind(String fields) {
        this.fields = fields;
    }

    /** As in the text: {@code nested-fault}. */
    public String label() {
        return name().toLowerCase(Locale.ROOT).replace('_', '-');
    }

    public static Optional<EventKind> of(String label) {
        return Arrays.stream(values())
                .filter(kind -> kind.label().equals(label))
                .findFirst();
    }

    /** The names of the fields, in the order of an event's values. */
    List<String> fields() {
        return fields.isEmpty() ? List.of() : List.of(fields.split(" ", -1));
    }
}
