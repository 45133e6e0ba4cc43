package io.umbra.shadow.pv;

/**
 * The machine-to-physical map (M2P): for each machine frame the pfn that its owner wants to find there, as 8-byte numbers in frames that every PV guest can read, at {@link #LINEAR}. The owner chooses
 * the values; nothing may rely on them. Xen: {@code machine_to_phys_mapping}.
 */
public final class MachineToPhys {
    /** Where guests read it: L4 slot 256. */
    public static final long LINEAR = 0xFFFF_8000_0000_0000L;
    /** The value where there is none. */
    public static final long NONE = -1;

    MachineToPhys() {}

    public long pfn(long mfn) {
        return 0;
    }

    /** The highest mfn that has a number. */
    public long maxMfn() {
        return 0;
    }
}
