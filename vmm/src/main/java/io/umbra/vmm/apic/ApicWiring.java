package io.umbra.vmm.apic;

/** What a local APIC tells the rest of the machine. */
public interface ApicWiring {

    /** TPR changed; {@code priorityClass}, 0 to 15, is what CR8 reads. */
    void taskPriority(int priorityClass);

    /** A level-triggered interrupt ended: I/O APICs may send it again. */
    void endOfInterrupt(int vector);

    /** INIT reached the processor. */
    void initialise();
}
