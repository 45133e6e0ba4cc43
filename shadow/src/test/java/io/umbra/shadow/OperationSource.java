package io.umbra.shadow;

import io.umbra.x86.Cr0;
import io.umbra.x86.Cr4;
import io.umbra.x86.PageFaultCode;
import io.umbra.shadow.Operation.Kind;

/** Draws operations, the frequent ones more often. */
final class OperationSource {
    private static final long[] CR4_BITS = {Cr4.SMEP, Cr4.SMAP, Cr4.PAGE_GLOBAL};
    private static final int[] SIZES = {1, 2, 4, 8, 8, 8, 8, 8};

    private final GuestLayout layout;

    OperationSource(GuestLayout layout) {
        this.layout = layout;
    }

    Operation next() {
        int kind = layout.below(100);
        if (kind < 78) {
            return access();
        }
        if (kind < 84) {
            return Operation.of(Kind.INVALIDATE_PAGE, layout.page(), 0);
        }
        if (kind < 89) {
            return Operation.of(Kind.LOAD_CR3, 0, root());
        }
        return switch (kind) {
            case 89 -> Operation.of(Kind.TOGGLE_CR0, 0, layout.chance(70) ? Cr0.WRITE_PROTECT : Cr0.PAGING);
            case 90 -> Operation.of(Kind.TOGGLE_CR0, 0, Cr0.WRITE_PROTECT);
            case 91 -> Operation.of(Kind.TOGGLE_CR4, 0, CR4_BITS[layout.below(CR4_BITS.length)]);
            case 92 -> Operation.of(Kind.TOGGLE_NO_EXECUTE, 0, 0);
            case 93, 94 -> Operation.of(Kind.CHANGE_P2M, layout.gfn() << 12, layout.below(8));
            case 95, 96 -> dma();
            case 97 -> Operation.of(Kind.BLOW, 0, 0);
            default -> access();
        };
    }

    /** Mostly a table, and sometimes nothing at all. */
    private long root() {
        long gfn = layout.chance(85) ? layout.below(4) : layout.chance(70) ? layout.gfn() : 0x300;
        return gfn << 12 | (layout.chance(20) ? 0x18 : 0);
    }

    private Operation dma() {
        long address = layout.gfn() << 12 | layout.slot() * 8L;
        return new Operation(Kind.DMA, address, 8, 0, layout.entry(), 0);
    }

    private Operation access() {
        int access = 0;
        if (layout.chance(45)) {
            access |= PageFaultCode.WRITE;
        } else if (layout.chance(20)) {
            access |= PageFaultCode.FETCH;
        }
        if (layout.chance(35)) {
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
        if (layout.chance(12)) {
            offset = layout.chance(40) ? 4096 - layout.below(8) : offset + layout.below(8);
        }
        return new Operation(Kind.ACCESS, layout.page() + (offset & 0xFFF), size, access, layout.entry(), flags);
    }
}
