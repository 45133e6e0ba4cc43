package io.umbra.processor;

import io.umbra.processor.fp.Float80;
import io.umbra.processor.fp.FloatEnvironment;

/** How a number lies in memory for the x87. Intel SDM vol. 1, figure 8-13. */
enum X87Format {
    SINGLE(4, 0xFFC0_0000L),
    DOUBLE(8, 0xFFF8_0000_0000_0000L),
    EXTENDED(10, 0),
    WORD(2, 0x8000),
    INTEGER(4, 0x8000_0000L),
    LONG(8, 0x8000_0000_0000_0000L),
    DECIMAL(10, 0);

    /** In bytes. */
    final int size;

    /** What an invalid operation stores; the two of 10 bytes have more than fits here. */
    final long indefinite;

    X87Format(int size, long indefinite) {
        this.size = size;
        this.indefinite = indefinite;
    }

    static X87Format real(int size) {
        return size == 4 ? SINGLE : size == 8 ? DOUBLE : EXTENDED;
    }

    static X87Format integer(int size) {
        return size == 2 ? WORD : size == 4 ? INTEGER : LONG;
    }

    /** Reads the raw bits: the first eight bytes to the significand, two more to sign and exponent. */
    void fetch(Cpu cpu, Address address, Float80 target) {
        long linear = address.linear(cpu, size);
        if (size == 10) {
            cpu.probeRead(linear, size);
            target.set(cpu.load64(linear), (int) cpu.load16(behind(cpu, linear, 8)));
        } else {
            target.set(cpu.load(linear, size), 0);
        }
    }

    /** Linear addresses wrap at 4 GiB, but in 64-bit mode. */
    static long behind(Cpu cpu, long linear, int bytes) {
        return cpu.ripMask == -1L ? linear + bytes : linear + bytes & 0xFFFF_FFFFL;
    }

    /** As FLD, FILD and FBLD do: a signalling NaN or a denormal of the narrower formats is an exception. */
    void load(Float80 target, Float80 raw, FloatEnvironment env) {
        switch (this) {
            case SINGLE -> Float80.fromFloat32(target, (int) raw.significand, env);
            case DOUBLE -> Float80.fromFloat64(target, raw.significand, env);
            case DECIMAL -> Float80.fromBcd(target, raw);
            case EXTENDED, WORD, INTEGER, LONG -> widen(target, raw);
        }
    }

    /** As the operand of arithmetic: raises nothing by itself. Not for {@link #DECIMAL}. */
    void widen(Float80 target, Float80 raw) {
        switch (this) {
            case SINGLE -> Float80.widenFloat32(target, (int) raw.significand);
            case DOUBLE -> Float80.widenFloat64(target, raw.significand);
            case WORD -> Float80.fromInt64(target, raw.significand << 48 >> 48);
            case INTEGER -> Float80.fromInt64(target, raw.significand << 32 >> 32);
            case LONG -> Float80.fromInt64(target, raw.significand);
            case EXTENDED, DECIMAL -> target.copy(raw);
        }
    }

    /** The bits to store; not for the two of 10 bytes. */
    long convert(Float80 value, FloatEnvironment env) {
        return switch (this) {
            case SINGLE -> Float80.toFloat32(value, env);
            case DOUBLE -> Float80.toFloat64(value, env);
            case WORD -> Float80.toInt16(value, env);
            case INTEGER -> Float80.toInt32(value, env);
            case LONG -> Float80.toInt64(value, env);
            case EXTENDED, DECIMAL -> value.significand;
        };
    }

    /** FISTTP. */
    long truncate(Float80 value, FloatEnvironment env) {
        return switch (size) {
            case 2 -> Float80.toInt16Truncated(value, env);
            case 4 -> Float80.toInt32Truncated(value, env);
            default -> Float80.toInt64Truncated(value, env);
        };
    }
}
