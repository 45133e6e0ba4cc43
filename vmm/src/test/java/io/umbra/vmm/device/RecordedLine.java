package io.umbra.vmm.device;

/** An interrupt line that remembers its level and counts its rising edges. */
final class RecordedLine implements InterruptLine {
    private boolean high;
    private int risingEdges;

    @Override
    public void set(boolean asserted) {
        if (asserted && !high) {
            risingEdges++;
        }
        high = asserted;
    }

    boolean isHigh() {
        return high;
    }

    int risingEdges() {
        return risingEdges;
    }
}
