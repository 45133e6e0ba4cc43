package io.umbra.processor;

import static io.umbra.processor.TestMachine.CODE;
import static io.umbra.processor.TestMachine.DATA;
import static io.umbra.processor.TestMachine.RW;
import static io.umbra.x86.VcpuState.RBX;
import static org.assertj.core.api.Assertions.assertThat;

import io.umbra.x86.Exit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class TlbCountsTest {
    /** Two reads, two writes: mov rax,[rbx]; mov rax,[rbx]; mov [rbx],rcx; mov [rbx],rcx; hlt. */
    private static final String ACCESSES = "488B03 488B03 48890B 48890B F4";

    private final TestMachine shadow = TestMachine.shadow();
    private final TestMachine nested = TestMachine.nested();

    @AfterEach
    void close() {
        shadow.close();
        nested.close();
    }

    /** What one execution of {@link #ACCESSES} adds. */
    private static TlbCounts added(TestMachine machine) {
        TlbCounts before = machine.processor.tlbCounts();
        machine.state.rip = CODE;
        machine.state.gpr[RBX] = DATA;
        assertThat(machine.run()).isEqualTo(new Exit.Halt());
        TlbCounts after = machine.processor.tlbCounts();
        return new TlbCounts(
                after.misses() - before.misses(),
                after.rechecks() - before.rechecks(),
                after.refusals() - before.refusals(),
                after.references() - before.references(),
                after.flushes() - before.flushes());
    }

    @Test
    void aPageThatIsNotCachedIsAMissAndTheFirstWriteToACachedOneARecheck() {
        shadow.code(CODE, ACCESSES);
        assertThat(added(shadow)).isEqualTo(new TlbCounts(2, 1, 0, 2 * 4, 0));
        assertThat(added(shadow)).isEqualTo(new TlbCounts(0, 0, 0, 0, 0));
    }

    @Test
    void aFlushMakesEveryPageMissAgain() {
        shadow.code(CODE, ACCESSES);
        added(shadow);
        long flushes = shadow.processor.tlbCounts().flushes();
        shadow.processor.flush();
        assertThat(shadow.processor.tlbCounts().flushes()).isEqualTo(flushes + 1);
        assertThat(added(shadow)).isEqualTo(new TlbCounts(2, 1, 0, 2 * 4, 0));
    }

    @Test
    void anInvalidatedPageMissesAlone() {
        shadow.code(CODE, ACCESSES);
        added(shadow);
        shadow.processor.invalidate(DATA);
        assertThat(added(shadow).references()).isEqualTo(4);
    }

    @Test
    void aNestedWalkOfFourOverFourLevelsReadsTwentyFourEntries() {
        nested.code(CODE, ACCESSES);
        assertThat(added(nested)).isEqualTo(new TlbCounts(2, 1, 0, 2 * 24, 0));
    }

    @Test
    void aWalkThatFaultsIsRefusedAndItsEntriesCount() {
        shadow.code(CODE, "488B03 F4");
        shadow.state.gpr[RBX] = 0x70_0000;
        assertThat(shadow.run()).isInstanceOf(Exit.PageFault.class);
        TlbCounts refused = shadow.processor.tlbCounts();
        assertThat(refused.refusals()).isEqualTo(1);
        assertThat(refused.misses()).as("the code's page").isEqualTo(1);
        assertThat(refused.references()).isEqualTo(8);

        shadow.map(0x70_0000, RW);
        assertThat(shadow.run()).isEqualTo(new Exit.Halt());
        assertThat(shadow.processor.tlbCounts().references() - refused.references())
                .isEqualTo(4);
    }

    @Test
    void storesToAFrameThatHoldsCodeAreNoMisses() {
        shadow.code(CODE, "488B4330 488B4330 48894B30 48894B30 F4"); // the same at [rbx+0x30], in the code's own page
        shadow.state.gpr[RBX] = CODE;
        assertThat(shadow.run()).isEqualTo(new Exit.Halt());
        assertThat(shadow.processor.tlbCounts().misses()).isEqualTo(1);
    }
}
