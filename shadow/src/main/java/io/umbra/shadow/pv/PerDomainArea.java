package io.umbra.shadow.pv;

import io.umbra.x86.LongModeEntry;
import io.umbra.x86.MachineMemory;

/**
 * The part of every address space of a domain that the hypervisor keeps for it, behind L4 slot 260: for each vCPU 32 pages, not accessible to the guest, in which the processor finds the vCPU's descriptors. Xen:
 * {@code PERDOMAIN_VIRT_START}.
 *
 * <pre>
 *   page  0 … 13   the guest's GDT, or zeros
 *   page 14        the hypervisor's descriptors, selectors 0xe000 …
 *   page 15        nothing
 *   page 16 … 31   the guest's LDT, as far as it was used
 * </pre>
 */
final class PerDomainArea {
    static final int SLOT = 260;
    static final long LINEAR = 0xFFFF_8200_0000_0000L;
    static final int GDT_PAGES = HypervisorDescriptors.PAGE;
    static final int LDT_PAGES = 16;

    private static final int PAGES_EACH = 32;
    private static final int FIRST_LDT_PAGE = 16;
    private static final int VCPUS_PER_TABLE = LongModeEntry.ENTRIES / PAGES_EACH;
    private static final long TABLE = LongModeEntry.PRESENT | LongModeEntry.WRITABLE | LongModeEntry.ACCESSED;
    private static final long READABLE = LongModeEntry.PRESENT | LongModeEntry.ACCESSED | LongModeEntry.NO_EXECUTE;
    private static final long WRITABLE = READABLE | LongModeEntry.WRITABLE | LongModeEntry.DIRTY;

    private final PvMachine machine;
    private final MachineMemory memory;
    private final long root;
    private final long level2;
    private final long[] level1;
    private final long descriptors;

    PerDomainArea(PvMachine machine, int vcpus) {
        this.machine = machine;
        this.memory = machine.memory;
        this.root = machine.ownFrame();
        this.level2 = machine.ownFrame();
        this.level1 = new long[(vcpus + VCPUS_PER_TABLE - 1) / VCPUS_PER_TABLE];
        this.descriptors = machine.ownFrame();
        HypervisorDescriptors.writeTo(memory, descriptors);
        memory.writeLong(root << 12, LongModeEntry.of(level2, TABLE));
        for (int i = 0; i < level1.length; i++) {
            level1[i] = machine.ownFrame();
            memory.writeLong((level2 << 12) + 8L * i, LongModeEntry.of(level1[i], TABLE));
        }
        for (int vcpu = 0; vcpu < vcpus; vcpu++) {
            for (int page = 0; page < GDT_PAGES; page++) {
                unmapGdt(vcpu, page);
            }
            write(vcpu, HypervisorDescriptors.PAGE, LongModeEntry.of(descriptors, WRITABLE));
        }
    }

    /** What L4 slot 260 holds. */
    long entry() {
        return LongModeEntry.of(root, TABLE);
    }

    static long gdtBase(int vcpu) {
        return LINEAR + (long) vcpu * PAGES_EACH * MachineMemory.FRAME_BYTES;
    }

    static long ldtBase(int vcpu) {
        return gdtBase(vcpu) + FIRST_LDT_PAGE * MachineMemory.FRAME_BYTES;
    }

    /** The processor sets the A bit of descriptors that it loads: the page is writable to it. */
    void mapGdt(int vcpu, int page, long mfn) {
        write(vcpu, page, LongModeEntry.of(mfn, WRITABLE));
    }

    /** Descriptors that are not there are not present, rather than a fault of the hypervisor's. */
    void unmapGdt(int vcpu, int page) {
        write(vcpu, page, LongModeEntry.of(machine.emptyFrame(), READABLE));
    }

    void mapLdt(int vcpu, int page, long mfn) {
        write(vcpu, FIRST_LDT_PAGE + page, LongModeEntry.of(mfn, WRITABLE));
    }

    void unmapLdt(int vcpu, int page) {
        write(vcpu, FIRST_LDT_PAGE + page, 0);
    }

    private void write(int vcpu, int page, long entry) {
        long table = level1[vcpu / VCPUS_PER_TABLE];
        memory.writeLong((table << 12) + 8L * (vcpu % VCPUS_PER_TABLE * PAGES_EACH + page), entry);
    }

    /** Returns the frames to the machine. No L4 refers to them any more. */
    void close() {
        for (long table : level1) {
            machine.drop(table);
        }
        machine.drop(level2);
        machine.drop(root);
        machine.drop(descriptors);
    }
}
