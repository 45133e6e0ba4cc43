package io.umbra.vmm.apic;

import io.umbra.vmm.apic.LocalSource.Bits;
import io.umbra.vmm.device.VirtualClock;
import io.umbra.vmm.state.Persistent;
import io.umbra.vmm.state.StateException;
import io.umbra.vmm.state.StateReader;
import io.umbra.vmm.state.StateWriter;
import java.util.function.LongSupplier;

/**
 * The local APIC of a machine's only processor, whose ID is 0: which interrupts are requested, in service and deliverable. Messages to other processors vanish.
 *
 * <p>The order of an interrupt's life: it is requested (IRR), deliverable when its class is above the processor's priority, acknowledged (IRR to ISR), and ended by EOI, which is
 * passed on to the I/O APICs when it was level-triggered (TMR). What the processor acknowledges is decided in one step, so a spurious vector never comes from a race.
 *
 * <p>It starts as a PC's firmware leaves it, in virtual wire mode: enabled, the 8259 on LINT0, NMI on LINT1. Disabling it by IA32_APIC_BASE brings it to its state after power-up.
 *
 * <p>Where the SDM leaves freedom: an interrupt command of a reserved combination does what its parts say; a reserved delivery mode does nothing; SMI does nothing, for there is no
 * system management mode.
 */
public final class LocalApic implements Persistent {
    private static final int SOFTWARE_ENABLED = 1 << 8;
    private static final int SPURIOUS_AFTER_POWER_UP = 0xFF;
    private static final int SPURIOUS_WRITABLE = 0x3FF;
    private static final int FLAT = 0xF;
    private static final int COMMAND_WRITABLE = 0xC_CFFF;
    private static final int COMMAND_LOGICAL = 1 << 11;
    private static final int COMMAND_ASSERT = 1 << 14;
    private static final int COMMAND_LEVEL = 1 << 15;
    private static final int LOWEST_VECTOR = 16;
    private static final int EVERYBODY_8 = 0xFF;
    private static final int EVERYBODY_32 = -1;
    private static final LocalSource[] SOURCES = LocalSource.values();

    private final ApicWiring wiring;
    final ApicTimer timer;
    final VectorSet requests = new VectorSet();
    final VectorSet inService = new VectorSet();
    final VectorSet levelTriggered = new VectorSet();
    private final ErrorStatus errors = new ErrorStatus();
    private final int[] vectors = new int[SOURCES.length];
    private final boolean[] pins = new boolean[SOURCES.length];

    private ApicMode mode = ApicMode.XAPIC;
    private int id;
    private int taskPriority;
    private int logicalDestination;
    private int destinationFormat;
    private int spurious;
    private long command;
    private boolean nmi;

    /** @param timeStamp the present TSC */
    public LocalApic(VirtualClock clock, LongSupplier timeStamp, ApicWiring wiring) {
        this.wiring = wiring;
        this.timer = new ApicTimer(clock, timeStamp, () -> raise(LocalSource.TIMER));
        reset();
        spurious = SPURIOUS_AFTER_POWER_UP | SOFTWARE_ENABLED;
        vectors[LocalSource.LINT0.ordinal()] = DeliveryMode.EXTERNAL.ordinal() << 8;
        vectors[LocalSource.LINT1.ordinal()] = DeliveryMode.NMI.ordinal() << 8;
    }

    private void reset() {
        id = 0;
        requests.clear();
        inService.clear();
        levelTriggered.clear();
        errors.reset();
        java.util.Arrays.fill(vectors, Bits.MASKED);
        timer.reset();
        logicalDestination = 0;
        destinationFormat = FLAT;
        spurious = SPURIOUS_AFTER_POWER_UP;
        command = 0;
        taskPriority(0);
    }

    // ---- modes
    // -------------------------------------------------------------------------------------------------------

    public ApicMode mode() {
        return mode;
    }

    /** A change that {@link ApicMode#mayBecome} permits. The x2APIC's ID and logical ID are the hardware's, not software's. */
    void mode(ApicMode next) {
        if (next == mode) {
            return;
        }
        mode = next;
        switch (next) {
            case DISABLED -> reset();
            case XAPIC -> {}
            case X2APIC -> {
                id = 0;
                logicalDestination = 1;
                command &= 0xFFFF_FFFFL;
            }
        }
    }

    private boolean isSoftwareEnabled() {
        return (spurious & SOFTWARE_ENABLED) != 0;
    }

    // ---- what the processor sees
    // -------------------------------------------------------------------------------------

    /** The vector that the processor would be given, or {@link VectorSet#NONE}: its class is above the processor's priority. */
    private int deliverable() {
        int vector = requests.highest();
        return vector != VectorSet.NONE && vector >> 4 > processorPriority() >> 4 ? vector : VectorSet.NONE;
    }

    /** An interrupt waits that the processor's priority lets in. */
    public boolean hasPending() {
        return mode != ApicMode.DISABLED && deliverable() != VectorSet.NONE;
    }

    /** The processor's acknowledge: the interrupt of highest priority is in service now. Without one this is the spurious vector. */
    public int acknowledge() {
        int vector = deliverable();
        if (vector == VectorSet.NONE) {
            return spurious & Bits.VECTOR;
        }
        requests.remove(vector);
        inService.add(vector);
        return vector;
    }

    public boolean hasNmi() {
        return nmi;
    }

    public void acknowledgeNmi() {
        nmi = false;
    }

    /** Whether the 8259's INTR reaches the processor through LINT0; without an APIC it always does. */
    public boolean passesExternal() {
        int entry = vectors[LocalSource.LINT0.ordinal()];
        return mode == ApicMode.DISABLED
                || (entry & Bits.MASKED) == 0 && DeliveryMode.of(entry) == DeliveryMode.EXTERNAL;
    }

    /** Whether an interrupt line could cause an NMI through one of the pins. */
    public boolean passesNmi() {
        int entry = vectors[LocalSource.LINT0.ordinal()];
        return mode != ApicMode.DISABLED && (entry & Bits.MASKED) == 0 && DeliveryMode.of(entry) == DeliveryMode.NMI;
    }

    // ---- priorities
    // --------------------------------------------------------------------------------------------------

    int taskPriority() {
        return taskPriority;
    }

    /** Sets TPR, eight bits; CR8 shows the upper four. */
    void taskPriority(int value) {
        taskPriority = value & 0xFF;
        wiring.taskPriority(taskPriority >> 4);
    }

    /** CR8 was written: the lower half of TPR is 0 then. Without an APIC CR8 only keeps what was written. */
    public void controlRegister8Written(long value) {
        if (mode != ApicMode.DISABLED) {
            taskPriority = (int) value << 4;
        }
    }

    /** PPR: the greater of the task's class and that of what is in service. */
    int processorPriority() {
        int serving = Math.max(inService.highest(), 0);
        return taskPriority >> 4 >= serving >> 4 ? taskPriority : serving & 0xF0;
    }

    void endOfInterrupt() {
        int vector = inService.highest();
        if (vector == VectorSet.NONE) {
            return;
        }
        inService.remove(vector);
        if (levelTriggered.contains(vector)) {
            endPins(vector);
            wiring.endOfInterrupt(vector);
        }
    }

    // ---- where interrupts come from
    // ----------------------------------------------------------------------------------

    /** A message from an I/O APIC. @return whether this APIC has it; else it may be sent again */
    public boolean deliver(InterruptMessage message) {
        boolean everybody = mode == ApicMode.X2APIC && message.destination() == EVERYBODY_8;
        int destination = everybody ? EVERYBODY_32 : message.destination();
        return mode != ApicMode.DISABLED
                && isAddressed(message.isLogical(), destination)
                && receive(message.mode(), message.vector(), message.isLevel());
    }

    private boolean receive(DeliveryMode delivery, int vector, boolean isLevel) {
        switch (delivery) {
            case FIXED, LOWEST_PRIORITY -> {
                if (!isSoftwareEnabled()) {
                    return false;
                }
                request(vector, isLevel);
            }
            case NMI -> nmi = true;
            case INIT -> wiring.initialise();
            case SMI, STARTUP, EXTERNAL, RESERVED -> {}
        }
        return true;
    }

    /** The hypervisor requests an edge-triggered interrupt: also while software keeps the APIC disabled. Xen: {@code vlapic_set_irq}. */
    public void request(int vector) {
        if (mode != ApicMode.DISABLED) {
            request(vector, false);
        }
    }

    /** The hypervisor requests an NMI. */
    public void requestNmi() {
        nmi = true;
    }

    private void request(int vector, boolean isLevel) {
        if (vector < LOWEST_VECTOR) {
            error(ErrorStatus.RECEIVED_ILLEGAL_VECTOR);
            return;
        }
        requests.add(vector);
        if (isLevel) {
            levelTriggered.add(vector);
        } else {
            levelTriggered.remove(vector);
        }
    }

    private boolean isAddressed(boolean isLogical, int destination) {
        boolean extended = mode == ApicMode.X2APIC;
        if (destination == (extended ? EVERYBODY_32 : EVERYBODY_8)) {
            return true;
        }
        if (!isLogical) {
            return destination == id;
        }
        int groupShift = extended ? 16 : 4;
        if (!extended && destinationFormat == FLAT) {
            return (destination & logicalDestination) != 0;
        }
        boolean isMember = (destination & logicalDestination & (1 << groupShift) - 1) != 0;
        boolean allGroups = !extended && destination >>> groupShift == 0xF;
        return isMember && (allGroups || destination >>> groupShift == logicalDestination >>> groupShift);
    }

    // ---- interprocessor interrupts
    // -----------------------------------------------------------------------------------

    long command() {
        return command;
    }

    /** Sets the destination half of the interrupt command register of the xAPIC. */
    void commandDestination(int value) {
        command = command & 0xFFFF_FFFFL | (value & 0xFF00_0000L) << 32;
    }

    /** Writes the interrupt command register and sends. All but INIT is edge-triggered, whatever the command says. */
    void command(long value) {
        command = value & (0xFFFF_FFFFL << 32 | COMMAND_WRITABLE);
        int low = (int) command;
        DeliveryMode delivery = DeliveryMode.of(low);
        boolean deassert = delivery == DeliveryMode.INIT && (low & COMMAND_LEVEL) != 0 && (low & COMMAND_ASSERT) == 0;
        if (!deassert) {
            int high = (int) (command >>> 32);
            int destination = mode == ApicMode.X2APIC ? high : high >>> 24;
            boolean isForUs = switch (low >>> 18 & 3) {
                case 0 -> isAddressed((low & COMMAND_LOGICAL) != 0, destination);
                case 1, 2 -> true;
                default -> false;
            };
            send(delivery, low & Bits.VECTOR, isForUs);
        }
    }

    /** The x2APIC's register for interrupts to oneself. */
    void commandToSelf(int vector) {
        send(DeliveryMode.FIXED, vector, true);
    }

    private void send(DeliveryMode delivery, int vector, boolean isForUs) {
        boolean hasVector = delivery == DeliveryMode.FIXED || delivery == DeliveryMode.LOWEST_PRIORITY;
        if (hasVector && vector < LOWEST_VECTOR) {
            error(ErrorStatus.SENT_ILLEGAL_VECTOR);
        }
        if (isForUs) {
            receive(delivery, vector, false);
        }
    }

    // ---- the local vector table
    // --------------------------------------------------------------------------------------

    int vector(LocalSource source) {
        return vectors[source.ordinal()];
    }

    /** While the APIC is disabled by software, every entry is masked and stays so. */
    void vector(LocalSource source, int value) {
        int kept = vector(source) & Bits.REMOTE_IRR & ((value & Bits.LEVEL) != 0 ? -1 : 0);
        int forced = isSoftwareEnabled() ? 0 : Bits.MASKED;
        vectors[source.ordinal()] = value & source.writable | kept | forced;
        if (source == LocalSource.TIMER) {
            timer.configure(vector(source));
        } else if (source.isPin()) {
            requestLevel(source);
        }
    }

    /** Drives LINT0, which the 8259 is wired to. */
    public void driveLint0(boolean asserted) {
        boolean rises = asserted && !pins[LocalSource.LINT0.ordinal()];
        pins[LocalSource.LINT0.ordinal()] = asserted;
        if (mode != ApicMode.DISABLED && rises && !isLevel(LocalSource.LINT0)) {
            raise(LocalSource.LINT0);
        }
        requestLevel(LocalSource.LINT0);
    }

    /** Only a fixed interrupt can be level-triggered. */
    private boolean isLevel(LocalSource source) {
        int entry = vector(source);
        return source.isPin() && (entry & Bits.LEVEL) != 0 && DeliveryMode.of(entry) == DeliveryMode.FIXED;
    }

    private void requestLevel(LocalSource source) {
        boolean waits = (vector(source) & (Bits.REMOTE_IRR | Bits.MASKED)) == 0;
        if (mode != ApicMode.DISABLED && isLevel(source) && pins[source.ordinal()] && waits) {
            vectors[source.ordinal()] |= Bits.REMOTE_IRR;
            raise(source);
        }
    }

    private void endPins(int vector) {
        for (LocalSource source : SOURCES) {
            if ((vector(source) & Bits.REMOTE_IRR) != 0 && (vector(source) & Bits.VECTOR) == vector) {
                vectors[source.ordinal()] &= ~Bits.REMOTE_IRR;
                requestLevel(source);
            }
        }
    }

    private void raise(LocalSource source) {
        int entry = vector(source);
        if ((entry & Bits.MASKED) == 0) {
            boolean hasMode = (source.writable & Bits.DELIVERY) != 0;
            DeliveryMode delivery = hasMode ? DeliveryMode.of(entry) : DeliveryMode.FIXED;
            receive(delivery, entry & Bits.VECTOR, isLevel(source));
        }
    }

    /** The time-stamp counter was written by software. */
    public void timeStampChanged() {
        timer.timeStampChanged();
    }

    // ---- errors
    // ------------------------------------------------------------------------------------------------------

    void error(int kind) {
        errors.gather(kind);
        if ((vector(LocalSource.ERROR) & Bits.MASKED) == 0 && errors.takeInterrupt()) {
            raise(LocalSource.ERROR);
        }
    }

    int errorStatus() {
        return errors.readable();
    }

    void latchErrors() {
        errors.latch();
    }

    // ---- plain registers
    // ---------------------------------------------------------------------------------------------

    int id() {
        return id;
    }

    void id(int value) {
        id = value & 0xFF;
    }

    int logicalDestination() {
        return logicalDestination;
    }

    void logicalDestination(int value) {
        logicalDestination = value & 0xFF;
    }

    /** The model, four bits: 0xf flat, 0 cluster. */
    int destinationFormat() {
        return destinationFormat;
    }

    void destinationFormat(int model) {
        destinationFormat = model & 0xF;
    }

    int spurious() {
        return spurious;
    }

    void spurious(int value) {
        spurious = value & SPURIOUS_WRITABLE;
        if (!isSoftwareEnabled()) {
            for (LocalSource source : SOURCES) {
                vector(source, vector(source) | Bits.MASKED);
            }
        }
    }

    // ---- saved and restored
    // ------------------------------------------------------------------------------------------

    @Override
    public String stateName() {
        return "local-apic";
    }

    @Override
    public void save(StateWriter out) {
        out.constant(mode);
        out.word(id);
        requests.save(out);
        inService.save(out);
        levelTriggered.save(out);
        errors.save(out);
        out.words(vectors);
        for (boolean pin : pins) {
            out.flag(pin);
        }
        timer.save(out);
        out.word(taskPriority);
        out.word(logicalDestination);
        out.word(destinationFormat);
        out.word(spurious);
        out.quad(command);
        out.flag(nmi);
    }

    @Override
    public void restore(StateReader in) throws StateException {
        mode = in.constant(ApicMode.values());
        id = in.bits(0xFF);
        requests.restore(in);
        inService.restore(in);
        levelTriggered.restore(in);
        errors.restore(in);
        for (LocalSource source : SOURCES) {
            vectors[source.ordinal()] = in.bits(source.writable | Bits.REMOTE_IRR | Bits.MASKED);
        }
        for (int i = 0; i < pins.length; i++) {
            pins[i] = in.flag();
        }
        timer.restore(in);
        taskPriority = in.bits(0xFF);
        logicalDestination = in.bits(0xFF);
        destinationFormat = in.bits(0xF);
        spurious = in.bits(SPURIOUS_WRITABLE);
        command = in.quadBits(0xFFFF_FFFFL << 32 | COMMAND_WRITABLE);
        nmi = in.flag();
    }
}
