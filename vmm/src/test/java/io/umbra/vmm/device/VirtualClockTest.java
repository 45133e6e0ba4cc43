package io.umbra.vmm.device;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import io.umbra.vmm.state.StateException;
import io.umbra.vmm.state.StateReader;
import io.umbra.vmm.state.StateWriter;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class VirtualClockTest {
    private final VirtualClock clock = new VirtualClock();
    private final List<String> ran = new ArrayList<>();

    private Timer at(long time, String name) {
        return clock.schedule(time, () -> ran.add(name + "@" + clock.now()));
    }

    @Test
    void eventsRunInOrderOfTimeAndTiesInOrderOfScheduling() {
        at(20, "c");
        at(10, "a");
        at(10, "b");
        at(31, "late");
        clock.advanceTo(30);
        assertThat(ran).containsExactly("a@10", "b@10", "c@20");
        assertThat(clock.now()).isEqualTo(30);
        assertThat(clock.nextEvent()).isEqualTo(31);
    }

    @Test
    void anEventMayScheduleAnotherThatIsAlreadyDue() {
        clock.schedule(5, () -> at(7, "chained"));
        clock.advanceTo(10);
        assertThat(ran).containsExactly("chained@7");
    }

    @Test
    void anEventInThePastRunsAtTheNextAdvanceWithoutTurningTimeBack() {
        clock.advanceTo(100);
        at(50, "past");
        clock.advanceTo(100);
        assertThat(ran).containsExactly("past@100");
    }

    /** The devices are restored in an order that has nothing to do with that in which they scheduled their events. */
    @Test
    void eventsOfOneMomentKeepTheirOrderWhenTheyAreRestored() throws StateException {
        Timer first = at(10, "first");
        Timer second = at(10, "second");
        clock.advanceTo(3);
        StateWriter out = new StateWriter();
        clock.save(out);
        VirtualClock.save(out, second);
        VirtualClock.save(out, first);
        VirtualClock.save(out, null);
        VirtualClock restored = new VirtualClock();
        StateReader in = new StateReader("clock", out.bytes());
        restored.restore(in);
        List<String> order = new ArrayList<>();
        assertThat(restored.restore(in, () -> order.add("second"))).isNotNull();
        assertThat(restored.restore(in, () -> order.add("first"))).isNotNull();
        assertThat(restored.restore(in, () -> order.add("nobody"))).isNull();
        in.end();
        restored.schedule(10, () -> order.add("third"));
        assertThat(restored.now()).isEqualTo(3);
        restored.advanceTo(10);
        assertThat(order).containsExactly("first", "second", "third");
    }

    @Test
    void aCanceledEventIsGone() {
        Timer timer = at(5, "never");
        at(6, "other");
        timer.cancel();
        timer.cancel();
        assertThat(clock.nextEvent()).isEqualTo(6);
        clock.advanceTo(10);
        assertThat(ran).containsExactly("other@6");
        assertThat(clock.nextEvent()).isEqualTo(VirtualClock.NEVER);
    }

    @Test
    void timeDoesNotRunBackwards() {
        clock.advanceTo(10);
        assertThatIllegalArgumentException().isThrownBy(() -> clock.advanceTo(9));
    }
}
