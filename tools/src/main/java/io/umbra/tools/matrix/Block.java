package io.umbra.tools.matrix;

import io.umbra.x86.Cr0;
import io.umbra.x86.Cr4;
import io.umbra.x86.Efer;
import io.umbra.x86.PageFaultCode;
import io.umbra.x86.PagingRegisters;
import java.util.ArrayList;
import java.util.List;

/**
 * A product of settings of the control registers, paths, and accesses.
 *
 * @param name for people
 * @param settings of control registers, about which an engine must be told
 * @param accesses with the registers that change unnoticed: EFLAGS.AC and PKRU
 * @param order in which the cases are numbered
 */
record Block(String name, Layout layout, List<Setting> settings, Paths paths, List<Access> accesses, Order order) {
    enum Order {
        /** What costs most to change changes least often: settings, then paths, then accesses. */
        SETTINGS_FIRST,
        /** Settings change while the rest stays: what is made under one is there under the next. */
        SETTINGS_LAST
    }

    /** As guests of Umbra are told. */
    static final int MAX_PHYSICAL_ADDRESS = 40;

    private static final int ALL_DENIED = -1;

    /** Bits beyond those that make the mode. */
    record Setting(boolean writeProtect, long cr4, boolean noExecute) {}

    /** @param access bits of {@link PageFaultCode} */
    record Access(int access, boolean alignmentCheck, int pkru) {}

    long cases() {
        return settings.size() * paths.count() * accesses.size();
    }

    AccessCase at(long number, long inMatrix) {
        long pairs = paths.count() * accesses.size();
        boolean isFirst = order == Order.SETTINGS_FIRST;
        long pair = isFirst ? number % pairs : number / settings.size();
        Setting setting = settings.get((int) (isFirst ? number / pairs : number % settings.size()));
        Access access = accesses.get((int) (pair % accesses.size()));
        Path path = paths.at(pair / accesses.size());
        return new AccessCase(layout.mode, inMatrix, registers(setting, access, path), path, access.access);
    }

    private PagingRegisters registers(Setting setting, Access access, Path path) {
        MatrixMode mode = layout.mode;
        long paging = mode == MatrixMode.UNPAGED ? 0 : Cr0.PAGING;
        return new PagingRegisters(
                Cr0.PROTECTION | paging | (setting.writeProtect ? Cr0.WRITE_PROTECT : 0),
                layout.cr3(),
                mode.cr4() ^ setting.cr4,
                mode.efer() | (setting.noExecute ? Efer.NO_EXECUTE : 0),
                pointers(path),
                access.alignmentCheck,
                access.pkru,
                MAX_PHYSICAL_ADDRESS,
                true,
                true);
    }

    private List<Long> pointers(Path path) {
        if (layout.mode != MatrixMode.PAE) {
            return List.of(0L, 0L, 0L, 0L);
        }
        return List.of(0L, path.entry(3), 0L, layout.pointer(layout.windowPointer()));
    }

    // ---- what the settings and accesses are

    /** EFER.NXE, CR4.SMEP, CR4.SMAP and CR0.WP in all combinations, with other bits of CR4 changed. */
    static List<Setting> allSettings(long otherCr4) {
        List<Setting> settings = new ArrayList<>();
        for (int i = 0; i < 16; i++) {
            long cr4 = ((i & 4) != 0 ? Cr4.SMEP : 0) | ((i & 2) != 0 ? Cr4.SMAP : 0);
            settings.add(new Setting((i & 1) != 0, cr4 | otherCr4, (i & 8) != 0));
        }
        return settings;
    }

    /** Every kind of access with EFLAGS.AC clear and set. Keys deny everything, for whoever should ask. */
    static List<Access> allAccesses() {
        List<Access> accesses = new ArrayList<>();
        addAccesses(accesses, ALL_DENIED);
        return accesses;
    }

    /** As {@link #allAccesses}, under four values of PKRU: each key has each combination of AD and WD once, and its neighbours have others. */
    static List<Access> keyedAccesses() {
        List<Access> accesses = new ArrayList<>();
        for (int turn = 0; turn < 4; turn++) {
            int pkru = 0;
            for (int key = 0; key < 16; key++) {
                pkru |= (key + turn & 3) << 2 * key;
            }
            addAccesses(accesses, pkru);
        }
        return accesses;
    }

    private static void addAccesses(List<Access> accesses, int pkru) {
        int[] kinds = {0, PageFaultCode.USER, PageFaultCode.IMPLICIT};
        int[] ways = {0, PageFaultCode.WRITE, PageFaultCode.FETCH};
        for (int kind : kinds) {
            for (int way : ways) {
                if ((kind | way) != (PageFaultCode.IMPLICIT | PageFaultCode.FETCH)) {
                    accesses.add(new Access(kind | way, false, pkru));
                    accesses.add(new Access(kind | way, true, pkru));
                }
            }
        }
    }

    // ---- the blocks of a mode

    static List<Block> of(MatrixMode mode) {
        Layout layout = new Layout(mode);
        List<Block> blocks = new ArrayList<>();
        if (mode == MatrixMode.UNPAGED) {
            blocks.add(new Block(
                    "targets", layout, allSettings(0), new Paths.Unpaged(layout), allAccesses(), Order.SETTINGS_FIRST));
            return blocks;
        }
        for (int leaf = 1; leaf <= mode.topLeaf(); leaf++) {
            String page = ", pages of " + mode.paging().pageSize(leaf);
            blocks.add(plain("rights" + page, new Paths.AllRights(layout, leaf)));
            blocks.add(plain("accessed and dirty" + page, new Paths.AllMarks(layout, leaf)));
            blocks.add(plain("targets" + page, new Paths.OddTarget(layout, leaf)));
            blocks.add(plain("tables in read-only memory" + page, new Paths.InReadOnlyMemory(layout, leaf)));
            blocks.add(plain("odd leaf" + page, new Paths.OddEntry(layout, leaf, leaf)));
        }
        for (int level = 2; level <= mode.levels(); level++) {
            blocks.add(plain("odd entry of level " + level, new Paths.OddEntry(layout, 1, level)));
        }
        for (int leaf = 1; leaf <= mode.topLeaf(); leaf++) {
            String page = ", pages of " + mode.paging().pageSize(leaf);
            blocks.add(new Block(
                    "changing registers" + page,
                    layout,
                    changes(mode),
                    new Paths.Used(layout, leaf),
                    allAccesses(),
                    Order.SETTINGS_LAST));
            if (mode.paging().isLong()) {
                List<Setting> settings = allSettings(Cr4.PROTECTION_KEYS);
                Paths keyed = new Paths.Keyed(layout, leaf);
                blocks.add(new Block("keys" + page, layout, settings, keyed, keyedAccesses(), Order.SETTINGS_FIRST));
            }
        }
        return blocks;
    }

    private static Block plain(String name, Paths paths) {
        return new Block(name, paths.layout, allSettings(0), paths, allAccesses(), Order.SETTINGS_FIRST);
    }

    /**
     * A walk through all settings, those included that mean nothing in the mode: CR4.PKE outside long mode, and CR4.PSE where CR4.PAE is set. At each setting every bit is changed once, and back. Two-level paging keeps its PSE,
     * which makes it what it is.
     */
    private static List<Setting> changes(MatrixMode mode) {
        long pse = mode.hasNoExecute() ? Cr4.PAGE_SIZE_EXTENSIONS : 0;
        List<Setting> all = new ArrayList<>();
        for (int i = 0; i < (pse == 0 ? 2 : 4); i++) {
            all.addAll(allSettings(((i & 1) != 0 ? Cr4.PROTECTION_KEYS : 0) | ((i & 2) != 0 ? pse : 0)));
        }
        List<Setting> walk = new ArrayList<>();
        for (int at = 0; at < all.size(); at++) {
            for (int bit = 1; bit < all.size(); bit <<= 1) {
                walk.add(all.get(at));
                walk.add(all.get(at ^ bit));
            }
        }
        return walk;
    }
}
