package io.umbra.vmm.hvm;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/** The page of entries that kernels call instead of knowing VMCALL from VMMCALL: 32 bytes a hypercall, the same for code of 64 and of 32 bits. Xen: {@code hvm_hypercall_page_initialise}. */
final class HypercallPage {
    private static final int BYTES = 4096, ENTRY = 32;
    private static final byte MOV_EAX = (byte) 0xB8, RET = (byte) 0xC3, INT3 = (byte) 0xCC;
    private static final short UD2 = 0x0B0F;
    private static final int VMMCALL = 0xD9_010F;
    /** An HVM guest has IRET itself. */
    private static final int IRET = 23;

    static byte[] content() {
        ByteBuffer page = ByteBuffer.allocate(BYTES).order(ByteOrder.LITTLE_ENDIAN);
        while (page.hasRemaining()) {
            page.put(INT3);
        }
        for (int number = 0; number < BYTES / ENTRY; number++) {
            page.position(number * ENTRY);
            if (number == IRET) {
                page.putShort(UD2);
            } else {
                page.put(MOV_EAX)
                        .putInt(number)
                        .putShort((short) VMMCALL)
                        .put((byte) (VMMCALL >>> 16))
                        .put(RET);
            }
        }
        return page.array();
    }

    private HypercallPage() {}
}
