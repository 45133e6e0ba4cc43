package io.umbra.vmm;

import io.umbra.shadow.DirtyCause;
import java.util.ArrayList;
import java.util.List;

/** What a guest wrote to in each period of a run, as {@link Domain#logDirty} measured it. Idle periods are counted and not kept. */
public final class DirtySeries {
    /**
     * A period in which something was written to.
     *
     * @param start virtual nanoseconds since the domain began
     * @param pages frames dirty at its end
     * @param faults write faults that were answered
     */
    public record Period(long start, long pages, long faults) {}

    private final long length;
    private final List<Period> periods = new ArrayList<>();
    private final long[] marks = new long[DirtyCause.values().length];
    private final long[] extras = new long[DirtyCause.values().length];
    private long end;
    private boolean verified;
    private long changed;

    /** @param length of a period in nanoseconds */
    DirtySeries(long length) {
        this.length = length;
    }

    /** Nanoseconds of a period; the last one of a run may be shorter. */
    public long length() {
        return length;
    }

    /** Those in which something was written to, in order. */
    public List<Period> periods() {
        return List.copyOf(periods);
    }

    /** Of all periods, idle ones too. */
    public long count() {
        return Math.ceilDiv(end, length);
    }

    /** When logging ended, in virtual nanoseconds. */
    public long end() {
        return end;
    }

    /** Dirty pages of all periods together: a page counts in each of them. */
    public long pages() {
        return periods.stream().mapToLong(Period::pages).sum();
    }

    public long faults() {
        return periods.stream().mapToLong(Period::faults).sum();
    }

    /** How often a clean page was marked for this cause. */
    public long marks(DirtyCause cause) {
        return marks[cause.ordinal()];
    }

    /** Each page whose bytes changed was held against the bitmaps. */
    public boolean isVerified() {
        return verified;
    }

    /** Verified: pages whose bytes had changed at the end of a period. */
    public long changed() {
        return changed;
    }

    /** Verified: pages marked for this cause whose bytes were the same at the end of the period. */
    public long extras(DirtyCause cause) {
        return extras[cause.ordinal()];
    }

    // ---- for those who measure
    // ---------------------------------------------------------------------------------------

    void add(long start, long pages, long faults) {
        if (pages > 0 || faults > 0) {
            periods.add(new Period(start, pages, faults));
        }
    }

    void endAt(long nanoseconds) {
        end = nanoseconds;
    }

    void countMark(DirtyCause cause) {
        marks[cause.ordinal()]++;
    }

    void verified() {
        verified = true;
    }

    void countChanged() {
        changed++;
    }

    void countExtra(DirtyCause cause) {
        extras[cause.ordinal()]++;
    }
}
