package io.umbra.shadow;

import io.umbra.shadow.FaultOutcome.Emulate;
import io.umbra.shadow.FaultOutcome.Fixed;
import io.umbra.shadow.FaultOutcome.GuestFault;
import io.umbra.shadow.GuestModel.Frame;
import io.umbra.x86.Cr0;
import io.umbra.x86.Cr4;
import io.umbra.x86.Efer;
import io.umbra.x86.Event;
import io.umbra.x86.FrameAllocator;
import io.umbra.x86.InstructionEmulator.Emulation;
import io.umbra.x86.LinearMemory;
import io.umbra.x86.MachineMemory;
import io.umbra.x86.PageFaultCode;
import io.umbra.x86.PagingMode;
import io.umbra.x86.RFlags;
import io.umbra.x86.VcpuState;
import io.umbra.x86.Vector;
import io.umbra.x86.Walk;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;

/**
 * A machine with one guest, whose memory is virtualised by the engine and, beside it, by the definition ({@link GuestModel}). It executes operations as the virtual machine
 * monitor does, and after each step compares what the guest can see: whether an access is made or faults and how, A and D in its tables, the bytes in memory, what devices get.
 *
 * <p>Any difference is an {@link AssertionError}.
 */
final class ShadowMachine implements AutoCloseable {
    static final long FIRST_CR0 = Cr0.PROTECTION | Cr0.PAGING | Cr0.WRITE_PROTECT;
    static final long FIRST_CR4 = Cr4.PHYSICAL_ADDRESS_EXTENSION | Cr4.PAGE_SIZE_EXTENSIONS;
    static final long FIRST_EFER = Efer.LONG_MODE_ENABLE | Efer.LONG_MODE_ACTIVE | Efer.NO_EXECUTE;

    private static final int FRAMES = 6144;
    /**
     * Faults after which one instruction must have come to an end: ten to fill two pages level by level, once more for each time that a frame it writes to is unshadowed
     * for it.
     */
    private static final int MOST_FAULTS = 256;

    /** What is broken on purpose, outside the engine, to prove that a difference is seen. */
    enum Defect {
        NONE,
        /** The TLB keeps what it was told to drop. */
        LOST_FLUSH,
        /** The engine is not told what a device wrote. */
        UNTOLD_DMA,
        /** The engine is not told of INVLPG, and the TLB does not hear of it either. */
        LOST_INVALIDATION,
        /** A device's writes go nowhere. */
        LOST_STORE
    }

    final MachineMemory memory = new MachineMemory(FRAMES);
    final FrameAllocator allocator = new FrameAllocator(FRAMES, 42);
    final P2m p2m = new P2m(memory, allocator);
    final VcpuState state = new VcpuState();
    final HardwareWalk hardware;
    final GuestModel guest = new GuestModel(state);
    final ShadowPaging engine;
    private final ShadowPolicy policy;
    private final Defect defect;
    private final Map<Long, Byte> deviceBytes = new HashMap<>();
    /** The bytes of frames that are paged out, by gfn. */
    private final Map<Long, byte[]> outside = new HashMap<>();

    private final RegisterWrites registers = new RegisterWrites(state, new Effects());
    private Operation current = Operation.of(Operation.Kind.BLOW, 0, 0);
    private long instructions;

    /** @param layoutSeed of what the tables hold at first */
    ShadowMachine(ShadowPolicy policy, long layoutSeed, Defect defect) {
        this.policy = policy;
        this.defect = defect;
        this.hardware = defect == Defect.LOST_FLUSH ? hardwareThatKeepsAll() : new HardwareWalk(memory, state);
        GuestLayout layout = new GuestLayout(layoutSeed);
        long run = allocator.allocateRun();
        p2m.set(GuestLayout.LARGE, 2, run, P2mType.RAM);
        for (long gfn = 0; gfn < GuestLayout.LARGE; gfn++) {
            add(gfn);
        }
        for (long gfn = GuestLayout.LARGE; gfn < GuestLayout.END; gfn++) {
            guest.setFrame(gfn, new Frame(P2mType.RAM, run + gfn - GuestLayout.LARGE, new GuestModel.Contents()));
        }
        for (long gfn = GuestLayout.HIGH; gfn < GuestLayout.HIGH_END; gfn++) {
            add(gfn);
        }
        layout.fill((address, entry) -> {
            Frame frame = guest.frame(address >>> 12);
            if (frame.isBacked()) {
                memory.writeLong(frame.mfn() << 12 | address & 0xFFF, entry);
                frame.contents().set((int) address & 0xFFF, entry);
            }
        });
        state.cr0 = FIRST_CR0;
        state.cr4 = FIRST_CR4;
        state.efer = FIRST_EFER;
        p2m.supply(this::provide);
        engine = new ShadowPaging(memory, allocator, p2m, devices(), policy);
        engine.attach(state, hardware, this::emulate);
        guest.flushed();
    }

    private void add(long gfn) {
        P2mType type = GuestLayout.type(gfn);
        if (type != P2mType.HOLE) {
            long mfn = allocator.allocate();
            p2m.set(gfn, 1, mfn, type);
            guest.setFrame(gfn, new Frame(type, mfn, new GuestModel.Contents()));
        }
    }

    private HardwareWalk hardwareThatKeepsAll() {
        return new HardwareWalk(memory, state) {
            @Override
            public void flush() {}
        };
    }

    private DeviceMemory devices() {
        return new DeviceMemory() {
            @Override
            public long read(long guestPhysical, int size) {
                long value = 0;
                for (int i = 0; i < size; i++) {
                    value |= (GuestModel.deviceByte(guestPhysical + i) & 0xFFL) << 8 * i;
                }
                return value;
            }

            @Override
            public void write(long guestPhysical, int size, long value) {
                for (int i = 0; i < size; i++) {
                    deviceBytes.put(guestPhysical + i, (byte) (value >>> 8 * i));
                }
            }
        };
    }

    // ---- operations

    void execute(Operation operation) {
        current = operation;
        switch (operation.kind()) {
            case ACCESS -> access(operation);
            case INVALIDATE_PAGE -> invalidatePage(GuestLayout.canonical(registers.mode(), operation.linear()));
            case INVALIDATE_CONTEXT -> {
                engine.invalidateContext(0);
                guest.flushed();
            }
            case LOAD_CR3 -> registers.cr3(operation.value());
            case TOGGLE_CR0 -> registers.cr0(state.cr0 ^ operation.value());
            case TOGGLE_CR4 -> registers.cr4(state.cr4 ^ operation.value());
            case TOGGLE_EFER -> registers.efer(state.efer ^ operation.value());
            case SWITCH_MODE -> registers.mode(PagingMode.values()[(int) operation.linear()], operation.value());
            case WRITE_PKRU -> state.pkru = (int) operation.value();
            case CHANGE_P2M -> changeP2m(operation.linear() >>> 12, (int) operation.value());
            case DMA -> {
                for (int i = 0; i < operation.size(); i++) {
                    dma(operation.linear() + i, (byte) (operation.value() >>> 8 * i));
                }
                if (defect != Defect.UNTOLD_DMA) {
                    engine.memoryWritten(operation.linear(), operation.size());
                }
            }
            case BLOW -> engine.blow();
        }
        if (policy.blowEvery() != 0 && ++instructions % policy.blowEvery() == 0) {
            engine.blow();
        }
    }

    private void invalidatePage(long linear) {
        if (defect != Defect.LOST_INVALIDATION) {
            hardware.invalidate(linear);
            engine.invalidatePage(0, linear);
        }
        guest.invalidated(linear);
        if (!policy.writeProtects()) {
            guest.flushed();
        }
    }

    /** The registers tell the engine and the definition. */
    private final class Effects implements RegisterWrites.Effects {
        @Override
        public boolean loadPdptes(long cr3) {
            long[] expected = guest.pointers(cr3);
            long[] before = state.pdpte.clone();
            boolean loaded = engine.readPdptes(0, cr3, state.pdpte);
            if (loaded != (expected != null) || !Arrays.equals(state.pdpte, loaded ? expected : before)) {
                throw new AssertionError("PDPTEs %s, by the definition %s"
                        .formatted(Arrays.toString(state.pdpte), Arrays.toString(expected)));
            }
            return loaded;
        }

        @Override
        public void controlRegisterWritten(int number, long old) {
            engine.controlRegisterWritten(0, number, old);
        }

        @Override
        public void eferWritten(long old) {
            engine.eferWritten(0, old);
        }

        @Override
        public void flushed() {
            guest.flushed();
        }
    }

    private void dma(long guestPhysical, byte value) {
        p2m.demand(guestPhysical >>> 12, true);
        Frame frame = guest.frame(guestPhysical >>> 12);
        if (frame.type() == P2mType.RAM) {
            if (defect != Defect.LOST_STORE) {
                memory.writeByte(frame.mfn() << 12 | guestPhysical & 0xFFF, value);
            }
            guest.writeByte(guestPhysical, value);
        }
    }

    private void changeP2m(long gfn, int choice) {
        if (choice >= 8) {
            takeAway(gfn, choice % 2 == 0);
            return;
        }
        p2m.demand(gfn, true);
        Frame old = guest.frame(gfn);
        Frame next = switch (choice) {
            case 0 -> new Frame(P2mType.HOLE, old.mfn(), old.contents());
            case 1 -> new Frame(P2mType.MMIO, old.mfn(), old.contents());
            case 2, 3 -> new Frame(P2mType.READ_ONLY, old.mfn(), old.contents());
            case 4, 5 -> {
                long mfn = old.isBacked() ? allocator.allocate() : -1;
                if (mfn >= 0) {
                    memory.copyFrame(old.mfn(), mfn);
                }
                yield new Frame(P2mType.RAM, mfn, old.contents().copy());
            }
            default -> new Frame(P2mType.RAM, old.mfn(), old.contents());
        };
        if (next.mfn() < 0) {
            return;
        }
        p2m.set(gfn, 1, next.isBacked() ? next.mfn() : 0, next.type());
        if (old.isBacked() && next.mfn() != old.mfn()) {
            memory.zeroFrame(old.mfn());
            if (gfn < GuestLayout.LARGE) {
                allocator.free(old.mfn());
            }
        }
        guest.setFrame(gfn, next);
    }

    /** To the guest the frame stays the RAM that it is: its bytes go out, or it counts as shared. */
    private void takeAway(long gfn, boolean out) {
        p2m.demand(gfn, true);
        Frame frame = guest.frame(gfn);
        if (frame.type() != P2mType.RAM) {
            return;
        }
        if (!out) {
            p2m.set(gfn, 1, frame.mfn(), P2mType.SHARED);
            return;
        }
        byte[] bytes = new byte[4096];
        memory.read(frame.mfn() << 12, bytes, 0, bytes.length);
        outside.put(gfn, bytes);
        p2m.set(gfn, 1, 0, P2mType.PAGED_OUT);
        guest.setFrame(gfn, new Frame(P2mType.RAM, -1 - gfn, frame.contents()));
        memory.zeroFrame(frame.mfn());
        if (gfn < GuestLayout.LARGE) {
            allocator.free(frame.mfn());
        }
    }

    private void provide(long gfn, long entry, boolean forWriting) {
        Frame frame = guest.frame(gfn);
        long mfn = allocator.allocate();
        byte[] bytes = outside.remove(gfn);
        if (bytes != null) {
            memory.write(mfn << 12, bytes, 0, bytes.length);
        } else {
            memory.copyFrame(frame.mfn(), mfn);
        }
        p2m.set(gfn, 1, mfn, P2mType.RAM);
        if (bytes == null) {
            memory.zeroFrame(frame.mfn());
        }
        guest.setFrame(gfn, new Frame(P2mType.RAM, mfn, frame.contents()));
    }

    // ---- accesses

    /** One instruction that makes one access: restarted after each fault that was fixed. */
    private void access(Operation drawn) {
        long linear =
                GuestLayout.canonical(registers.mode(), state.isPaging() ? drawn.linear() : drawn.linear() & 0x3_FFFF);
        Operation operation =
                new Operation(drawn.kind(), linear, drawn.size(), drawn.access(), drawn.value(), drawn.flags());
        current = operation;
        state.rflags = RFlags.ALWAYS_ONE | (operation.has(Operation.ALIGNMENT_CHECK) ? RFlags.ALIGNMENT_CHECK : 0);
        for (int fault = 0; fault < MOST_FAULTS; fault++) {
            if (isDone(operation)) {
                state.rip++;
                state.instructions++;
                return;
            }
        }
        throw new AssertionError("livelock: the instruction does not come to an end");
    }

    /** The addresses that the access is translated at: its first byte, and where it goes on in the next page. */
    private long[] parts(Operation operation) {
        long linear = operation.linear();
        boolean crosses = (linear & 0xFFF) + operation.size() > 4096;
        return crosses
                ? new long[] {linear, GuestLayout.canonical(registers.mode(), (linear | 0xFFF) + 1)}
                : new long[] {linear};
    }

    /** The physical address of a byte of the access, whose parts are at {@code first} and {@code second}. */
    private static long byteAt(Operation operation, int index, long[] parts) {
        int inFirst = 4096 - (int) (operation.linear() & 0xFFF);
        return index < inFirst ? parts[0] + index : parts[1] + index - inFirst;
    }

    /** @return whether the instruction came to an end, one way or the other */
    private boolean isDone(Operation operation) {
        long[] parts = parts(operation);
        long[] machine = new long[parts.length];
        for (int i = 0; i < parts.length; i++) {
            machine[i] = translate(operation, parts[i]);
            if (machine[i] < 0) {
                return faulted(operation, parts[i]);
            }
        }
        if (operation.isWrite()) {
            for (int i = 0; i < operation.size(); i++) {
                long maddr = byteAt(operation, i, machine);
                byte value = (byte) (operation.value() >>> 8 * i);
                memory.writeByte(maddr, value);
                guest.writeByte(guest.gfnOf(maddr >>> 12) << 12 | maddr & 0xFFF, value);
            }
        }
        return true;
    }

    /** A hit of the hardware's must be explained by the definition. @return the machine address, or -1 */
    private long translate(Operation operation, long linear) {
        long maddr = hardware.translate(linear, operation.access());
        if (maddr < 0) {
            return -1;
        }
        long mfn = maddr >>> 12;
        boolean explained = guest.explainsNow(linear, operation.access(), mfn);
        if (!explained && policy.writeProtects()) {
            explained = hardware.source() == HardwareWalk.Source.TLB
                    && guest.explainsAtOneMoment(linear, operation.access(), mfn);
        }
        if (!explained && policy.coherence() != ShadowPolicy.Coherence.WRITE_PROTECT) {
            explained = guest.explainsByEntries(linear, operation.access(), mfn);
        }
        if (!explained) {
            throw new AssertionError("hardware (%s) lets 0x%x reach mfn 0x%x (gfn 0x%x), the guest's tables do not"
                    .formatted(hardware.source(), linear, mfn, guest.gfnOf(mfn)));
        }
        return maddr;
    }

    private boolean faulted(Operation operation, long linear) {
        Walk expected = guest.access(linear, operation.access());
        FaultOutcome outcome = engine.pageFault(0, linear, hardware.faultCode());
        check(operation, linear, expected, outcome);
        return switch (outcome) {
            case GuestFault _ -> true;
            case Fixed _ -> false;
            case Emulate reason -> operation.has(Operation.EVENT) ? deliver(linear) : emulated(reason);
        };
    }

    private void check(Operation operation, long linear, Walk expected, FaultOutcome outcome) {
        boolean agrees = switch (expected) {
            case Walk.NonCanonical _ -> false;
            case Walk.Fault(int code, int _) -> outcome.equals(new GuestFault(code));
            case Walk.Mapped page -> {
                P2mType type = guest.frame(page.guestPhysical() >>> 12).type();
                yield switch (outcome) {
                    case GuestFault _ -> false;
                    case Fixed.UNSHADOW -> operation.isWrite() && type == P2mType.RAM && policy.writeProtects();
                    case Fixed _ -> type == P2mType.RAM || type == P2mType.READ_ONLY && !operation.isWrite();
                    case Emulate.MMIO -> !type.isBacked();
                    case Emulate.READ_ONLY -> type == P2mType.READ_ONLY && operation.isWrite();
                    case Emulate.WRITE_PROTECT_OFF ->
                        operation.isWrite() && guest.needsWriteProtectOff(linear, operation.access());
                    case Emulate.PAGETABLE -> operation.isWrite() && policy.writeProtects();
                };
            }
        };
        if (!agrees) {
            throw new AssertionError(
                    "at 0x%x the definition says %s, the engine %s".formatted(linear, expected, outcome));
        }
    }

    /** The monitor gives a delivery up that hardware cannot make. */
    private boolean deliver(long linear) {
        return !engine.unshadowForEvent(0, linear);
    }

    private boolean emulated(Emulate reason) {
        Emulation result = engine.emulate(0, reason, 1);
        return switch (result) {
            case Emulation.Done.COMPLETE, Emulation.Failed.UNHANDLEABLE -> true;
            case Emulation.Done.ITERATION -> false;
            case Emulation.Raised _ -> true;
        };
    }

    // ---- the instruction, emulated

    /** What the emulator of one instruction does: the access, through the port, and beside it by the definition. */
    private Emulation emulate(LinearMemory port) {
        Operation operation = current;
        if (operation.has(Operation.UNHANDLEABLE)) {
            return Emulation.Failed.UNHANDLEABLE;
        }
        long fault = expectedFault(operation);
        try {
            perform(port, operation);
        } catch (LinearMemory.Fault raised) {
            if (!raised.isPageFault || raised.linear != fault || raised.code != expectedCode) {
                throw new AssertionError("emulated: #PF(%s) at 0x%x, the definition has #PF(%s) at 0x%x"
                        .formatted(
                                PageFaultCode.describe(raised.code),
                                raised.linear,
                                PageFaultCode.describe(expectedCode),
                                fault));
            }
            return new Emulation.Raised(Event.exception(Vector.PAGE_FAULT, raised.code), raised.linear);
        }
        if (fault != NONE) {
            throw new AssertionError("emulated, and the definition has #PF(%s) at 0x%x"
                    .formatted(PageFaultCode.describe(expectedCode), fault));
        }
        return Emulation.Done.COMPLETE;
    }

    private static final long NONE = 1L << 62;
    private int expectedCode;

    /** The access by the definition, into the model. @return the address that faults with {@link #expectedCode}, or {@link #NONE} */
    private long expectedFault(Operation operation) {
        long[] parts = parts(operation);
        long[] physical = new long[parts.length];
        for (int i = 0; i < parts.length; i++) {
            Walk walk = guest.access(parts[i], operation.access());
            if (walk instanceof Walk.Fault(int code, int _)) {
                expectedCode = code;
                return parts[i];
            }
            physical[i] = ((Walk.Mapped) walk).guestPhysical();
        }
        expectedBytes = new byte[8];
        for (int i = 0; i < operation.size(); i++) {
            expectedBytes[i] = guest.readByte(byteAt(operation, i, physical));
        }
        for (int i = 0; operation.isWrite() && i < operation.size(); i++) {
            guest.writeByte(byteAt(operation, i, physical), (byte) (operation.value() >>> 8 * i));
        }
        return NONE;
    }

    private byte[] expectedBytes = new byte[8];

    private long expectedValue() {
        long value = 0;
        for (int i = 0; i < 8; i++) {
            value |= (expectedBytes[i] & 0xFFL) << 8 * i;
        }
        return value;
    }

    private void perform(LinearMemory port, Operation operation) {
        int access = operation.access() & ~PageFaultCode.WRITE;
        int size = operation.size();
        long read = expectedValue();
        if (operation.isWrite() && operation.has(Operation.EXCHANGE)) {
            read = port.compareExchange(operation.linear(), size, expectedValue(), operation.value(), access);
        } else if (operation.isWrite()) {
            port.write(operation.linear(), size, operation.value(), access);
        } else {
            read = port.read(operation.linear(), size, access);
        }
        if (read != expectedValue()) {
            throw new AssertionError("emulated: read 0x%x, the definition has 0x%x".formatted(read, expectedValue()));
        }
    }

    // ---- comparison of everything

    /** What operations reach of the guest's memory, and what devices were given. */
    void compareMemory() {
        compareMemory(false);
    }

    /** @param all whether memory that no operation reaches is looked at too */
    void compareMemory(boolean all) {
        byte[] bytes = new byte[4096];
        for (Map.Entry<Long, Frame> entry : guest.frames()) {
            Frame frame = entry.getValue();
            if (frame.isBacked() && (all || GuestLayout.isUsed(entry.getKey()))) {
                byte[] away = outside.get(entry.getKey());
                if (away != null) {
                    System.arraycopy(away, 0, bytes, 0, bytes.length);
                } else {
                    memory.read(frame.mfn() << 12, bytes, 0, bytes.length);
                }
                int at = Arrays.mismatch(bytes, frame.contents().bytes);
                if (at >= 0) {
                    long address = frame.mfn() << 12 | at & ~7;
                    throw new AssertionError("memory at 0x%x differs: 0x%x, by the definition 0x%x"
                            .formatted(
                                    entry.getKey() << 12 | at & ~7,
                                    memory.readLong(address),
                                    guest.readLong(entry.getKey() << 12 | at & ~7)));
                }
            }
        }
        if (!deviceBytes.equals(guest.deviceBytes)) {
            throw new AssertionError("devices were given " + deviceBytes + ", by the definition " + guest.deviceBytes);
        }
    }

    @Override
    public void close() {
        memory.close();
    }
}
