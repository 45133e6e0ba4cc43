package io.umbra.processor.conformance;

/** The code that a process can run under a 64-bit operating system. */
enum CodeMode {
    LONG(Layout.EXIT),
    /** 32-bit code in compatibility mode. */
    COMPATIBILITY(Layout.COMPATIBILITY_EXIT);

    /** Where a slot's pads lead, without vector registers. */
    final int exit;

    CodeMode(int exit) {
        this.exit = exit;
    }

    boolean is64() {
        return this == LONG;
    }
}
