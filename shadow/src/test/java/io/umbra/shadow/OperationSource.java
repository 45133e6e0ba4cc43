package io.umbra.shadow;

import io.umbra.shadow.Operation.Kind;
import io.umbra.x86.Cr0;
import io.umbra.x86.Cr4;
import io.umbra.x86.PageFaultCode;

/**
 * Draws operations, the frequent ones more often. It comes back to a few pages again and again, and to normal registers and a whole P2M before long, so that most accesses
 * find something.
 */
final class OperationSource {
    private static final long[] CR4_BITS = {Cr4.SMEP, Cr4.SMAP, Cr4.PAGE_GLOBAL};
    private static final int[] SIZES = {1, 2, 4, 8, 8, 8, 8, 8};
    private static final int NORMALISE = 12;

    private final GuestLayout layout;
    private final long[] pages = new long[6];
    private boolean paging = true;
    private boolean writeProtect = true;
    private boolean noExecute = true;
    private long cr4;
    private long changedGfn = -1;
    /** A guest that rarely does what makes the engine flush: what it does not flush in time shows. */
    private final boolean isQuiet;

    OperationSource(GuestLayout layout) {
        this.layout = layout;
        this.isQuiet = layout.chance(50);
        for (int i = 0; i < pages.length; i++) {
            pages[i] = layout.page();
        }
    }

    Operation next() {
        if (layout.chance(NORMALISE)) {
            Operation normalising = normalise();
            if (normalising != null) {
                return normalising;
            }
        }
        if (layout.chance(3)) {
            pages[layout.below(pages.length)] = layout.page();
        }
        if (isQuiet && layout.chance(5)) {
            return Operation.of(Kind.INVALIDATE_PAGE, page(), 0);
        }
        int kind = isQuiet && layout.chance(85) ? 29 + layout.below(80) : layout.below(200);
        if (kind < 8) {
            return Operation.of(Kind.INVALIDATE_PAGE, page(), 0);
        }
        if (kind < 16) {
            return Operation.of(Kind.LOAD_CR3, 0, root());
        }
        return switch (kind) {
            case 16 -> toggleCr0(Cr0.PAGING);
            case 17, 18 -> toggleCr0(Cr0.WRITE_PROTECT);
            case 19, 20 -> toggleCr4(CR4_BITS[layout.below(CR4_BITS.length)]);
            case 21 -> toggleNoExecute();
            case 22, 23, 24 -> {
                changedGfn = layout.gfn();
                yield Operation.of(Kind.CHANGE_P2M, changedGfn << 12, layout.below(8));
            }
            case 25, 26, 27 -> dma();
            case 28 -> Operation.of(Kind.BLOW, 0, 0);
            default -> kind < 75 ? tableWrite() : access();
        };
    }

    /** A kernel's write to a table, through the direct map. */
    private Operation tableWrite() {
        long gfn = layout.below(GuestLayout.DATA);
        long linear = GuestLayout.direct(gfn) | layout.slot() * 8L;
        int flags = layout.chance(5) ? Operation.EXCHANGE : layout.chance(2) ? Operation.UNHANDLEABLE : 0;
        return new Operation(Kind.ACCESS, linear, 8, PageFaultCode.WRITE, layout.entryOf(gfn), flags);
    }

    private Operation normalise() {
        if (!paging) {
            return toggleCr0(Cr0.PAGING);
        }
        if (!writeProtect) {
            return toggleCr0(Cr0.WRITE_PROTECT);
        }
        if (!noExecute) {
            return toggleNoExecute();
        }
        if ((cr4 & Cr4.SMAP) != 0) {
            return toggleCr4(Cr4.SMAP);
        }
        if (changedGfn >= 0) {
            Operation back = Operation.of(Kind.CHANGE_P2M, changedGfn << 12, 7);
            changedGfn = -1;
            return back;
        }
        return null;
    }

    private Operation toggleCr0(long bit) {
        paging ^= bit == Cr0.PAGING;
        writeProtect ^= bit == Cr0.WRITE_PROTECT;
        return Operation.of(Kind.TOGGLE_CR0, 0, bit);
    }

    private Operation toggleCr4(long bit) {
        cr4 ^= bit;
        return Operation.of(Kind.TOGGLE_CR4, 0, bit);
    }

    private Operation toggleNoExecute() {
        noExecute = !noExecute;
        return Operation.of(Kind.TOGGLE_NO_EXECUTE, 0, 0);
    }

    private long page() {
        return layout.chance(85) ? pages[layout.below(pages.length)] : layout.page();
    }

    /** Mostly a table, and sometimes nothing at all. */
    private long root() {
        long gfn = layout.chance(93) ? layout.below(4) : layout.chance(70) ? layout.gfn() : 0x300;
        return gfn << 12 | (layout.chance(20) ? 0x18 : 0);
    }

    private Operation dma() {
        long address = layout.gfn() << 12 | layout.slot() * 8L;
        return new Operation(Kind.DMA, address, 8, 0, layout.entryOf(address >>> 12), 0);
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
        int size = SIZES[layout.below(SIZES.length)];
        long offset = layout.slot() * 8L;
        if (layout.chance(8)) {
            offset = layout.chance(40) ? 4096 - layout.below(8) : offset + layout.below(8);
        }
        return new Operation(Kind.ACCESS, page() + (offset & 0xFFF), size, access, layout.entryOf(layout.gfn()), flags);
    }
}
