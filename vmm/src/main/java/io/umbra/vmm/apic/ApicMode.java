package io.umbra.vmm.apic;

/** How the local APIC is reached: the states of bits EN and EXTD of IA32_APIC_BASE. */
public enum ApicMode {
    /** Not at all: the processor is as one without APIC. */
    DISABLED,
    /** Through a page of memory. */
    XAPIC,
    /** Through model-specific registers. */
    X2APIC;

    /**
     * Whether IA32_APIC_BASE may be written so. Every other change raises #GP. Intel SDM vol. 3A, "x2APIC State Transitions": x2APIC mode is entered from xAPIC mode only, and left
     * for the disabled state only.
     */
    boolean mayBecome(ApicMode next) {
        return this == next
                || switch (this) {
                    case DISABLED -> next == XAPIC;
                    case XAPIC -> true;
                    case X2APIC -> next == DISABLED;
                };
    }
}
