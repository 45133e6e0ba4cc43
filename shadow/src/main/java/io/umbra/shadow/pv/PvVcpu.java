package io.umbra.shadow.pv;

/** What one vCPU holds: its two roots and its descriptors' frames, each by frame and type. 0 = none. */
final class PvVcpu extends Work {
    final int number;
    private final PvHost host;

    long kernelBase;
    long userBase;
    final long[] gdtFrames = new long[PerDomainArea.GDT_PAGES];

    /** Frames mapped in the LDT's place so far. */
    final long[] ldtFrames = new long[PerDomainArea.LDT_PAGES];

    long ldtLinear;
    int ldtEntries;

    PvVcpu(int number, PvHost host) {
        this.number = number;
        this.host = host;
    }

    @Override
    boolean isPreemptionDue() {
        return host.isPreemptionDue();
    }
}
