package io.umbra.processor;

import io.umbra.x86.Cr0;
import io.umbra.x86.Cr4;
import io.umbra.x86.Efer;
import io.umbra.x86.Exit;
import io.umbra.x86.HardwarePaging;
import io.umbra.x86.Intercepts;
import io.umbra.x86.LongModeEntry;
import io.umbra.x86.MachineMemory;
import io.umbra.x86.SegmentRegister;
import io.umbra.x86.VcpuState;
import java.util.HexFormat;

/**
 * A processor with a little memory, four-level tables made by hand, a GDT, an IDT and a TSS. Under {@link #shadow} the tables hold machine frames; under
 * {@link #nested} they hold guest frames, which a P2M scatters: gfn n is mfn {@link #mfn}(n).
 */
final class TestMachine implements AutoCloseable {
    static final int KERNEL_CODE = 0x08, KERNEL_DATA = 0x10, USER_DATA = 0x1B, USER_CODE = 0x23, TSS = 0x28;
    static final int USER_CODE_32 = 0x3B, KERNEL_CODE_32 = 0x40;
    static final long CODE = 0x40_0000, DATA = 0x50_0000, STACK = 0x60_0000, STACK_TOP = STACK + 0x1000;
    /** Its pages are USER. */
    static final long USER_SPACE = 0x80_0000;

    static final long GDT = 0x10_0000, IDT = 0x10_1000, TASK = 0x10_2000, HANDLERS = 0x10_3000;
    /** RSP0 and IST1. */
    static final long STACK_0 = 0x61_0000, STACK_IST = 0x62_0000;

    static final long RW = LongModeEntry.PRESENT | LongModeEntry.WRITABLE;
    static final long RWU = RW | LongModeEntry.USER;

    private static final long FRAMES = 4096;
    private static final long GUEST_FRAMES = 2048;

    final MachineMemory memory = new MachineMemory(FRAMES);
    final VcpuState state = new VcpuState();
    final SoftwareProcessor processor;
    private final boolean isNested;
    private long nextFrame = 16;
    final long root;

    private TestMachine(boolean isNested, PagingFeatures features) {
        this(isNested, features, TestedTranslation.TRANSLATION);
    }

    private TestMachine(boolean isNested, PagingFeatures features, Translation translation) {
        this.isNested = isNested;
        this.processor = new SoftwareProcessor(state, memory, features, translation);
        this.root = newFrame();
        state.cr0 = Cr0.PROTECTION | Cr0.PAGING | Cr0.WRITE_PROTECT | Cr0.EXTENSION_TYPE | Cr0.NUMERIC_ERROR;
        state.cr4 = Cr4.PHYSICAL_ADDRESS_EXTENSION | Cr4.FXSAVE | Cr4.SIMD_EXCEPTIONS;
        state.efer = Efer.LONG_MODE_ENABLE | Efer.LONG_MODE_ACTIVE | Efer.NO_EXECUTE | Efer.SYSCALL;
        state.cr3 = root << 12;
        kernelSegments();
        for (long page : new long[] {CODE, CODE + 0x1000, DATA, DATA + 0x1000, STACK, GDT, IDT, TASK, HANDLERS}) {
            map(page, RW);
        }
        map(STACK_0 - 0x1000, RW);
        map(STACK_IST - 0x1000, RW);
        map(USER_SPACE, RWU);
        map(USER_SPACE + 0x1000, RWU);
        tables();
        state.rip = CODE;
        state.gpr[VcpuState.RSP] = STACK_TOP;
    }

    static TestMachine shadow() {
        return shadow(PagingFeatures.OFFERED);
    }

    static TestMachine shadow(PagingFeatures features) {
        return shadow(features, TestedTranslation.TRANSLATION);
    }

    static TestMachine shadow(PagingFeatures features, Translation translation) {
        TestMachine machine = new TestMachine(false, features, translation);
        machine.processor.load(new HardwarePaging.Shadow(machine.root << 12, false, false));
        machine.processor.intercept(Intercepts.SHADOW);
        return machine;
    }

    /** As {@link #shadow}, but #PF is the guest's. */
    static TestMachine native64() {
        TestMachine machine = shadow();
        machine.processor.intercept(Intercepts.NESTED);
        return machine;
    }

    static TestMachine nested() {
        return nested(PagingFeatures.OFFERED);
    }

    static TestMachine nested(PagingFeatures features) {
        TestMachine machine = new TestMachine(true, features);
        machine.processor.load(new HardwarePaging.Nested(machine.buildP2m() << 12));
        machine.processor.intercept(Intercepts.NESTED);
        return machine;
    }

    @Override
    public void close() {
        processor.close();
        memory.close();
    }

    private void kernelSegments() {
        state.segments[VcpuState.CS].set(KERNEL_CODE, 0, 0xFFFF_FFFFL, 0xA9B);
        state.segments[VcpuState.SS].set(KERNEL_DATA, 0, 0xFFFF_FFFFL, 0xC93);
        for (int i : new int[] {VcpuState.DS, VcpuState.ES, VcpuState.FS, VcpuState.GS}) {
            state.segments[i].set(0, 0, 0, SegmentRegister.UNUSABLE);
        }
        state.cpl = 0;
    }

    private void tables() {
        state.gdtBase = GDT;
        state.gdtLimit = 0xFFF;
        state.idtBase = IDT;
        state.idtLimit = 0xFFF;
        poke(GDT + 0x08, 8, 0x00AF_9B00_0000_FFFFL);
        poke(GDT + 0x10, 8, 0x00CF_9300_0000_FFFFL);
        poke(GDT + 0x18, 8, 0x00CF_F300_0000_FFFFL);
        poke(GDT + 0x20, 8, 0x00AF_FB00_0000_FFFFL);
        poke(GDT + 0x38, 8, 0x00CF_FB00_0000_FFFFL);
        poke(GDT + 0x40, 8, 0x00CF_9B00_0000_FFFFL);
        state.tr.set(TSS, TASK, 0xFFF, 0x8B);
        poke(TASK + 4, 8, STACK_0);
        poke(TASK + 0x24, 8, STACK_IST);
    }

    /** An interrupt gate to HANDLERS + 16 × vector, where there is a HLT. */
    void gate(int vector, int dpl, int ist) {
        long target = HANDLERS + 16L * vector;
        gateTo(vector, dpl, ist, target);
        poke(target, 1, 0xF4);
    }

    void gateTo(int vector, int dpl, int ist, long target) {
        long low = target & 0xFFFF
                | (long) KERNEL_CODE << 16
                | (long) ist << 32
                | (0x8EL | dpl << 5) << 40
                | (target >>> 16 & 0xFFFF) << 48;
        poke(IDT + 16L * vector, 8, low);
        poke(IDT + 16L * vector + 8, 8, target >>> 32);
    }

    void userMode() {
        state.segments[VcpuState.CS].set(USER_CODE, 0, 0xFFFF_FFFFL, 0xAFB);
        state.segments[VcpuState.SS].set(USER_DATA, 0, 0xFFFF_FFFFL, 0xCF3);
        state.cpl = 3;
        state.rip = USER_SPACE;
        state.gpr[VcpuState.RSP] = USER_SPACE + 0x2000;
    }

    /** @param hex machine code, with or without spaces */
    TestMachine code(long linear, String hex) {
        byte[] bytes = HexFormat.of().parseHex(hex.replaceAll("\\s", ""));
        for (int i = 0; i < bytes.length; i++) {
            poke(linear + i, 1, bytes[i] & 0xFF);
        }
        return this;
    }

    Exit run() {
        return processor.run(100_000);
    }

    // ---- memory
    // -------------------------------------------------------------------------------------------------------------

    long newFrame() {
        return nextFrame++;
    }

    long mfn(long gfn) {
        return isNested ? gfn + GUEST_FRAMES : gfn;
    }

    /** Maps one page to a new frame. @return that frame, as the tables name it */
    long map(long linear, long flags) {
        long frame = newFrame();
        mapTo(linear, frame, flags);
        return frame;
    }

    void mapTo(long linear, long frame, long flags) {
        memory.writeLong(entry(linear, 1), LongModeEntry.of(frame, flags));
    }

    /** Machine address of the entry at {@code level}; makes the tables above it. */
    long entry(long linear, int level) {
        long table = mfn(root);
        for (int at = 4; at > level; at--) {
            long place = (table << 12) + 8L * LongModeEntry.index(linear, at);
            long entry = memory.readLong(place);
            if (!LongModeEntry.isPresent(entry)) {
                entry = LongModeEntry.of(newFrame(), RWU);
                memory.writeLong(place, entry);
            }
            table = mfn(LongModeEntry.frame(entry));
        }
        return (table << 12) + 8L * LongModeEntry.index(linear, level);
    }

    private long buildP2m() {
        long top = FRAMES - 64;
        long next = top + 1;
        for (long gfn = 0; gfn < GUEST_FRAMES - 64; gfn++) {
            long table = top;
            for (int level = 4; level > 1; level--) {
                long place = (table << 12) + 8L * LongModeEntry.index(gfn << 12, level);
                if (memory.readLong(place) == 0) {
                    memory.writeLong(place, LongModeEntry.of(next++, RWU));
                }
                table = LongModeEntry.frame(memory.readLong(place));
            }
            memory.writeLong((table << 12) + 8 * (gfn & 511), LongModeEntry.of(mfn(gfn), RWU));
        }
        return top;
    }

    /** Machine address of the P2M's leaf for {@code gfn}. */
    long p2mEntry(long gfn) {
        long table = FRAMES - 64;
        for (int level = 4; level > 1; level--) {
            table = LongModeEntry.frame(memory.readLong((table << 12) + 8L * LongModeEntry.index(gfn << 12, level)));
        }
        return (table << 12) + 8 * (gfn & 511);
    }

    long machineAddress(long linear) {
        long entry = memory.readLong(entry(linear, 1));
        return (mfn(LongModeEntry.frame(entry)) << 12) + (linear & 4095);
    }

    void poke(long linear, int size, long value) {
        memory.write(machineAddress(linear), size, value);
    }

    long peek(long linear, int size) {
        return memory.read(machineAddress(linear), size);
    }
}
