package io.umbra.vmm.xen;

import java.util.Locale;
import org.jspecify.annotations.Nullable;

/** The hypercalls that exist here, for one kind of guest or for both. Xen: public header xen.h. */
public enum HypercallNumber {
    SET_TRAP_TABLE(0),
    MMU_UPDATE(1),
    SET_GDT(2),
    STACK_SWITCH(3),
    SET_CALLBACKS(4),
    FPU_TASKSWITCH(5),
    PLATFORM_OP(7),
    SET_DEBUGREG(8),
    GET_DEBUGREG(9),
    UPDATE_DESCRIPTOR(10),
    MEMORY_OP(12),
    MULTICALL(13),
    UPDATE_VA_MAPPING(14),
    SET_TIMER_OP(15),
    XEN_VERSION(17),
    CONSOLE_IO(18),
    GRANT_TABLE_OP(20),
    VM_ASSIST(21),
    UPDATE_VA_MAPPING_OTHERDOMAIN(22),
    IRET(23),
    VCPU_OP(24),
    SET_SEGMENT_BASE(25),
    MMUEXT_OP(26),
    SCHED_OP(29),
    CALLBACK_OP(30),
    EVENT_CHANNEL_OP(32),
    PHYSDEV_OP(33),
    HVM_OP(34);

    /** Numbers below this one fit into a hypercall page. */
    public static final int LIMIT = 128;

    private static final @Nullable HypercallNumber[] BY_NUMBER = byNumber();

    private final int number;
    private final String label;

    HypercallNumber(int number) {
        this.number = number;
        this.label = name().toLowerCase(Locale.ROOT);
    }

    public int number() {
        return number;
    }

    public String label() {
        return label;
    }

    /** @return null when there is none of this number */
    public static @Nullable HypercallNumber of(long number) {
        return number >= 0 && number < LIMIT ? BY_NUMBER[(int) number] : null;
    }

    private static @Nullable HypercallNumber[] byNumber() {
        @Nullable HypercallNumber[] table = new @Nullable HypercallNumber[LIMIT];
        for (HypercallNumber each : values()) {
            table[each.number] = each;
        }
        return table;
    }
}
