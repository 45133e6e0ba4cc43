package io.umbra.shadow;

import io.umbra.shadow.Operation.Kind;
import io.umbra.x86.Cr0;
import io.umbra.x86.Cr4;
import io.umbra.x86.Efer;
import io.umbra.x86.PageFaultCode;
import io.umbra.x86.PagingMode;
import io.umbra.x86.VcpuState;

/**
 * Draws operations, the frequent ones more often. It comes back to a few pages again and again, and to normal registers, the mode it is at home in and a whole P2M before long, so that most accesses
 * find something.
 */
final class OperationSource {
    private static final long[] CR4_BITS = {
        Cr4.SMEP,
        Cr4.SMAP,
        Cr4.PAGE_GLOBAL,
        Cr4.PAGE_SIZE_EXTENSIONS,
        Cr4.PROTECTION_KEYS,
        Cr4.PROTECTION_KEYS,
        Cr4.PHYSICAL_ADDRESS_EXTENSION,
        Cr4.FIVE_LEVEL,
        Cr4.PROCESS_CONTEXT_IDENTIFIERS
    };
    private static final int[] SIZES = {1, 2, 4, 8, 8, 8, 8, 8};
    private static final int[] SHORT_SIZES = {1, 2, 4, 4, 4, 4, 4, 8};
    private static final int NORMALISE = 12;

    private final GuestLayout layout;
    private final World world;
    private final long[] pages = new long[6];
    /** The registers as they will be when what was drawn so far is executed, if every load of PDPTEs succeeds. */
    private final VcpuState state = new VcpuState();

    private final RegisterWrites registers = new RegisterWrites(state, new RegisterWrites.Effects() {
        @Override
        public boolean loadPdptes(long cr3) {
            return true;
        }

        @Override
        public void controlRegisterWritten(int number, long old) {}

        @Override
        public void eferWritten(long old) {}

        @Override
        public void flushed() {}
    });
    private PagingMode mode = PagingMode.FOUR_LEVEL;
    private long changedGfn = -1;
    /** A guest that rarely does what makes the engine flush: what it does not flush in time shows. */
    private final boolean isQuiet;

    OperationSource(GuestLayout layout, World world) {
        this.layout = layout;
        this.world = world;
        this.isQuiet = layout.chance(50);
        state.cr0 = ShadowMachine.FIRST_CR0;
        state.cr4 = ShadowMachine.FIRST_CR4;
        state.efer = ShadowMachine.FIRST_EFER;
        drawPages();
    }

    private void drawPages() {
        mode = registers.mode();
        for (int i = 0; i < pages.length; i++) {
            pages[i] = layout.page(mode);
        }
    }

    Operation next() {
        Operation drawn = draw();
        switch (drawn.kind()) {
            case TOGGLE_CR0 -> registers.cr0(state.cr0 ^ drawn.value());
            case TOGGLE_CR4 -> registers.cr4(state.cr4 ^ drawn.value());
            case TOGGLE_EFER -> registers.efer(state.efer ^ drawn.value());
            case LOAD_CR3 -> registers.cr3(drawn.value());
            case SWITCH_MODE -> registers.mode(PagingMode.values()[(int) drawn.linear()], drawn.value());
            case WRITE_PKRU -> state.pkru = (int) drawn.value();
            case ACCESS, INVALIDATE_PAGE, INVALIDATE_CONTEXT, CHANGE_P2M, DMA, BLOW -> {}
        }
        if (registers.mode() != mode) {
            drawPages();
        }
        return drawn;
    }

    private Operation draw() {
        if (layout.chance(NORMALISE)) {
            Operation normalising = normalise();
            if (normalising != null) {
                return normalising;
            }
        }
        if (layout.chance(3)) {
            pages[layout.below(pages.length)] = layout.page(mode);
        }
        if (isQuiet && layout.chance(5)) {
            return Operation.of(Kind.INVALIDATE_PAGE, page(), 0);
        }
        int kind = isQuiet && layout.chance(85) ? 40 + layout.below(80) : layout.below(200);
        if (kind < 7) {
            return Operation.of(Kind.INVALIDATE_PAGE, page(), 0);
        }
        if (kind < 15) {
            return Operation.of(Kind.LOAD_CR3, 0, layout.root(mode));
        }
        return switch (kind) {
            case 15 -> layout.chance(70) ? switchMode() : toggle(Kind.TOGGLE_EFER, Efer.LONG_MODE_ENABLE);
            case 16 -> toggle(Kind.TOGGLE_CR0, Cr0.PAGING);
            case 17 -> toggle(Kind.TOGGLE_CR0, Cr0.WRITE_PROTECT);
            case 18 -> Operation.of(Kind.WRITE_PKRU, 0, layout.chance(30) ? 0 : layout.sparse());
            case 19, 20 -> toggle(Kind.TOGGLE_CR4, CR4_BITS[layout.below(CR4_BITS.length)]);
            case 21 ->
                layout.chance(50)
                        ? toggle(Kind.TOGGLE_EFER, Efer.NO_EXECUTE)
                        : Operation.of(Kind.INVALIDATE_CONTEXT, 0, 0);
            case 22, 23, 24 -> {
                changedGfn = layout.gfn();
                yield Operation.of(Kind.CHANGE_P2M, changedGfn << 12, layout.below(CHANGES));
            }
            case 25, 26 -> dma();
            case 27 -> toggle(Kind.TOGGLE_CR0, Cr0.CACHE_DISABLE);
            case 28 -> Operation.of(Kind.BLOW, 0, 0);
            case 29, 30, 31, 32 -> toggle(Kind.TOGGLE_CR4, CR4_BITS[layout.below(CR4_BITS.length)]);
            case 33 -> Operation.of(Kind.INVALIDATE_CONTEXT, 0, 0);
            case 34 -> Operation.of(Kind.WRITE_PKRU, 0, layout.sparse());
            case 35 -> switchMode();
            case 36, 37 -> {
                changedGfn = layout.rootTable(mode);
                yield Operation.of(Kind.CHANGE_P2M, changedGfn << 12, layout.below(CHANGES));
            }
            case 38, 39 -> Operation.of(Kind.LOAD_CR3, 0, layout.root(mode));
            default -> kind < 86 ? tableWrite() : access();
        };
    }

    /** A kernel's write to a table, through the direct map. */
    private Operation tableWrite() {
        GuestLayout.Edit edit =
                layout.edit(mode, layout.chance(10) ? layout.rootTable(mode) : layout.below(GuestLayout.DATA));
        long linear = GuestLayout.direct(mode, edit.gfn()) + edit.offset();
        int flags = layout.chance(5) ? Operation.EXCHANGE : layout.chance(2) ? Operation.UNHANDLEABLE : 0;
        return new Operation(Kind.ACCESS, linear, edit.size(), PageFaultCode.WRITE, edit.value(), flags);
    }

    /** What may become of a frame in the P2M: see {@link ShadowMachine}. */
    private static final int CHANGES = 12;

    private Operation normalise() {
        if (world != World.ALL && mode != world.home()) {
            return switchMode(world.home());
        }
        if (!state.isPaging()) {
            return switchMode();
        }
        if ((state.cr0 & Cr0.WRITE_PROTECT) == 0) {
            return toggle(Kind.TOGGLE_CR0, Cr0.WRITE_PROTECT);
        }
        if ((state.efer & Efer.NO_EXECUTE) == 0) {
            return toggle(Kind.TOGGLE_EFER, Efer.NO_EXECUTE);
        }
        if ((state.cr4 & Cr4.SMAP) != 0) {
            return toggle(Kind.TOGGLE_CR4, Cr4.SMAP);
        }
        if ((state.cr4 & Cr4.PAGE_SIZE_EXTENSIONS) == 0 && layout.chance(30)) {
            return toggle(Kind.TOGGLE_CR4, Cr4.PAGE_SIZE_EXTENSIONS);
        }
        if (changedGfn >= 0) {
            Operation back = Operation.of(Kind.CHANGE_P2M, changedGfn << 12, 7);
            changedGfn = -1;
            return back;
        }
        return null;
    }

    private Operation switchMode() {
        return switchMode(PagingMode.values()[layout.below(PagingMode.values().length)]);
    }

    private Operation switchMode(PagingMode to) {
        long cr3 = layout.chance(80) ? layout.root(to) : -1;
        return Operation.of(Kind.SWITCH_MODE, to.ordinal(), cr3);
    }

    private static Operation toggle(Kind kind, long bit) {
        return Operation.of(kind, 0, bit);
    }

    private long page() {
        return layout.chance(85) ? pages[layout.below(pages.length)] : layout.page(mode);
    }

    private Operation dma() {
        GuestLayout.Edit edit = layout.edit(mode, layout.gfn());
        return new Operation(Kind.DMA, (edit.gfn() << 12) + edit.offset(), edit.size(), 0, edit.value(), 0);
    }

    private Operation access() {
        int access = 0;
        if (layout.chance(45)) {
            access |= PageFaultCode.WRITE;
        } else if (layout.chance(20)) {
            access |= PageFaultCode.FETCH;
        }
        if (layout.chance(isQuiet ? 8 : 35)) {
            access |= PageFaultCode.USER;
        } else if (layout.chance(8) && (access & PageFaultCode.FETCH) == 0) {
            access |= PageFaultCode.IMPLICIT;
        }
        boolean write = (access & PageFaultCode.WRITE) != 0;
        int flags = layout.chance(30) ? Operation.ALIGNMENT_CHECK : 0;
        if (write) {
            flags |= layout.chance(3) ? Operation.UNHANDLEABLE : 0;
            flags |= layout.chance(3) ? Operation.EVENT : 0;
            flags |= layout.chance(8) ? Operation.EXCHANGE : 0;
        }
        GuestLayout.Edit edit = layout.edit(mode, layout.gfn());
        int[] sizes = mode == PagingMode.TWO_LEVEL ? SHORT_SIZES : SIZES;
        int size = sizes[layout.below(sizes.length)];
        long offset = edit.offset();
        if (layout.chance(8)) {
            offset = layout.chance(40) ? 4096 - layout.below(8) : offset + layout.below(8);
        }
        return new Operation(Kind.ACCESS, page() + (offset & 0xFFF), size, access, edit.value(), flags);
    }
}
