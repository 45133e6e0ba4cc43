package io.umbra.vmm.loader;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.util.Arrays;

/**
 * The bytes of an image with its name, read little-endian. A field beyond the end makes a {@link LoadException}; offsets
 * are unsigned 64-bit numbers as they come from the file.
 */
@SuppressWarnings("ArrayRecordComponent")
record ImageBytes(byte[] content, String name) {
    private static final VarHandle SHORT = MethodHandles.byteArrayViewVarHandle(short[].class, ByteOrder.LITTLE_ENDIAN);
    private static final VarHandle INT = MethodHandles.byteArrayViewVarHandle(int[].class, ByteOrder.LITTLE_ENDIAN);
    private static final VarHandle LONG = MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);

    int length() {
        return content.length;
    }

    boolean holds(long offset, long length) {
        return offset >= 0 && length >= 0 && offset <= content.length && length <= content.length - offset;
    }

    int u8(long offset) throws LoadException {
        return content[at(offset, 1)] & 0xff;
    }

    int u16(long offset) throws LoadException {
        return (short) SHORT.get(content, at(offset, 2)) & 0xffff;
    }

    long u32(long offset) throws LoadException {
        return (int) INT.get(content, at(offset, 4)) & 0xffff_ffffL;
    }

    long u64(long offset) throws LoadException {
        return (long) LONG.get(content, at(offset, 8));
    }

    boolean startsWith(long offset, String latin1) {
        if (!holds(offset, latin1.length())) {
            return false;
        }
        for (int index = 0; index < latin1.length(); index++) {
            if ((content[(int) offset + index] & 0xff) != latin1.charAt(index)) {
                return false;
            }
        }
        return true;
    }

    /** A copy of a part. */
    byte[] slice(long offset, long length) throws LoadException {
        int from = at(offset, length);
        return Arrays.copyOfRange(content, from, from + (int) length);
    }

    LoadException wrong(String what) {
        return new LoadException(name + ": " + what);
    }

    private int at(long offset, long length) throws LoadException {
        if (!holds(offset, length)) {
            throw wrong("truncated: %d bytes at %#x run past its end at %#x".formatted(length, offset, content.length));
        }
        return (int) offset;
    }
}
