package io.umbra.processor.conformance;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * The registers of the host before and after one instruction, in native memory.
 *
 * <pre>
 *    0 RAX, RCX, RDX, RBX, RSP, RBP, RSI, RDI, R8 … R15 | 128 RFLAGS | 136 MXCSR and 140 FCW of the JVM
 *  256 image of FXSAVE64 | 768 upper halves of YMM0 … YMM15, where they take part
 * </pre>
 *
 * <p>RSP is neither loaded nor stored: the instruction runs on the JVM's stack.
 */
public final class RegisterFile {
    static final int RFLAGS = 128, JVM_MXCSR = 136, JVM_CONTROL = 140, IMAGE = 256;
    /** In bytes. */
    public static final int SIZE = IMAGE + 512 + 256;

    static final int UPPER = IMAGE + 512;

    private static final int STACK = IMAGE + 32, XMM = IMAGE + 160;

    final MemorySegment segment;

    /** @param segment native, of {@link #SIZE} bytes, aligned to 16 */
    public RegisterFile(MemorySegment segment) {
        this.segment = segment;
    }

    public long general(int number) {
        return segment.get(ValueLayout.JAVA_LONG, 8L * number);
    }

    public void general(int number, long value) {
        segment.set(ValueLayout.JAVA_LONG, 8L * number, value);
    }

    public long rflags() {
        return segment.get(ValueLayout.JAVA_LONG, RFLAGS);
    }

    /** @param value must leave TF and the system flags clear */
    public void rflags(long value) {
        segment.set(ValueLayout.JAVA_LONG, RFLAGS, value);
    }

    public int mxcsr() {
        return segment.get(ValueLayout.JAVA_INT, IMAGE + 24);
    }

    /** @param value must mask all exceptions, or a test may end the JVM */
    public void mxcsr(int value) {
        segment.set(ValueLayout.JAVA_INT, IMAGE + 24, value);
    }

    /** @param half twice the register's number, plus 1 for bits 127..64 */
    public long xmm(int half) {
        return segment.get(ValueLayout.JAVA_LONG, XMM + 8L * half);
    }

    public void xmm(int half, long value) {
        segment.set(ValueLayout.JAVA_LONG, XMM + 8L * half, value);
    }

    /** @param half twice the register's number, plus 1 for bits 255..192 */
    public long ymmHigh(int half) {
        return segment.get(ValueLayout.JAVA_LONG, UPPER + 8L * half);
    }

    public void ymmHigh(int half, long value) {
        segment.set(ValueLayout.JAVA_LONG, UPPER + 8L * half, value);
    }

    public int x87Control() {
        return Short.toUnsignedInt(segment.get(ValueLayout.JAVA_SHORT, IMAGE));
    }

    public void x87Control(int value) {
        segment.set(ValueLayout.JAVA_SHORT, IMAGE, (short) value);
    }

    public int x87Status() {
        return Short.toUnsignedInt(segment.get(ValueLayout.JAVA_SHORT, IMAGE + 2));
    }

    /** Before any access to a register of the stack: TOP says which is which. */
    public void x87Status(int value) {
        segment.set(ValueLayout.JAVA_SHORT, IMAGE + 2, (short) value);
    }

    /** One bit a physical register, set when it is empty. */
    public int x87Empty() {
        return ~segment.get(ValueLayout.JAVA_BYTE, IMAGE + 4) & 0xFF;
    }

    public void x87Empty(int value) {
        segment.set(ValueLayout.JAVA_BYTE, IMAGE + 4, (byte) ~value);
    }

    /** 11 bits. */
    public int x87Opcode() {
        return Short.toUnsignedInt(segment.get(ValueLayout.JAVA_SHORT, IMAGE + 6));
    }

    public void x87Opcode(int value) {
        segment.set(ValueLayout.JAVA_SHORT, IMAGE + 6, (short) value);
    }

    public long x87InstructionPointer() {
        return segment.get(ValueLayout.JAVA_LONG, IMAGE + 8);
    }

    public void x87InstructionPointer(long value) {
        segment.set(ValueLayout.JAVA_LONG, IMAGE + 8, value);
    }

    public long x87DataPointer() {
        return segment.get(ValueLayout.JAVA_LONG, IMAGE + 16);
    }

    public void x87DataPointer(long value) {
        segment.set(ValueLayout.JAVA_LONG, IMAGE + 16, value);
    }

    /** @param number of the physical register, which is also that of the MMX register */
    public long x87Significand(int number) {
        return segment.get(ValueLayout.JAVA_LONG, place(number));
    }

    public int x87SignExponent(int number) {
        return Short.toUnsignedInt(segment.get(ValueLayout.JAVA_SHORT, place(number) + 8));
    }

    public void x87Register(int number, int signExponent, long significand) {
        segment.set(ValueLayout.JAVA_LONG, place(number), significand);
        segment.set(ValueLayout.JAVA_SHORT, place(number) + 8, (short) signExponent);
    }

    private long place(int number) {
        return STACK + 16L * (number - (x87Status() >> 11) & 7);
    }
}
