package io.umbra.vmm.pv;

import io.umbra.vmm.xen.HypercallNumber;
import java.io.ByteArrayOutputStream;

/** Machine code, put together by hand: enough for guests of some instructions. Registers are numbered as in {@link io.umbra.x86.VcpuState}. */
final class Code {
    private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();

    Code bytes(int... values) {
        for (int value : values) {
            bytes.write(value);
        }
        return this;
    }

    /** MOV register, imm64. */
    Code mov(int register, long value) {
        return bytes(register < 8 ? 0x48 : 0x49, 0xB8 + (register & 7)).number(value, 8);
    }

    /** MOV [address], RAX, through RBX. */
    Code store(long address) {
        return mov(3, address).bytes(0x48, 0x89, 0x03);
    }

    /** MOV RAX, [address]. */
    Code load(long address) {
        return mov(3, address).bytes(0x48, 0x8B, 0x03);
    }

    /** MOV [address], register, through RBX. */
    Code store(int register, long address) {
        return mov(3, address).bytes(register < 8 ? 0x48 : 0x4C, 0x89, 0x03 | (register & 7) << 3);
    }

    /** PUSH imm64, through RBX. */
    Code push(long value) {
        return mov(3, value).bytes(0x53);
    }

    Code syscall() {
        return bytes(0x0F, 0x05);
    }

    /** A hypercall; RAX has the answer. */
    Code hypercall(HypercallNumber number, long... arguments) {
        int[] registers = {7, 6, 2, 10, 8, 9};
        for (int i = 0; i < arguments.length; i++) {
            mov(registers[i], arguments[i]);
        }
        return mov(0, number.number()).syscall();
    }

    /** The guest powers itself off. */
    Code end() {
        return hypercall(HypercallNumber.SCHED_OP, 2, TestGuest.ZERO);
    }

    private Code number(long value, int size) {
        for (int i = 0; i < size; i++) {
            bytes.write((int) (value >>> 8 * i) & 0xFF);
        }
        return this;
    }

    byte[] finished() {
        return bytes.toByteArray();
    }
}
