package io.umbra.vmm.apic;

import org.jspecify.annotations.Nullable;

/**
 * The registers of a local APIC by number: the address in the xAPIC's page divided by 16, which is the MSR less 0x800 in the x2APIC. Intel SDM vol. 3A, "Local APIC Register Address
 * Map" and "x2APIC Register Address Space".
 *
 * <pre>
 *   02 ID    03 version  08 TPR      09 APR *  0a PPR    0b EOI      0c RRD *   0d logical destination   0e destination format *
 *   0f spurious vector   10-17 ISR   18-1f TMR 20-27 IRR 28 errors   30 command  31 its upper half *
 *   32-37 local vector table         38 initial count    39 current count       3e divide configuration   3f self IPI +
 *   * xAPIC only   + x2APIC only
 * </pre>
 */
final class ApicRegisters {
    static final int ID = 0x02;
    static final int VERSION = 0x03;
    static final int TASK_PRIORITY = 0x08;
    static final int ARBITRATION_PRIORITY = 0x09;
    static final int PROCESSOR_PRIORITY = 0x0A;
    static final int END_OF_INTERRUPT = 0x0B;
    static final int REMOTE_READ = 0x0C;
    static final int LOGICAL_DESTINATION = 0x0D;
    static final int DESTINATION_FORMAT = 0x0E;
    static final int SPURIOUS = 0x0F;
    static final int IN_SERVICE = 0x10;
    static final int LEVEL_TRIGGERED = 0x18;
    static final int REQUESTS = 0x20;
    static final int ERRORS = 0x28;
    static final int COMMAND = 0x30;
    static final int COMMAND_HIGH = 0x31;
    static final int LOCAL_VECTORS = 0x32;
    static final int INITIAL_COUNT = 0x38;
    static final int CURRENT_COUNT = 0x39;
    static final int DIVIDE_CONFIGURATION = 0x3E;
    static final int SELF_INTERRUPT = 0x3F;

    /** Version 0x14, as of every integrated APIC since the Pentium 4; the highest of the six local vectors is 5. */
    private static final int VERSION_VALUE = 5 << 16 | 0x14;

    private static final LocalSource[] SOURCES = LocalSource.values();

    private final LocalApic apic;

    ApicRegisters(LocalApic apic) {
        this.apic = apic;
    }

    /** The entry of the local vector table that {@code register} is, or null. */
    static @Nullable LocalSource source(int register) {
        int index = register - LOCAL_VECTORS;
        return index >= 0 && index < SOURCES.length ? SOURCES[index] : null;
    }

    /** Whether the xAPIC has such a register; touching another one is an error. */
    static boolean existsInPage(int register) {
        return switch (register) {
            case ID,
                    VERSION,
                    TASK_PRIORITY,
                    ARBITRATION_PRIORITY,
                    PROCESSOR_PRIORITY,
                    END_OF_INTERRUPT,
                    REMOTE_READ,
                    LOGICAL_DESTINATION,
                    DESTINATION_FORMAT,
                    SPURIOUS,
                    ERRORS,
                    COMMAND,
                    COMMAND_HIGH,
                    INITIAL_COUNT,
                    CURRENT_COUNT,
                    DIVIDE_CONFIGURATION -> true;
            default -> isVectorSet(register) || source(register) != null;
        };
    }

    private static boolean isVectorSet(int register) {
        return register >= IN_SERVICE && register < ERRORS;
    }

    /** Whether RDMSR of the x2APIC's register gives its value and no #GP. */
    static boolean isReadableByMsr(int register) {
        return switch (register) {
            case ARBITRATION_PRIORITY, END_OF_INTERRUPT, REMOTE_READ, DESTINATION_FORMAT, COMMAND_HIGH -> false;
            default -> existsInPage(register);
        };
    }

    /** Whether WRMSR may write the x2APIC's register. */
    static boolean isWritableByMsr(int register) {
        return switch (register) {
            case TASK_PRIORITY,
                    END_OF_INTERRUPT,
                    SPURIOUS,
                    ERRORS,
                    COMMAND,
                    INITIAL_COUNT,
                    DIVIDE_CONFIGURATION,
                    SELF_INTERRUPT -> true;
            default -> source(register) != null;
        };
    }

    /** The bits of a writable register that WRMSR may not set. Bit 12 of the command, once its delivery status, is let pass. */
    static long reservedByMsr(int register) {
        LocalSource source = source(register);
        if (source != null) {
            return ~0xFFFF_FFFFL | source.reserved() & 0xFFFF_FFFFL;
        }
        return switch (register) {
            case TASK_PRIORITY, SELF_INTERRUPT -> ~0xFFL;
            case SPURIOUS -> ~0x3FFL;
            case END_OF_INTERRUPT, ERRORS -> -1L;
            case COMMAND -> 0xFFF3_2000L;
            case INITIAL_COUNT -> ~0xFFFF_FFFFL;
            default -> ~0b1011L; // DIVIDE_CONFIGURATION
        };
    }

    /** The value of a register that exists; what cannot be read is 0. The command is wide. */
    long read(int register) {
        LocalSource source = source(register);
        if (source != null) {
            return apic.vector(source) & 0xFFFF_FFFFL;
        }
        boolean extended = apic.mode() == ApicMode.X2APIC;
        return switch (register) {
            case ID -> extended ? apic.id() : (long) apic.id() << 24;
            case VERSION -> VERSION_VALUE;
            case TASK_PRIORITY -> apic.taskPriority();
            case PROCESSOR_PRIORITY -> apic.processorPriority();
            case LOGICAL_DESTINATION -> extended ? apic.logicalDestination() : (long) apic.logicalDestination() << 24;
            case DESTINATION_FORMAT -> (long) apic.destinationFormat() << 28 | 0x0FFF_FFFF;
            case SPURIOUS -> apic.spurious();
            case ERRORS -> apic.errorStatus();
            case COMMAND -> extended ? apic.command() : apic.command() & 0xFFFF_FFFFL;
            case COMMAND_HIGH -> apic.command() >>> 32;
            case INITIAL_COUNT -> apic.timer.initialCount();
            case CURRENT_COUNT -> apic.timer.currentCount();
            case DIVIDE_CONFIGURATION -> apic.timer.divideConfiguration();
            default -> isVectorSet(register) ? vectors(register) & 0xFFFF_FFFFL : 0;
        };
    }

    private int vectors(int register) {
        VectorSet set =
                register < LEVEL_TRIGGERED ? apic.inService : register < REQUESTS ? apic.levelTriggered : apic.requests;
        return set.word(register & 7);
    }

    /** Writes a register that exists; what cannot be written stays. The command is wide in the x2APIC. */
    void write(int register, long value) {
        LocalSource source = source(register);
        if (source != null) {
            apic.vector(source, (int) value);
            return;
        }
        int low = (int) value;
        switch (register) {
            case ID -> apic.id(low >>> 24);
            case TASK_PRIORITY -> apic.taskPriority(low);
            case END_OF_INTERRUPT -> apic.endOfInterrupt();
            case LOGICAL_DESTINATION -> apic.logicalDestination(low >>> 24);
            case DESTINATION_FORMAT -> apic.destinationFormat(low >>> 28);
            case SPURIOUS -> apic.spurious(low);
            case ERRORS -> apic.latchErrors();
            case COMMAND -> {
                boolean extended = apic.mode() == ApicMode.X2APIC;
                apic.command(extended ? value : apic.command() & 0xFFFF_FFFFL << 32 | value & 0xFFFF_FFFFL);
            }
            case COMMAND_HIGH -> apic.commandDestination(low);
            case INITIAL_COUNT -> apic.timer.initialCount(value & 0xFFFF_FFFFL);
            case DIVIDE_CONFIGURATION -> apic.timer.divideConfiguration(low);
            case SELF_INTERRUPT -> apic.commandToSelf(low & 0xFF);
            default -> {}
        }
    }
}
