package io.umbra.vmm.pv;

import io.umbra.vmm.xen.HypercallNumber;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * The page of entries that kernels call instead of executing SYSCALL themselves: 32 bytes a hypercall. Each saves RCX and R11, which SYSCALL destroys; that of iret does not come back and leaves them, and
 * RAX, on the stack. Xen: {@code hypercall_page_initialise_ring3_kernel}.
 */
final class HypercallPage {
    private static final int BYTES = 4096, ENTRY = 32;
    private static final byte PUSH_RCX = 0x51, PUSH_RAX = 0x50, POP_RCX = 0x59, RET = (byte) 0xC3, INT3 = (byte) 0xCC;
    private static final short PUSH_R11 = 0x5341, POP_R11 = 0x5B41, SYSCALL = 0x050F;
    private static final byte MOV_EAX = (byte) 0xB8;

    static byte[] content() {
        ByteBuffer page = ByteBuffer.allocate(BYTES).order(ByteOrder.LITTLE_ENDIAN);
        while (page.hasRemaining()) {
            page.put(INT3);
        }
        for (int number = 0; number < BYTES / ENTRY; number++) {
            page.position(number * ENTRY);
            page.put(PUSH_RCX).putShort(PUSH_R11);
            if (number == HypercallNumber.IRET.number()) {
                page.put(PUSH_RAX).put(MOV_EAX).putInt(number).putShort(SYSCALL);
            } else {
                page.put(MOV_EAX)
                        .putInt(number)
                        .putShort(SYSCALL)
                        .putShort(POP_R11)
                        .put(POP_RCX)
                        .put(RET);
            }
        }
        return page.array();
    }

    private HypercallPage() {}
}
