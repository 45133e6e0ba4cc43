package io.umbra.vmm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.umbra.shadow.DeviceMemory;
import io.umbra.shadow.DirtyCause;
import io.umbra.shadow.NestedPaging;
import io.umbra.shadow.P2m;
import io.umbra.shadow.P2mType;
import io.umbra.vmm.DirtySeries.Period;
import io.umbra.x86.FrameAllocator;
import io.umbra.x86.InvariantViolation;
import io.umbra.x86.MachineMemory;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class DirtyMeterTest {
    private static final long PERIOD = 100;

    private final MachineMemory memory = new MachineMemory(4096);
    private final FrameAllocator allocator = new FrameAllocator(4096, 1);
    private final P2m p2m = new P2m(memory, allocator);
    private final NestedPaging paging = new NestedPaging(memory, p2m, DeviceMemory.NONE);
    private final DirtySeries series = new DirtySeries(PERIOD);
    private final DirtyMeter meter = new DirtyMeter(paging.logDirty(), series, new DirtyVerifier(memory, p2m, series));

    DirtyMeterTest() {
        for (long gfn = 0; gfn < 16; gfn++) {
            p2m.set(gfn, 1, allocator.allocate(), P2mType.RAM);
        }
        meter.begin();
    }

    @AfterEach
    void close() {
        memory.close();
    }

    private void write(long gfn, long value) {
        memory.writeLong(P2m.mfn(p2m.lookup(gfn)) << 12, value);
        paging.memoryWritten(gfn << 12, 8);
    }

    @Test
    void eachPeriodHasWhatWasWrittenInIt() {
        assertThat(meter.nextEnd()).isEqualTo(100);
        write(3, 1);
        meter.advanceTo(99);
        write(4, 1);
        meter.advanceTo(100);
        assertThat(meter.nextEnd()).isEqualTo(200);
        write(3, 2);
        meter.advanceTo(200);
        meter.end(200);
        assertThat(series.periods()).containsExactly(new Period(0, 2, 0), new Period(100, 1, 0));
        assertThat(series.count()).isEqualTo(2);
        assertThat(series.pages()).isEqualTo(3);
        assertThat(series.marks(DirtyCause.EXTERNAL)).isEqualTo(3);
        assertThat(series.changed()).isEqualTo(3);
    }

    @Test
    void idlePeriodsAreCountedAndNotKept() {
        write(3, 1);
        meter.advanceTo(1_000_000_000_050L);
        assertThat(meter.nextEnd()).isEqualTo(1_000_000_000_100L);
        write(4, 1);
        meter.end(1_000_000_000_060L);
        assertThat(series.periods()).containsExactly(new Period(0, 1, 0), new Period(1_000_000_000_000L, 1, 0));
        assertThat(series.count()).isEqualTo(10_000_000_001L);
        assertThat(paging.logDirty().isOn()).isFalse();
    }

    @Test
    void writeWithTheBytesThatWereThereIsAnExtra() {
        write(3, 0);
        write(4, 1);
        write(4, 0);
        write(5, 7);
        meter.end(50);
        assertThat(series.extras(DirtyCause.EXTERNAL)).isEqualTo(2);
        assertThat(series.changed()).isEqualTo(1);
    }

    @Test
    void changeThatNobodyToldEndsTheRun() {
        memory.writeLong(P2m.mfn(p2m.lookup(9)) << 12 | 0xFF8, 1);
        assertThatThrownBy(() -> meter.advanceTo(100))
                .isInstanceOf(InvariantViolation.class)
                .hasMessageStartingWith("LOG-3: gfn 0x9 changed in the period from 0 ns on");
    }

    @Test
    void memoryThatComesAndGoesIsAChangeToo() {
        p2m.set(3, 1, 0, P2mType.HOLE);
        p2m.set(40, 1, allocator.allocate(), P2mType.RAM);
        meter.advanceTo(100);
        assertThat(series.changed()).isEqualTo(2);
        assertThat(series.marks(DirtyCause.P2M_CHANGE)).isEqualTo(2);
    }
}
