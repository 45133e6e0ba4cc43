package io.umbra.processor;

import static io.umbra.processor.TestMachine.CODE;
import static io.umbra.x86.VcpuState.RCX;
import static org.assertj.core.api.Assertions.assertThat;

import io.umbra.x86.Exit;
import io.umbra.x86.StateImage;
import org.junit.jupiter.api.Test;

/** A budget that ends with a jump into a page that no TLB holds: nobody may walk to where the guest has not gone yet. */
class SpentBudgetTest {
    /** Calls a function in the next page, again and again. */
    private static TestMachine machine(Translation translation) {
        TestMachine machine = TestMachine.shadow(PagingFeatures.OFFERED, translation);
        machine.code(
                CODE,
                "E8FB0F0000" // call CODE + 0x1000
                        + "48FFC9" // dec rcx
                        + "75F6"); // jnz CODE
        machine.code(CODE + 0x1000, "C3");
        machine.state.gpr[RCX] = 1000;
        return machine;
    }

    private static StateImage run(Translation translation) {
        try (TestMachine machine = machine(translation)) {
            assertThat(machine.processor.run(400)).isInstanceOf(Exit.BudgetSpent.class);
            machine.processor.invalidate(CODE + 0x1000);
            assertThat(machine.processor.run(1)).isInstanceOf(Exit.BudgetSpent.class);
            StateImage image = new StateImage();
            machine.processor.describe(image);
            assertThat(machine.state.rip).isEqualTo(CODE + 0x1000);
            return image;
        }
    }

    @Test
    void nothingIsWalkedBehindTheLastInstructionOfABudget() {
        StateImage interpreted = run(Translation.OFF);
        assertThat(interpreted.differences(run(TestedTranslation.of(2)))).isEmpty();
    }
}
