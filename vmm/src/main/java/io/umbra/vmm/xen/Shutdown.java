package io.umbra.vmm.xen;

/** Why a guest ends itself, numbered as {@code SCHEDOP_shutdown} does. */
public enum Shutdown {
    POWER_OFF,
    REBOOT,
    SUSPEND,
    CRASH,
    WATCHDOG,
    SOFT_RESET;

    static final Shutdown[] ALL = values();
}
