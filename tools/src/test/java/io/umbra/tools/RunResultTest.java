package io.umbra.tools;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.umbra.shadow.Counter;
import io.umbra.vmm.ProcessorCounter;
import java.io.IOException;
import java.io.StringReader;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class RunResultTest {
    private static final RunResult RESULT = Runs.result(
            0,
            Long.MAX_VALUE,
            Map.of(Counter.PAGE_FAULT, 3L, Counter.EMULATE, 1L << 40),
            Map.of(ProcessorCounter.TLB_MISS, 9L));

    private static RunResult with(String end) {
        return new RunResult(
                end,
                RESULT.status(),
                RESULT.seconds(),
                RESULT.paging(),
                RESULT.memoryBytes(),
                RESULT.instructions(),
                RESULT.verified(),
                RESULT.options(),
                RESULT.counters(),
                RESULT.processor(),
                RESULT.hypercalls(),
                RESULT.pv());
    }

    @Test
    void pvGuestsResultIsReadAgainToo() throws Exception {
        RunResult result =
                Runs.pv(RESULT, Map.of(PvTotal.PTWR, 5L), Map.of("mmu_update", 7L, "mmuext_op new user base", 8L));
        assertThat(result.properties())
                .contains("guest=pv\n", "ptwr=5\n", "hypercall.mmuext_op_new_user_base=8\n", "trap.#PF=3\n");
        assertThat(RunResult.parse(new StringReader(result.properties()))).isEqualTo(result);
        assertThat(RESULT.properties()).contains("guest=hvm\n").doesNotContain("ptwr");
    }

    @ParameterizedTest
    @ValueSource(strings = {"plain", "a=b: c # d", "back\\slash \\u0041", "…é", "'quoted\"", ""})
    void whatIsWrittenAsPropertiesIsReadAgain(String end) throws Exception {
        RunResult result = with(end);
        assertThat(RunResult.parse(new StringReader(result.properties()))).isEqualTo(result);
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "end=x\n", "status=x\n", "nonsense", "\\u12"})
    void whatIsNoReportIsRefused(String text) {
        assertThatThrownBy(() -> RunResult.parse(new StringReader(text))).isInstanceOf(IOException.class);
    }

    @Test
    void jsonHasEveryCounterAndEscapesWhatMustBe() {
        String json = new Report(with("a \"b\"\\\n\u0001"), false, 0, null, null).json();
        assertThat(json)
                .startsWith("{\n  \"end\": \"a \\\"b\\\"\\\\\\u000a\\u0001\",\n")
                .endsWith("  }\n}\n");
        for (Counter counter : Counter.values()) {
            assertThat(json).contains("    \"" + counter.label() + "\": ");
        }
        assertThat(json).contains("    \"tlb_miss\": 9,\n").contains("  \"instructions\": 9223372036854775807,\n");
    }

    @Test
    void emptyObjectsAndArraysAreClosedWhereTheyAreOpened() {
        Json json = new Json().object().texts("none", Map.of()).array("list");
        json.object().field("x", 1).close().object().field("y", 0.5, 2).close();
        assertThat(json.close().field("z", true).close().finished()).isEqualTo("""
                {
                  "none": {},
                  "list": [
                    {
                      "x": 1
                    },
                    {
                      "y": 0.50
                    }
                  ],
                  "z": true
                }
                """);
    }
}
