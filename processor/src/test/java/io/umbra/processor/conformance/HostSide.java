package io.umbra.processor.conformance;

import io.umbra.processor.host.HostMapping;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.HexFormat;

/**
 * The host's processor. A stub loads all registers, RSP too, and jumps to the instruction; the pads of its slot lead to a stub that stores them again. Both address the registers
 * absolutely, so that none is lost. Signals are blocked while this is open, since RSP points anywhere.
 */
final class HostSide implements AutoCloseable {
    private static final int RSP = 4;
    private static final String NEAR = "ff24", FAR = "ff2c";
    private static final long CODE_32_SELECTOR = 0x23L << 32;
    private static final int ROOM = 0x200;

    private final Arena arena = Arena.ofConfined();
    private final MemorySegment savedSignals = arena.allocate(128);
    private final HostMapping mapping = HostMapping.below2GiB(Layout.SIZE);
    final RegisterFile before = registers(Layout.BEFORE);
    final RegisterFile after = registers(Layout.AFTER);

    HostSide() {
        stub(Layout.ENTRY, entry("", NEAR));
        stub(Layout.VECTOR_ENTRY, entry("480fae0c25" + absolute(Layout.BEFORE + RegisterFile.IMAGE), NEAR));
        stub(Layout.EXIT, exit(""));
        stub(
                Layout.VECTOR_EXIT,
                exit("480fae0425" + absolute(Layout.AFTER + RegisterFile.IMAGE)
                        + "dbe3 0fae1425"
                        + absolute(Layout.BEFORE + RegisterFile.JVM_MXCSR)
                        + "d92c25"
                        + absolute(Layout.BEFORE + RegisterFile.JVM_CONTROL)));
        stub(Layout.COMPATIBILITY_ENTRY, entry("b82b000000 8ed8 8ec0", FAR));
        // From 32-bit code there is a far jump to 64-bit code; the null selectors are those of every 64-bit process.
        stub(Layout.COMPATIBILITY_EXIT, "ea" + absolute(Layout.FROM_COMPATIBILITY) + "3300");
        stub(Layout.FROM_COMPATIBILITY, exit("31c0 8ed8 8ec0"));
        mapping.executable(0, 4096, true);
        HostMapping.blockSignals(arena.allocate(128), savedSignals);
    }

    long base() {
        return mapping.address();
    }

    private RegisterFile registers(int offset) {
        return new RegisterFile(mapping.segment.asSlice(offset, RegisterFile.SIZE));
    }

    /** Writes code between {@link #writeCode} and {@link #finishCode}. */
    void code(int offset, byte[] bytes) {
        MemorySegment.copy(bytes, 0, mapping.segment, ValueLayout.JAVA_BYTE, offset, bytes.length);
    }

    void writeCode() {
        mapping.executable(Layout.CODE, Layout.CODE_PAGES * 4096L, false);
    }

    void finishCode() {
        mapping.executable(Layout.CODE, Layout.CODE_PAGES * 4096L, true);
    }

    void window(byte[] bytes) {
        MemorySegment.copy(
                bytes, 0, mapping.segment, ValueLayout.JAVA_BYTE, Layout.MIDDLE - Layout.REACH, bytes.length);
    }

    void readWindow(byte[] bytes) {
        MemorySegment.copy(
                mapping.segment, ValueLayout.JAVA_BYTE, Layout.MIDDLE - Layout.REACH, bytes, 0, bytes.length);
    }

    byte[] data() {
        return mapping.segment
                .asSlice(Layout.DATA, Layout.DATA_END - Layout.DATA)
                .toArray(ValueLayout.JAVA_BYTE);
    }

    int path() {
        return mapping.segment.get(ValueLayout.JAVA_INT, Layout.PATH);
    }

    /**
     * From {@link #before} to {@link #after}.
     *
     * @param instruction its linear address
     */
    void run32(long instruction) {
        mapping.segment.set(ValueLayout.JAVA_INT, Layout.PATH, 0);
        mapping.segment.set(ValueLayout.JAVA_LONG, Layout.TARGET, CODE_32_SELECTOR | instruction);
        mapping.call(Layout.COMPATIBILITY_ENTRY);
    }

    /** The same in 64-bit code. */
    void run(long instruction, boolean withVectors) {
        mapping.segment.set(ValueLayout.JAVA_INT, Layout.PATH, 0);
        mapping.segment.set(ValueLayout.JAVA_LONG, Layout.TARGET, instruction);
        mapping.call(withVectors ? Layout.VECTOR_ENTRY : Layout.ENTRY);
    }

    // ---- stubs
    // -------------------------------------------------------------------------------------------------------------

    private void stub(int offset, String hex) {
        byte[] bytes = HexFormat.of().parseHex(hex.replace(" ", ""));
        if (bytes.length > ROOM) {
            throw new IllegalStateException("no room for " + bytes.length + " bytes");
        }
        code(offset, bytes);
    }

    /** @param jump through memory: near, or far */
    private String entry(String vectors, String jump) {
        StringBuilder code = new StringBuilder("53 55 4154 4155 4156 4157")
                .append("48892425")
                .append(absolute(Layout.JVM_STACK_POINTER))
                .append("0fae1c25")
                .append(absolute(Layout.BEFORE + RegisterFile.JVM_MXCSR))
                .append("d93c25")
                .append(absolute(Layout.BEFORE + RegisterFile.JVM_CONTROL))
                .append(vectors)
                .append("ff3425")
                .append(absolute(Layout.BEFORE + RegisterFile.RFLAGS))
                .append("9d");
        for (int register = 0; register < 16; register++) {
            code.append(move("8b", register, Layout.BEFORE));
        }
        return code.append(jump).append("25").append(absolute(Layout.TARGET)).toString();
    }

    private String exit(String vectors) {
        StringBuilder code = new StringBuilder();
        for (int register = 0; register < 16; register++) {
            code.append(move("89", register, Layout.AFTER));
        }
        return code.append("488b2425")
                .append(absolute(Layout.JVM_STACK_POINTER))
                .append("9c 8f0425")
                .append(absolute(Layout.AFTER + RegisterFile.RFLAGS))
                .append("6802020000 9d")
                .append(vectors)
                .append("415f 415e 415d 415c 5d 5b c3")
                .toString();
    }

    private String move(String opcode, int register, int file) {
        String rex = register < 8 ? "48" : "4c";
        int modRm = (register & 7) << 3 | RSP;
        return rex + opcode + HexFormat.of().toHexDigits((byte) modRm) + "25" + absolute(file + 8 * register);
    }

    private String absolute(int offset) {
        return HexFormat.of().toHexDigits(Integer.reverseBytes((int) base() + offset));
    }

    @Override
    public void close() {
        HostMapping.restoreSignals(savedSignals);
        mapping.close();
        arena.close();
    }
}
