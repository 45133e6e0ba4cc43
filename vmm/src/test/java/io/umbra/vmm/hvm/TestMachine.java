package io.umbra.vmm.hvm;

import io.umbra.processor.SoftwareProcessor;
import io.umbra.shadow.P2m;
import io.umbra.shadow.P2mType;
import io.umbra.shadow.PolicyOption;
import io.umbra.shadow.ShadowPaging;
import io.umbra.shadow.Trace;
import io.umbra.vmm.apic.ApicWiring;
import io.umbra.vmm.apic.LocalApic;
import io.umbra.vmm.device.MemoryBus;
import io.umbra.vmm.device.VirtualClock;
import io.umbra.vmm.loader.MemoryMap;
import io.umbra.vmm.xen.HypercallNumber;
import io.umbra.vmm.xen.Shutdown;
import io.umbra.x86.Cr0;
import io.umbra.x86.Cr4;
import io.umbra.x86.Efer;
import io.umbra.x86.FrameAllocator;
import io.umbra.x86.LongModeEntry;
import io.umbra.x86.MachineMemory;
import io.umbra.x86.PhysicalMemory;
import io.umbra.x86.SegmentRegister;
import io.umbra.x86.VcpuState;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;

/** A machine of 4 MiB with Xen's interface, whose hypercalls are made by the test: from 64-bit mode with all memory mapped to itself, or from 32-bit mode without paging. */
final class TestMachine implements AutoCloseable {
    static final long SELF = 0x7FF0;
    /** Mapped by nothing in 64-bit mode, and no memory in 32-bit mode. */
    static final long NO_MEMORY = 0x1234_5000L;
    /** RAM to play with. */
    static final long SCRATCH = 0x20_0000;

    private static final int RAM_FRAMES = 1024;
    private static final long TOP = 0x1000, DIRECTORIES = 0x2000, DIRECTORY = 0x3000, TABLES = 0x4000;
    private static final int CODE_64 = 0xA9B, CODE_32 = 0xC9B;

    final VcpuState state = new VcpuState();
    final MachineMemory memory = new MachineMemory(4096);
    final FrameAllocator frames = new FrameAllocator(4096, 5);
    final P2m p2m = new P2m(memory, frames);
    final VirtualClock clock = new VirtualClock();
    final ByteArrayOutputStream printed = new ByteArrayOutputStream();
    final List<String> ends = new ArrayList<>();
    final boolean[] line = new boolean[1];
    final LocalApic apic;
    final ShadowPaging paging;
    final HvmInterface xen;
    private final SoftwareProcessor processor;

    TestMachine(boolean isWide) {
        for (int gfn = 0; gfn < RAM_FRAMES; gfn++) {
            long mfn = frames.allocate();
            memory.zeroFrame(mfn);
            p2m.set(gfn, 1, mfn, P2mType.RAM);
        }
        processor = new SoftwareProcessor(state, memory);
        paging = new ShadowPaging(
                memory, frames, p2m, new MemoryBus(), PolicyOption.parse(Map.of("pool", "512")), Trace.OFF);
        processor.intercept(paging.intercepts());
        apic = new LocalApic(clock, () -> 0, new ApicWiring() {
            @Override
            public void taskPriority(int priorityClass) {}

            @Override
            public void endOfInterrupt(int vector) {}

            @Override
            public void initialise() {}
        });
        paging.attach(state, processor, processor);
        writeTables();
        wide(isWide);
        MemoryMap map = new MemoryMap((long) RAM_FRAMES << 12, true);
        xen = new HvmInterface(
                new HvmMachine(
                        state,
                        memory,
                        frames,
                        new Physical(),
                        p2m,
                        paging,
                        clock,
                        apic,
                        number -> asserted -> line[0] = asserted,
                        processor::flush,
                        map),
                RAM_FRAMES,
                printed::write,
                Instant.ofEpochSecond(0x1_2345_6789L, 17),
                (Shutdown reason) -> ends.add(reason.name()),
                () -> ends.add("down"));
    }

    /** All of RAM to itself in pages of 4 KiB, writable, and the special pages. */
    private void writeTables() {
        long flags = LongModeEntry.PRESENT | LongModeEntry.WRITABLE;
        physical(TOP, DIRECTORIES | flags);
        physical(DIRECTORIES, DIRECTORY | flags);
        for (long table = 0; table < RAM_FRAMES / 512; table++) {
            physical(DIRECTORY + 8 * table, TABLES + (table << 12) | flags);
            for (long entry = 0; entry < 512; entry++) {
                physical(TABLES + (table << 12) + 8 * entry, table << 21 | entry << 12 | flags);
            }
        }
    }

    /** Goes to the other mode, as a guest would. */
    void wide(boolean is) {
        state.cpl = 0;
        state.cr0 = Cr0.PROTECTION | Cr0.WRITE_PROTECT | (is ? Cr0.PAGING : 0);
        state.cr4 = is ? Cr4.PHYSICAL_ADDRESS_EXTENSION : 0;
        state.efer = is ? Efer.LONG_MODE_ENABLE | Efer.LONG_MODE_ACTIVE : 0;
        state.cr3 = TOP;
        for (SegmentRegister segment : state.segments) {
            segment.set(0x10, 0, 0xFFFF_FFFFL, 0xC93);
        }
        state.segments[VcpuState.CS].set(0x08, 0, 0xFFFF_FFFFL, is ? CODE_64 : CODE_32);
        paging.reset(0);
    }

    // ---- memory, by guest-physical address
    // ---------------------------------------------------------------------------------------

    void physical(long gpa, long value) {
        memory.writeLong(machine(gpa), value);
        paging.memoryWritten(gpa, 8);
    }

    long physical(long gpa) {
        return memory.readLong(machine(gpa));
    }

    void physicalInt(long gpa, int value) {
        memory.writeInt(machine(gpa), value);
        paging.memoryWritten(gpa, 4);
    }

    int physicalInt(long gpa) {
        return memory.readInt(machine(gpa));
    }

    void text(long gpa, String text) {
        byte[] bytes = text.getBytes(StandardCharsets.US_ASCII);
        for (int i = 0; i < bytes.length; i++) {
            memory.writeByte(machine(gpa + i), bytes[i]);
        }
    }

    long machine(long gpa) {
        long entry = p2m.lookup(gpa >>> 12);
        if (!P2m.isBacked(entry)) {
            throw new AssertionError("no memory at 0x" + Long.toHexString(gpa));
        }
        return P2m.mfn(entry) << 12 | gpa & 0xFFF;
    }

    /** Writes words of the caller's width, one after the other. */
    void words(long gpa, long... values) {
        int bytes = state.is64Bit() ? 8 : 4;
        for (int i = 0; i < values.length; i++) {
            memory.write(machine(gpa + (long) bytes * i), bytes, values[i]);
        }
    }

    private final class Physical implements PhysicalMemory {
        private long at(long gpa) {
            long entry = p2m.lookup(gpa >>> 12);
            return P2m.isBacked(entry) ? P2m.mfn(entry) << 12 | gpa & 0xFFF : -1;
        }

        @Override
        public int readInt(long gpa) {
            return at(gpa) < 0 ? 0 : memory.readInt(at(gpa));
        }

        @Override
        public long readLong(long gpa) {
            return at(gpa) < 0 ? 0 : memory.readLong(at(gpa));
        }

        @Override
        public boolean compareAndSetInt(long gpa, int expected, int value) {
            return at(gpa) >= 0 && told(gpa, 4, memory.compareAndSetInt(at(gpa), expected, value));
        }

        @Override
        public boolean compareAndSetLong(long gpa, long expected, long value) {
            return at(gpa) >= 0 && told(gpa, 8, memory.compareAndSetLong(at(gpa), expected, value));
        }

        private boolean told(long gpa, int length, boolean isDone) {
            if (isDone) {
                paging.memoryWritten(gpa, length);
            }
            return isDone;
        }
    }

    // ---- hypercalls
    // ------------------------------------------------------------------------------------------------------------------

    /** Made by the guest's registers, again where it is to be made again. @return sign-extended from the caller's width */
    long call(HypercallNumber number, long... arguments) {
        return call(number.number(), arguments);
    }

    long call(long number, long... arguments) {
        boolean wide = state.is64Bit();
        int[] registers = wide ? new int[] {7, 6, 2, 10, 8, 9} : new int[] {3, 1, 2, 6, 7, 5};
        long[] all = Arrays.copyOf(arguments, 6);
        for (int i = 0; i < all.length; i++) {
            state.gpr[registers[i]] = all[i];
        }
        state.gpr[VcpuState.RAX] = number;
        for (int tries = 0; !xen.call(); tries++) {
            if (tries > 100_000) {
                throw new AssertionError("hypercall " + number + " does not end");
            }
        }
        long result = state.gpr[VcpuState.RAX];
        return wide ? result : (int) result;
    }

    String text() {
        return printed.toString(StandardCharsets.ISO_8859_1);
    }

    @Override
    public void close() {
        processor.close();
        memory.close();
    }
}
