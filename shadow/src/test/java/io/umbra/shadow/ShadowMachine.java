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
    private static final int FRAMES = 8192;
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
        for (long gfn = 0; gfn < GuestLayout.END; gfn++) {
            P2mType type = GuestLayout.type(gfn);
            long mfn = gfn >= GuestLayout.LARGE ? run + gfn - GuestLayout.LARGE : allocator.allocate();
            if (type == P2mType.HOLE) {
                allocator.free(mfn);
                continue;
            }
            if (gfn < GuestLayout.LARGE) {
                p2m.set(gfn, 1, mfn, type);
            }
            guest.setFrame(gfn, new Frame(type, mfn, new GuestModel.Contents()));
        }
        layout.fill((address, entry) -> {
            Frame frame = guest.frame(address >>> 12);
            if (frame.isBacked()) {
                memory.writeLong(frame.mfn() << 12 | address & 0xFFF, entry);
                frame.contents().set((int) address & 0xFFF, entry);
            }
        });
        state.cr0 = Cr0.PROTECTION | Cr0.PAGING | Cr0.WRITE_PROTECT;
        state.cr4 = Cr4.PHYSICAL_ADDRESS_EXTENSION;
        state.efer = Efer.LONG_MODE_ENABLE | Efer.LONG_MODE_ACTIVE | Efer.NO_EXECUTE;
        engine = new ShadowPaging(memory, allocator, p2m, devices(), policy);
        engine.attach(state, hardware, this::emulate);
        guest.flushed();
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
            case INVALIDATE_PAGE -> {
                if (defect != Defect.LOST_INVALIDATION) {
                    hardware.invalidate(operation.linear());
                    engine.invalidatePage(0, operation.linear());
                }
                guest.invalidated(operation.linear());
                if (!policy.writeProtects()) {
                    guest.flushed();
                }
            }
            case LOAD_CR3 -> {
                long old = state.cr3;
                state.cr3 = operation.value();
                engine.controlRegisterWritten(0, 3, old);
                if (state.isPaging()) {
                    guest.flushed();
                }
            }
            case TOGGLE_CR0 -> toggleCr0(operation.value());
            case TOGGLE_CR4 -> {
                long old = state.cr4;
                state.cr4 ^= operation.value();
                engine.controlRegisterWritten(0, 4, old);
                guest.flushed();
            }
            case TOGGLE_NO_EXECUTE -> {
                long old = state.efer;
                state.efer ^= Efer.NO_EXECUTE;
                engine.eferWritten(0, old);
                guest.flushed();
            }
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

    private void toggleCr0(long bit) {
        long old = state.cr0;
        state.cr0 ^= bit;
        if (bit == Cr0.PAGING) {
            state.efer ^= Efer.LONG_MODE_ACTIVE;
        }
        engine.controlRegisterWritten(0, 0, old);
        if (bit == Cr0.PAGING) {
            guest.flushed();
        }
    }

    private void dma(long guestPhysical, byte value) {
        Frame frame = guest.frame(guestPhysical >>> 12);
        if (frame.type() == P2mType.RAM) {
            if (defect != Defect.LOST_STORE) {
                memory.writeByte(frame.mfn() << 12 | guestPhysical & 0xFFF, value);
            }
            guest.writeByte(guestPhysical, value);
        }
    }

    private void changeP2m(long gfn, int choice) {
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

    // ---- accesses

    /** One instruction that makes one access: restarted after each fault that was fixed. */
    private void access(Operation drawn) {
        Operation operation = drawn;
        if (!state.isPaging()) {
            long gfn = drawn.linear() >>> 12 & 0x3F;
            operation = new Operation(
                    drawn.kind(),
                    gfn << 12 | drawn.linear() & 0xFFF,
                    drawn.size(),
                    drawn.access(),
                    drawn.value(),
                    drawn.flags());
        }
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

    /** @return whether the instruction came to an end, one way or the other */
    private boolean isDone(Operation operation) {
        long linear = operation.linear();
        long lastPage = linear + operation.size() - 1 & -4096L;
        boolean crosses = lastPage != (linear & -4096L);
        long first = translate(operation, linear);
        long second = first >= 0 && crosses ? translate(operation, lastPage) : first;
        if (first < 0 || second < 0) {
            return faulted(operation, first < 0 ? linear : lastPage);
        }
        if (operation.isWrite()) {
            for (int i = 0; i < operation.size(); i++) {
                boolean isSecond = crosses && linear + i >= lastPage;
                long maddr = isSecond ? second + (linear + i - lastPage) : first + i;
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
                        operation.isWrite() && !page.writable() && (state.cr0 & Cr0.WRITE_PROTECT) == 0;
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
        long linear = operation.linear();
        long lastPage = linear + operation.size() - 1 & -4096L;
        long[] pages = lastPage != (linear & -4096L) ? new long[] {linear, lastPage} : new long[] {linear};
        long[] physical = new long[pages.length];
        for (int i = 0; i < pages.length; i++) {
            Walk walk = guest.access(pages[i], operation.access());
            if (walk instanceof Walk.Fault(int code, int _)) {
                expectedCode = code;
                return pages[i];
            }
            physical[i] = ((Walk.Mapped) walk).guestPhysical();
        }
        expectedBytes = new byte[8];
        long[] addresses = new long[operation.size()];
        for (int i = 0; i < operation.size(); i++) {
            boolean isSecond = pages.length == 2 && linear + i >= lastPage;
            addresses[i] = isSecond ? physical[1] + (linear + i - lastPage) : physical[0] + i;
            expectedBytes[i] = guest.readByte(addresses[i]);
        }
        for (int i = 0; operation.isWrite() && i < operation.size(); i++) {
            guest.writeByte(addresses[i], (byte) (operation.value() >>> 8 * i));
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

    /** All of the guest's memory, and what devices were given. */
    void compareMemory() {
        byte[] bytes = new byte[4096];
        for (Map.Entry<Long, Frame> entry : guest.frames()) {
            Frame frame = entry.getValue();
            if (frame.isBacked()) {
                memory.read(frame.mfn() << 12, bytes, 0, bytes.length);
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
