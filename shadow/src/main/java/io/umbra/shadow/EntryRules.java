package io.umbra.shadow;

import io.umbra.x86.Cr4;
import io.umbra.x86.Efer;
import io.umbra.x86.VcpuState;

/**
 * What control registers say about the meaning of pagetable entries. Shadows are derived by these rules, so all of them go when the rules change; a shadow kept from before would grant by the old
 * ones.
 *
 * @param noExecute EFER.NXE: bit 63 of 8-byte entries forbids execution, instead of being reserved
 * @param pageSizeExtensions CR4.PSE: bit 7 of two-level directories makes a 4 MiB page, instead of being ignored
 * @param protectionKeys CR4.PKE: bits 62..59 of long-mode leaves are a key, instead of being ignored
 */
record EntryRules(boolean noExecute, boolean pageSizeExtensions, boolean protectionKeys) {
    private static final EntryRules[] ALL = new EntryRules[8];

    static {
        for (int i = 0; i < ALL.length; i++) {
            ALL[i] = new EntryRules((i & 1) != 0, (i & 2) != 0, (i & 4) != 0);
        }
    }

    static EntryRules of(VcpuState state) {
        int index = ((state.efer & Efer.NO_EXECUTE) != 0 ? 1 : 0)
                | ((state.cr4 & Cr4.PAGE_SIZE_EXTENSIONS) != 0 ? 2 : 0)
                | ((state.cr4 & Cr4.PROTECTION_KEYS) != 0 ? 4 : 0);
        return ALL[index];
    }
}
