package io.umbra.processor.conformance;

import io.umbra.processor.SoftwareProcessor;
import io.umbra.processor.TestedTranslation;
import io.umbra.x86.Cr0;
import io.umbra.x86.Cr4;
import io.umbra.x86.Efer;
import io.umbra.x86.Exit;
import io.umbra.x86.HardwarePaging;
import io.umbra.x86.Intercepts;
import io.umbra.x86.LongModeEntry;
import io.umbra.x86.MachineMemory;
import io.umbra.x86.VcpuState;

/** The software processor, as a process under an operating system sees it: 64-bit code at CPL 3, with the pages of {@link Layout}. Every exception leaves it. */
final class GuestSide implements AutoCloseable {
    /** The selectors that Linux gives its processes. */
    private static final int CODE_SELECTOR = 0x33, CODE_32_SELECTOR = 0x23, DATA_SELECTOR = 0x2B;

    private static final int CODE_64 = 0xAFB, CODE_32 = 0xCFB, DATA = 0xCF3;
    private static final long RWU = LongModeEntry.PRESENT | LongModeEntry.WRITABLE | LongModeEntry.USER;
    private static final byte[] VMMCALL = {0x0F, 0x01, (byte) 0xD9};
    private static final Intercepts ALL_EXCEPTIONS = new Intercepts(-1, 0, false, false);

    private static final int FRAMES = 512;
    /** With nested paging, gfn n is mfn n ^ this. */
    private static final int SCATTER = 0xA5;

    private final MachineMemory memory = new MachineMemory(FRAMES);
    private final VcpuState state = new VcpuState();
    private final SoftwareProcessor processor = new SoftwareProcessor(state, memory, TestedTranslation.TRANSLATION);
    private final long base;
    private final int scatter;
    private int nextFrame = 1;
    private final long root;

    GuestSide(long base, Conformance.Paging paging, CodeMode mode) {
        boolean nested = paging == Conformance.Paging.NESTED;
        this.base = base;
        this.scatter = nested ? SCATTER : 0;
        this.root = nextFrame++;
        for (int offset = 0; offset < Layout.SIZE; offset += 4096) {
            memory.writeLong(entry(root, base + offset), LongModeEntry.of(nextFrame++, RWU));
        }
        state.cr0 = Cr0.PROTECTION | Cr0.PAGING | Cr0.WRITE_PROTECT | Cr0.EXTENSION_TYPE | Cr0.NUMERIC_ERROR;
        state.cr4 = Cr4.PHYSICAL_ADDRESS_EXTENSION | Cr4.FXSAVE | Cr4.SIMD_EXCEPTIONS;
        state.efer = Efer.LONG_MODE_ENABLE | Efer.LONG_MODE_ACTIVE | Efer.NO_EXECUTE | Efer.SYSCALL;
        state.cr3 = root << 12;
        state.segments[VcpuState.CS].set(
                mode.is64() ? CODE_SELECTOR : CODE_32_SELECTOR, 0, 0xFFFF_FFFFL, mode.is64() ? CODE_64 : CODE_32);
        if (!mode.is64()) {
            state.segments[VcpuState.DS].set(DATA_SELECTOR, 0, 0xFFFF_FFFFL, DATA);
            state.segments[VcpuState.ES].set(DATA_SELECTOR, 0, 0xFFFF_FFFFL, DATA);
        }
        state.segments[VcpuState.SS].set(DATA_SELECTOR, 0, 0xFFFF_FFFFL, DATA);
        state.cpl = 3;
        processor.load(
                nested ? new HardwarePaging.Nested(p2m() << 12) : new HardwarePaging.Shadow(root << 12, false, false));
        processor.intercept(ALL_EXCEPTIONS);
        code(Layout.EXIT, VMMCALL);
        code(Layout.VECTOR_EXIT, VMMCALL);
        code(Layout.COMPATIBILITY_EXIT, VMMCALL);
    }

    VcpuState state() {
        return state;
    }

    void code(int offset, byte[] bytes) {
        write(offset, bytes);
    }

    void window(byte[] bytes) {
        write(Layout.MIDDLE - Layout.REACH, bytes);
    }

    void readWindow(byte[] bytes) {
        read(Layout.MIDDLE - Layout.REACH, bytes);
    }

    byte[] data() {
        byte[] all = new byte[Layout.DATA_END - Layout.DATA];
        read(Layout.DATA, all);
        return all;
    }

    int path() {
        return memory.readInt(machineAddress(Layout.PATH));
    }

    /** From the registers in {@link #state()} to those in it: the instruction, and the two of a pad. */
    Exit run(long instruction) {
        memory.writeInt(machineAddress(Layout.PATH), 0);
        state.rip = instruction;
        return processor.run(8);
    }

    // ---- memory
    // ------------------------------------------------------------------------------------------------------------

    private void write(int offset, byte[] bytes) {
        for (int at = 0; at < bytes.length; ) {
            int length = Math.min(bytes.length - at, 4096 - (offset + at & 4095));
            memory.write(machineAddress(offset + at), bytes, at, length);
            at += length;
        }
    }

    private void read(int offset, byte[] bytes) {
        for (int at = 0; at < bytes.length; ) {
            int length = Math.min(bytes.length - at, 4096 - (offset + at & 4095));
            memory.read(machineAddress(offset + at), bytes, at, length);
            at += length;
        }
    }

    private long mfn(long frame) {
        return frame ^ scatter;
    }

    private long machineAddress(int offset) {
        long leaf = memory.readLong(entry(root, base + offset));
        return mfn(LongModeEntry.frame(leaf)) << 12 | offset & 4095;
    }

    /** Machine address of the last-level entry; makes the tables above it. */
    private long entry(long top, long linear) {
        long table = mfn(top);
        for (int level = 4; level > 1; level--) {
            table = mfn(LongModeEntry.frame(present(place(table, linear, level))));
        }
        return place(table, linear, 1);
    }

    private static long place(long table, long linear, int level) {
        return (table << 12) + 8L * LongModeEntry.index(linear, level);
    }

    private long present(long place) {
        if (!LongModeEntry.isPresent(memory.readLong(place))) {
            memory.writeLong(place, LongModeEntry.of(nextFrame++, RWU));
        }
        return memory.readLong(place);
    }

    /** Its tables are in the last machine frames. @return the top's mfn */
    private long p2m() {
        long top = FRAMES - 4;
        for (int level = 4; level > 1; level--) {
            memory.writeLong(FRAMES - level << 12, LongModeEntry.of(FRAMES - level + 1, RWU));
        }
        for (int gfn = 0; gfn < FRAMES - 256; gfn++) {
            memory.writeLong((FRAMES - 1L << 12) + 8L * gfn, LongModeEntry.of(mfn(gfn), RWU));
        }
        return top;
    }

    @Override
    public void close() {
        processor.close();
        memory.close();
    }
}
