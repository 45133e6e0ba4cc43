package io.umbra.tools.matrix;

import io.umbra.shadow.Counters;
import io.umbra.shadow.DeviceMemory;
import io.umbra.shadow.DomainCrash;
import io.umbra.shadow.FaultOutcome;
import io.umbra.shadow.FaultOutcome.Emulate;
import io.umbra.shadow.FaultOutcome.Fixed;
import io.umbra.shadow.FaultOutcome.GuestFault;
import io.umbra.shadow.P2m;
import io.umbra.shadow.P2mType;
import io.umbra.shadow.Paging;
import io.umbra.shadow.ShadowPaging;
import io.umbra.shadow.ShadowPolicy;
import io.umbra.x86.Event;
import io.umbra.x86.FrameAllocator;
import io.umbra.x86.InstructionEmulator.Emulation;
import io.umbra.x86.InvariantViolation;
import io.umbra.x86.LinearMemory;
import io.umbra.x86.MachineMemory;
import io.umbra.x86.PageFaultCode;
import io.umbra.x86.PagingRegisters;
import io.umbra.x86.RFlags;
import io.umbra.x86.VcpuState;
import io.umbra.x86.Vector;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Answers by the shadow engine: a small guest whose memory it virtualises is brought into the state of a case, flushes as a guest must, and makes the access. Faults go to the engine as a monitor would hand them on, until the
 * access succeeds or the guest gets a fault.
 *
 * <p>One guest serves case after case. It changes its entries by its own stores through the {@linkplain Layout window}, so that the engine sees them as it sees a kernel's, and then executes INVLPG or loads CR3, by
 * turns. Tables in read-only memory are changed from outside.
 */
class ShadowedGuest implements Subject {
    /** For the guest, its P2M, and to scatter them in. */
    private static final int FRAMES = 2048;

    private static final int SIZE = 8;
    /** Faults after which one access must have come to an end, generously: five levels, and a table that is unshadowed. */
    private static final int MOST_FAULTS = 64;
    /** Bit 0 is clear in each half: what is written to the place of an entry is an absent one. */
    private static final long STAMP = 0x5AFE_0000_0000_0002L;

    private final MatrixMode mode;
    private final Layout layout;
    private final MachineMemory memory;
    private final P2m p2m;
    private final VcpuState state = new VcpuState();
    private final Hardware hardware;
    private final Paging engine;
    private final Map<Long, Long> machineFrames = new HashMap<>();
    private final List<Long> targets = new ArrayList<>();
    private long turn;
    /** Bit k: the table of level k. */
    private int readOnlyTables;

    /** The access that the instruction at RIP makes. */
    private long linear;

    private int access;
    private int size;
    private long value;

    /** What an emulated access found, and the frame of a device that it went to, or -1. */
    private long valueRead;

    private long deviceFrame = -1;

    ShadowedGuest(MatrixMode mode, ShadowPolicy policy) {
        this.mode = mode;
        this.layout = new Layout(mode);
        int frames = FRAMES + policy.poolPages();
        memory = new MachineMemory(frames);
        FrameAllocator allocator = new FrameAllocator(frames, 7);
        p2m = new P2m(memory, allocator);
        back(allocator);
        layout.fill((address, entry) -> write(address, entry));
        hardware = hardware(memory, state);
        load(initialRegisters());
        engine = engine(memory, allocator, p2m, new Device(), policy);
        engine.attach(state, hardware, this::emulate);
    }

    Paging engine(
            MachineMemory machineMemory, FrameAllocator allocator, P2m map, DeviceMemory devices, ShadowPolicy policy) {
        return new ShadowPaging(machineMemory, allocator, map, devices, policy);
    }

    /** What walks the engine's tables. */
    Hardware hardware(MachineMemory machineMemory, VcpuState vcpuState) {
        return new ShadowHardware(machineMemory, vcpuState);
    }

    private PagingRegisters initialRegisters() {
        return new AccessMatrix(mode).at(0).registers();
    }

    // ---- the guest's memory

    private void back(FrameAllocator allocator) {
        for (int level = 1; level <= Path.LEVELS; level++) {
            back(allocator, layout.table(level), P2mType.RAM);
            back(allocator, layout.windowTable(level), P2mType.RAM);
            targets.add(layout.table(level));
        }
        back(allocator, layout.pointers(), P2mType.RAM);
        int top = Math.max(1, mode.topLeaf());
        for (int level = 1; level <= top; level += Math.max(1, top - 1)) {
            back(allocator, layout.gfn(Target.MEMORY, level), P2mType.RAM);
            targets.add(layout.gfn(Target.MEMORY, level));
        }
        targets.add(layout.gfn(Target.OTHER_TABLE, 1));
        long readOnly = layout.gfn(Target.READ_ONLY, 1);
        back(allocator, readOnly, P2mType.READ_ONLY);
        targets.add(readOnly);
        p2m.set(layout.gfn(Target.DEVICE, 1), 1, 0, P2mType.MMIO);
        for (long gfn : targets) {
            sign(gfn);
        }
    }

    private void back(FrameAllocator allocator, long gfn, P2mType type) {
        if (!machineFrames.containsKey(gfn)) {
            long mfn = allocator.allocate();
            memory.zeroFrame(mfn);
            machineFrames.put(gfn, mfn);
            p2m.set(gfn, 1, mfn, type);
        }
    }

    private long machine(long guestPhysical) {
        Long mfn = machineFrames.get(guestPhysical >>> 12);
        if (mfn == null) {
            throw new InvariantViolation("MATRIX-3", "no memory at 0x" + Long.toHexString(guestPhysical));
        }
        return mfn << 12 | guestPhysical & 0xFFF;
    }

    private long place(long gfn) {
        return machine(gfn << 12) + Layout.OFFSET;
    }

    /** Each target holds its own number where accesses go, with bit 0 of both halves clear. */
    private void sign(long gfn) {
        memory.writeLong(place(gfn), signature(gfn));
    }

    private static long signature(long gfn) {
        return gfn << 4;
    }

    private void write(long guestPhysical, long entry) {
        memory.write(machine(guestPhysical), mode.paging().entryBytes(), entry);
    }

    private long read(long guestPhysical) {
        return memory.read(machine(guestPhysical), mode.paging().entryBytes());
    }

    private final class Device implements DeviceMemory {
        @Override
        public long read(long guestPhysical, int bytes) {
            deviceFrame = guestPhysical >>> 12;
            return signature(deviceFrame);
        }

        @Override
        public void write(long guestPhysical, int bytes, long written) {
            deviceFrame = guestPhysical >>> 12;
        }
    }

    // ---- the state of a case

    private void load(PagingRegisters registers) {
        state.cr0 = registers.cr0();
        state.cr3 = registers.cr3();
        state.cr4 = registers.cr4();
        state.efer = registers.efer();
        for (int i = 0; i < state.pdpte.length; i++) {
            state.pdpte[i] = registers.pdpte().get(i);
        }
    }

    /** Tells the engine that a control register was written. */
    void tell(Paging paging, int register, long old) {
        paging.controlRegisterWritten(0, register, old);
    }

    void tellOfEfer(Paging paging, long old) {
        paging.eferWritten(0, old);
    }

    void tellOfInvalidation(Paging paging, long address) {
        paging.invalidatePage(0, address);
    }

    private void setRegisters(PagingRegisters registers) {
        if (state.efer != registers.efer()) {
            long old = state.efer;
            state.efer = registers.efer();
            tellOfEfer(engine, old);
        }
        if (state.cr4 != registers.cr4()) {
            long old = state.cr4;
            state.cr4 = registers.cr4();
            tell(engine, 4, old);
        }
        if (state.cr0 != registers.cr0()) {
            long old = state.cr0;
            state.cr0 = registers.cr0();
            tell(engine, 0, old);
        }
    }

    private void setPath(AccessCase accessCase) {
        setReadOnly(accessCase.readOnlyTables());
        boolean isPointerChanged = mode == MatrixMode.PAE && state.pdpte[layout.pathPointer()] != accessCase.entry(3);
        boolean isChanged = isPointerChanged;
        for (int level = mode.topTable(); level >= accessCase.leafLevel() && level > 0; level--) {
            long address = layout.entryAddress(level, accessCase.linear());
            if (read(address) != accessCase.entry(level)) {
                isChanged = true;
                if ((readOnlyTables >>> level & 1) != 0) {
                    program(address, accessCase.entry(level));
                } else {
                    store(level, (int) address & 0xFFF, accessCase.entry(level));
                }
            }
        }
        if (isPointerChanged) {
            memory.writeLong(machine(layout.pointers() << 12) + 8L * layout.pathPointer(), accessCase.entry(3));
            if (!loadPointers(engine, state)) {
                throw new InvariantViolation("MATRIX-4", "the engine refuses good PDPTEs");
            }
        }
        if (isPointerChanged || isChanged && (++turn & 1) == 0) {
            tell(engine, 3, state.cr3);
        } else if (isChanged) {
            tellOfInvalidation(engine, accessCase.linear());
        }
    }

    /**
     * As MOV to CR3 does.
     *
     * @return whether they are good
     */
    boolean loadPointers(Paging paging, VcpuState vcpuState) {
        return paging.readPdptes(0, vcpuState.cr3, vcpuState.pdpte);
    }

    /** An entry of the PDPTEs in memory. */
    long pointerInMemory(int place) {
        return memory.readLong(machine(layout.pointers() << 12) + 8L * place);
    }

    /**
     * Tables become read-only memory, as by a chip set's register, or memory again.
     *
     * @param tables bit k for that of level k
     */
    private void setReadOnly(int tables) {
        for (int level = 1; level <= mode.topTable(); level++) {
            if (((tables ^ readOnlyTables) >>> level & 1) != 0) {
                long gfn = layout.table(level);
                P2mType type = (tables >>> level & 1) != 0 ? readOnly() : P2mType.RAM;
                p2m.set(gfn, 1, machine(gfn << 12) >>> 12, type);
            }
        }
        readOnlyTables = tables;
    }

    P2mType readOnly() {
        return P2mType.READ_ONLY;
    }

    /** What the guest cannot write, a programmer of such memory can. */
    private void program(long address, long entry) {
        write(address, entry);
        engine.memoryWritten(address, mode.paging().entryBytes());
    }

    /** The guest writes an entry of its table. */
    private void store(int level, int offset, long entry) {
        state.rflags = RFlags.ALWAYS_ONE;
        state.cpl = 0;
        begin(layout.window(level, offset), PageFaultCode.WRITE, mode.paging().entryBytes(), entry);
        Answer answer = access();
        if (answer != null) {
            throw new InvariantViolation("MATRIX-5", "the guest cannot write to its table: " + answer);
        }
    }

    // ---- an access

    @Override
    public Answer answer(AccessCase accessCase, long[] entriesAfter) {
        try {
            setRegisters(accessCase.registers());
            setPath(accessCase);
            state.pkru = accessCase.registers().pkru();
            boolean isExcused = accessCase.registers().alignmentCheck();
            state.rflags = RFlags.ALWAYS_ONE | (isExcused ? RFlags.ALIGNMENT_CHECK : 0);
            state.cpl = (accessCase.access() & PageFaultCode.USER) != 0 ? 3 : 0;
            begin(accessCase.linear(), accessCase.access(), SIZE, STAMP);
            Answer fault = access();
            Answer answer = fault != null ? fault : effect(accessCase);
            readEntries(accessCase, entriesAfter);
            return answer;
        } catch (InvariantViolation | DomainCrash broken) {
            return new Answer.Broken(String.valueOf(broken.getMessage()));
        }
    }

    private void readEntries(AccessCase accessCase, long[] entriesAfter) {
        for (int level = 1; level < entriesAfter.length; level++) {
            boolean inMemory = level <= mode.topTable() && level >= accessCase.leafLevel();
            entriesAfter[level] = inMemory
                    ? read(layout.entryAddress(level, accessCase.linear()))
                    : mode == MatrixMode.PAE && level == 3 ? state.pdpte[layout.pathPointer()] : 0;
        }
    }

    private void begin(long address, int kind, int bytes, long stored) {
        linear = address;
        access = kind;
        size = bytes;
        value = stored;
        deviceFrame = -1;
        state.rip++;
        state.instructions++;
    }

    private boolean isWrite() {
        return (access & PageFaultCode.WRITE) != 0;
    }

    /** Executes the instruction to its end. @return null when the access was made, else the guest's fault */
    private @Nullable Answer access() {
        for (int i = 0; i < MOST_FAULTS; i++) {
            long maddr = hardware.translate(linear, access);
            if (maddr >= 0) {
                if (isWrite()) {
                    memory.write(maddr, size, value);
                } else {
                    valueRead = memory.read(maddr, size);
                }
                return null;
            }
            FaultOutcome outcome = hardware.refused(engine, linear);
            switch (outcome) {
                case GuestFault(int code) -> {
                    return new Answer.Fault(code);
                }
                case Fixed _ -> {}
                case Emulate reason -> {
                    Emulation result = engine.emulate(0, reason, 1);
                    if (result instanceof Emulation.Raised(Event event, long _)) {
                        return new Answer.Fault(event.errorCode());
                    }
                    if (result == Emulation.Done.COMPLETE) {
                        return null;
                    }
                }
            }
        }
        throw new InvariantViolation("MATRIX-6", "the access does not come to an end");
    }

    /** The instruction at RIP, emulated: one that checks its operand before it writes, as most with two of them do. */
    private Emulation emulate(LinearMemory port) {
        try {
            if (isWrite()) {
                port.probe(linear, size, access);
                port.write(linear, size, value, access & ~PageFaultCode.WRITE);
            } else {
                valueRead = port.read(linear, size, access);
            }
            return Emulation.Done.COMPLETE;
        } catch (LinearMemory.Fault refused) {
            return refused.isPageFault
                    ? new Emulation.Raised(Event.exception(Vector.PAGE_FAULT, refused.code), refused.linear)
                    : Emulation.Failed.UNHANDLEABLE;
        }
    }

    /** Where an access that was made went. What it wrote is taken back: an absent entry in place of another, of which nobody need be told. */
    private Answer effect(AccessCase accessCase) {
        if (deviceFrame >= 0) {
            return new Answer.Reached(deviceFrame);
        }
        if (!accessCase.isWrite()) {
            return new Answer.Reached(valueRead >>> 4);
        }
        Answer found = new Answer.Discarded();
        for (long gfn : targets) {
            if (memory.readLong(place(gfn)) != signature(gfn)) {
                found = new Answer.Reached(gfn);
                sign(gfn);
            }
        }
        return found;
    }

    Counters counters() {
        return engine.counters();
    }

    /** @throws InvariantViolation as {@link Paging#audit} */
    @Override
    public void audit() {
        engine.audit();
    }

    @Override
    public void close() {
        engine.close();
        memory.close();
    }
}
