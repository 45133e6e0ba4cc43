package io.umbra.x86;

import java.util.Arrays;
import java.util.List;

/**
 * All that decides, beside memory, how a linear address is translated: registers, and what CPUID says of the processor. Combinations
 * that no processor lets itself be brought into (a bad CR3, EFER.LMA without CR4.PAE) have no defined meaning.
 *
 * @param cr3 the root of two-, four- and five-level paging; PAE paging uses {@code pdpte} instead
 * @param pdpte the four PDPTE registers of PAE paging
 * @param alignmentCheck EFLAGS.AC, which lets explicit supervisor accesses through SMAP
 * @param pkru bit 2i: AD, bit 2i+1: WD of protection key i
 * @param maxPhysicalAddress MAXPHYADDR: the bits of a physical address, 32 to 52
 * @param gigabytePages whether 1 GiB pages are offered
 * @param pse36 whether 4 MiB pages may lie above 4 GiB
 */
public record PagingRegisters(
        long cr0,
        long cr3,
        long cr4,
        long efer,
        List<Long> pdpte,
        boolean alignmentCheck,
        int pkru,
        int maxPhysicalAddress,
        boolean gigabytePages,
        boolean pse36) {

    public PagingRegisters {
        pdpte = List.copyOf(pdpte);
        if (pdpte.size() != PaeEntry.POINTERS) {
            throw new IllegalArgumentException("PAE paging has 4 PDPTE registers, not " + pdpte.size());
        }
        if (maxPhysicalAddress < 32 || maxPhysicalAddress > 52) {
            throw new IllegalArgumentException("MAXPHYADDR is 32 to 52, not " + maxPhysicalAddress);
        }
    }

    /** The state of a processor. */
    public static PagingRegisters of(VcpuState state, int maxPhysicalAddress, boolean gigabytePages, boolean pse36) {
        return new PagingRegisters(
                state.cr0,
                state.cr3,
                state.cr4,
                state.efer,
                Arrays.stream(state.pdpte).boxed().toList(),
                (state.rflags & RFlags.ALIGNMENT_CHECK) != 0,
                state.pkru,
                maxPhysicalAddress,
                gigabytePages,
                pse36);
    }

    public PagingMode mode() {
        return PagingMode.of(cr0, cr4, efer);
    }

    boolean writeProtect() {
        return (cr0 & Cr0.WRITE_PROTECT) != 0;
    }

    boolean pageSizeExtensions() {
        return (cr4 & Cr4.PAGE_SIZE_EXTENSIONS) != 0;
    }

    boolean smep() {
        return (cr4 & Cr4.SMEP) != 0;
    }

    boolean smap() {
        return (cr4 & Cr4.SMAP) != 0;
    }

    /** NX exists: EFER.NXE is set, and entries have a bit 63. */
    boolean noExecute() {
        return (efer & Efer.NO_EXECUTE) != 0 && mode().entryBytes() == Long.BYTES;
    }

    boolean protectionKeys() {
        return (cr4 & Cr4.PROTECTION_KEYS) != 0 && mode().isLong();
    }

    boolean keyDisablesAccess(int key) {
        return (pkru >>> 2 * key & 1) != 0;
    }

    boolean keyDisablesWrite(int key) {
        return (pkru >>> 2 * key + 1 & 1) != 0;
    }
}
