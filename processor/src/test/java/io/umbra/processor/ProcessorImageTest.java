package io.umbra.processor;

import static io.umbra.processor.TestMachine.CODE;
import static io.umbra.processor.TestMachine.DATA;
import static io.umbra.x86.VcpuState.RSI;
import static org.assertj.core.api.Assertions.assertThat;

import io.umbra.x86.Event;
import io.umbra.x86.MachineMemory;
import io.umbra.x86.StateImage;
import io.umbra.x86.StateImage.Difference;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;

/** What of a processor is in its image: each kind of thing is changed in one of two that were the same. */
class ProcessorImageTest {
    private static final long OTHER = DATA + 0x1000;
    private static final int DATA_SLOT = (int) (DATA >>> 12) % TlbBank.ENTRIES;
    private static final int OTHER_SLOT = (int) (OTHER >>> 12) % TlbBank.ENTRIES;
    private static final int CODE_SLOT = (int) (CODE >>> 12) % TlbBank.ENTRIES;

    /** Has stored to {@link TestMachine#DATA} and loaded from the page behind it. */
    private static TestMachine machine() {
        TestMachine machine = TestMachine.shadow();
        machine.code(CODE, "488906" + "488B8600100000" + "9090");
        machine.state.gpr[RSI] = DATA;
        machine.processor.run(2);
        return machine;
    }

    private static StateImage image(TestMachine machine) {
        StateImage image = new StateImage();
        machine.processor.describe(image);
        return image;
    }

    private static List<String> changedBy(Consumer<TestMachine> change) {
        try (TestMachine first = machine();
                TestMachine second = machine()) {
            assertThat(image(first).differences(image(second))).isEmpty();
            change.accept(second);
            return image(first).differences(image(second)).stream()
                    .map(Difference::toString)
                    .toList();
        }
    }

    private static TlbBank bank(TestMachine machine) {
        return machine.processor.cpu().memory.supervisorBank(false);
    }

    @Test
    void aRegisterIs() {
        assertThat(changedBy(machine -> machine.state.gpr[11] = 5)).containsExactly("r11: 0x0, 0x5");
    }

    @Test
    void aPendingEventIs() {
        assertThat(changedBy(machine -> machine.processor.inject(Event.external(0x40))))
                .containsExactly("pending event: 0xffffffffffffffff, 0x40");
    }

    @Test
    void pendingTrapsAre() {
        assertThat(changedBy(machine -> machine.processor.pendingTraps(2))).containsExactly("pending traps: 0x0, 0x2");
    }

    @Test
    void aTranslationThatIsMissingIs() {
        assertThat(changedBy(machine -> machine.processor.invalidate(OTHER)))
                .anyMatch(word -> word.startsWith("supervisor TLB page[%d]: 0x%x, none".formatted(OTHER_SLOT, OTHER)))
                .hasSize(3);
    }

    @Test
    void aTranslationToAnotherFrameIs() {
        assertThat(changedBy(machine -> bank(machine).words[TlbBank.at(DATA) + TlbBank.ADDEND] += 0x1000))
                .singleElement()
                .asString()
                .startsWith("supervisor TLB machine address[%d]".formatted(DATA_SLOT));
    }

    @Test
    void theRightToWriteIs() {
        assertThat(changedBy(machine -> bank(machine).words[TlbBank.at(DATA) + TlbBank.WRITE] = 0))
                .containsExactly("supervisor TLB rights[%d]: 0x3, 0x1".formatted(DATA_SLOT));
    }

    @Test
    void theRightToReadIs() {
        assertThat(changedBy(machine -> bank(machine).words[TlbBank.at(DATA) + TlbBank.READ] = 0))
                .containsExactly("supervisor TLB rights[%d]: 0x3, 0x2".formatted(DATA_SLOT));
    }

    @Test
    void aTranslationOfCodeIs() {
        assertThat(changedBy(
                        machine -> machine.processor.cpu().memory.codeTlb(0).drop(CODE)))
                .anyMatch(word -> word.startsWith("supervisor code TLB page[%d]: 0x%x".formatted(CODE_SLOT, CODE)))
                .hasSize(3);
    }

    @Test
    void whatTheTlbDidIs() {
        assertThat(changedBy(machine -> machine.processor.cpu().memory.walked(1, 2, 3, 12)))
                .hasSize(3)
                .allMatch(word -> word.startsWith("TLB ") || word.startsWith("walk "));
    }

    @Test
    void whatAFlushMadeStaleIsNot() {
        try (TestMachine machine = machine()) {
            machine.processor.flush();
            assertThat(image(machine).differences(new StateImage()))
                    .extracting(Difference::name)
                    .noneMatch(name -> name.contains("TLB page"));
        }
    }

    @Test
    void thePlaceInTheHostIsNot() {
        try (TestMachine first = machine();
                TestMachine second = machine()) {
            assertThat(second.memory.base()).isNotEqualTo(first.memory.base());
            assertThat(image(second).isSameAs(image(first))).isTrue();
        }
    }

    @Test
    void framesThatCanBeWrittenToAreThoseOfStores() {
        try (TestMachine machine = machine()) {
            List<Long> frames = new ArrayList<>();
            machine.processor.eachWritableFrame(frames::add);
            assertThat(frames).containsExactly(machine.machineAddress(DATA) >>> MachineMemory.FRAME_SHIFT);
            machine.processor.flush();
            machine.processor.eachWritableFrame(frames::add);
            assertThat(frames).hasSize(1);
        }
    }
}
