package io.umbra.vmm;

/** A guest on its way to its end: in one {@link Domain}, in several, one after the other, or in two at once. */
public sealed interface Guest extends AutoCloseable permits Domain, LockStep, MigratingGuest {

    /** Runs the guest to its end, or to a limit. */
    GuestEnd run();

    /** Ends the run soon, from any thread. */
    void stop(GuestEnd reason);

    /** Where the guest is now. May be asked from any thread. */
    Domain domain();

    /** Ends the domain in which the guest is. */
    @Override
    void close();
}
