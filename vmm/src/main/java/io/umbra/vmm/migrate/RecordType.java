package io.umbra.vmm.migrate;

import org.jspecify.annotations.Nullable;

/** The records of a stream that have a meaning here. Those of Xen have its numbers and names. A record whose bit 31 is set may be skipped by who does not know it. */
public enum RecordType {
    /** Nothing follows. */
    END(0),
    /** {@link PageBatch}. */
    PAGE_DATA(1),
    /** How time passes, and how much has passed: 4 mode | 4 kHz | 8 nanoseconds | 4 incarnation | 4 zero. */
    TSC_INFO(8),
    /** Virtual processor, devices and P2M. */
    HVM_CONTEXT(9),
    /** 4 count | 4 zero | for each 8 number, 8 value. This machine has none. */
    HVM_PARAMS(10),
    /** Pages that follow are compared with those received, and not stored. */
    VERIFY(13),
    /** What the guest must find unchanged is complete. Since version 3. */
    STATIC_DATA_END(16),
    /** For each leaf: leaf, subleaf, EAX, EBX, ECX, EDX. */
    CPUID_POLICY(17),
    /** Our own: the machine to be made. */
    MACHINE(0x554D_0001),
    /** Our own, the last before the end: CRC-32C of every byte before it. */
    CHECKSUM(0x554D_0002);

    private static final int OPTIONAL = 1 << 31;

    private final int number;

    RecordType(int number) {
        this.number = number;
    }

    int number() {
        return number;
    }

    static boolean isOptional(int number) {
        return (number & OPTIONAL) != 0;
    }

    static @Nullable RecordType of(int number) {
        for (RecordType type : values()) {
            if (type.number == number) {
                return type;
            }
        }
        return null;
    }

    /** For messages: the names of Xen's other records too. */
    static String describe(int number) {
        return switch (number) {
            case 2 -> "PV_INFO";
            case 3 -> "PV_P2M_FRAMES";
            case 4 -> "PV_VCPU_BASIC";
            case 5 -> "PV_VCPU_EXTENDED";
            case 6 -> "PV_VCPU_XSAVE";
            case 7 -> "SHARED_INFO";
            case 12 -> "PV_VCPU_MSRS";
            case 14 -> "CHECKPOINT";
            case 15 -> "CHECKPOINT_DIRTY_PFN_LIST";
            case 18 -> "MSR_POLICY";
            default -> "0x" + Integer.toHexString(number);
        };
    }
}
