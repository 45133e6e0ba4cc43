package io.umbra.vmm.firmware;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;

/** Builds ACPI machine language, term by term. Source: ACPI specification 6.4, chapter 20 (AML), section 6.4 (resource descriptors). */
final class Aml {
    private static final int ZERO_OP = 0x00;
    private static final int ONE_OP = 0x01;
    private static final int NAME_OP = 0x08;
    private static final int BYTE_PREFIX = 0x0A;
    private static final int WORD_PREFIX = 0x0B;
    private static final int DWORD_PREFIX = 0x0C;
    private static final int STRING_PREFIX = 0x0D;
    private static final int SCOPE_OP = 0x10;
    private static final int BUFFER_OP = 0x11;
    private static final int PACKAGE_OP = 0x12;
    private static final int EXTENDED_PREFIX = 0x5B;
    private static final int DEVICE_OP = 0x82;

    private static final int SEGMENT = 4;
    private static final int IO_DESCRIPTOR = 0x47;
    private static final int DECODES_16_BITS = 0x01;
    private static final int IRQ_DESCRIPTOR = 0x22;
    private static final int END_TAG = 0x79;

    private Aml() {}

    /** {@code Scope (path) { content }} */
    static byte[] scope(String path, byte[]... content) {
        return join(bytes(SCOPE_OP), sized(join(name(path), join(content))));
    }

    /** {@code Device (name) { content }} */
    static byte[] device(String name, byte[]... content) {
        return join(bytes(EXTENDED_PREFIX, DEVICE_OP), sized(join(name(name), join(content))));
    }

    /** {@code Name (name, value)} */
    static byte[] named(String name, byte[] value) {
        return join(bytes(NAME_OP), name(name), value);
    }

    /** {@code Package () { elements }} */
    static byte[] elements(byte[]... elements) {
        return join(bytes(PACKAGE_OP), sized(join(bytes(elements.length), join(elements))));
    }

    /** An integer of at most 32 bits, in its shortest form. */
    static byte[] integer(int value) {
        if (value == 0 || value == 1) {
            return bytes(value == 0 ? ZERO_OP : ONE_OP);
        }
        if (value >>> 8 == 0) {
            return bytes(BYTE_PREFIX, value);
        }
        return value >>> 16 == 0
                ? bytes(WORD_PREFIX, value, value >> 8)
                : bytes(DWORD_PREFIX, value, value >> 8, value >> 16, value >> 24);
    }

    static byte[] string(String text) {
        return join(bytes(STRING_PREFIX), text.getBytes(StandardCharsets.US_ASCII), bytes(0));
    }

    /** {@code EisaId (id)}: three letters of five bits each and four hexadecimal digits, packed with the high byte first. */
    static byte[] eisaId(String id) {
        int letters = id.charAt(0) - '@' << 10 | id.charAt(1) - '@' << 5 | id.charAt(2) - '@';
        int packed = letters << 16 | Integer.parseInt(id.substring(3), 16);
        return bytes(DWORD_PREFIX, packed >> 24, packed >> 16, packed >> 8, packed);
    }

    // ---- resources
    // ---------------------------------------------------------------------------------------------------

    /** {@code ResourceTemplate () { descriptors }}. The sum of an end tag may be 0: it is not checked then. */
    static byte[] resources(byte[]... descriptors) {
        byte[] content = join(join(descriptors), bytes(END_TAG, 0));
        return join(bytes(BUFFER_OP), sized(join(integer(content.length), content)));
    }

    /** {@code IO (Decode16, first, first, 1, count)} */
    static byte[] ports(int first, int count) {
        return bytes(IO_DESCRIPTOR, DECODES_16_BITS, first, first >> 8, first, first >> 8, 1, count);
    }

    /** {@code IRQNoFlags () {irq}}: edge-triggered, active high, not shared. */
    static byte[] interrupt(int irq) {
        return bytes(IRQ_DESCRIPTOR, 1 << irq, 1 << irq >> 8);
    }

    // ---- encoding
    // ----------------------------------------------------------------------------------------------------

    /** A path of one segment, absolute when it starts with a backslash; segments have four characters, filled up with underscores. */
    private static byte[] name(String path) {
        boolean isAbsolute = path.startsWith("\\");
        String segment = isAbsolute ? path.substring(1) : path;
        String filled = segment + "_".repeat(SEGMENT - segment.length());
        return ((isAbsolute ? "\\" : "") + filled).getBytes(StandardCharsets.US_ASCII);
    }

    /** PkgLength, which counts itself, and the content: one byte up to 63, else the low four bits and one or two bytes more. */
    private static byte[] sized(byte[] content) {
        int length = content.length + 1;
        if (length < 1 << 6) {
            return join(bytes(length), content);
        }
        length++;
        if (length < 1 << 12) {
            return join(bytes(1 << 6 | length & 0xF, length >> 4), content);
        }
        length++;
        return join(bytes(2 << 6 | length & 0xF, length >> 4, length >> 12), content);
    }

    private static byte[] bytes(int... values) {
        byte[] bytes = new byte[values.length];
        for (int i = 0; i < values.length; i++) {
            bytes[i] = (byte) values[i];
        }
        return bytes;
    }

    static byte[] join(byte[]... parts) {
        ByteArrayOutputStream joined = new ByteArrayOutputStream();
        for (byte[] part : parts) {
            joined.writeBytes(part);
        }
        return joined.toByteArray();
    }
}
