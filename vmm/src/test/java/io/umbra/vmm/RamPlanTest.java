package io.umbra.vmm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.umbra.shadow.Counter;
import io.umbra.vmm.DomainConfig.PagingKind;
import io.umbra.vmm.loader.GuestImage;
import io.umbra.vmm.loader.LoadException;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** The trials with RAM that comes when it is used, goes out again, and is merged: they print the same. */
class RamPlanTest {
    private static final Path TRIALS = Path.of("../guests/trials");
    private static final long LIMIT = 200_000_000;

    private static final RamPlan ON_DEMAND = new RamPlan(true, Long.MAX_VALUE, 0);
    private static final RamPlan TIGHT = new RamPlan(true, RamPlan.LEAST_RESIDENT, 0);
    private static final RamPlan MERGED = new RamPlan(true, RamPlan.LEAST_RESIDENT, 20_000);

    private long populated;
    private long merged;

    private String play(String trial, PagingKind paging, RamPlan ram) throws IOException, LoadException {
        DomainConfig plain = DomainConfig.of(64 << 20);
        DomainConfig config = new DomainConfig(
                plain.memoryBytes(),
                paging,
                plain.policy(),
                7,
                false,
                plain.startDate(),
                paging == PagingKind.SHADOW,
                ram);
        ByteArrayOutputStream console = new ByteArrayOutputStream();
        byte[] image = Files.readAllBytes(TRIALS.resolve("images").resolve(trial + ".elf"));
        try (Domain domain = new Domain(config, console::write, ConsoleInput.none())) {
            domain.load(GuestImage.recognise(image, trial), "", null);
            domain.limit(LIMIT);
            domain.run();
            populated = domain.counters().get(Counter.POPULATE);
            merged = domain.counters().get(Counter.MERGE);
        }
        return console.toString(StandardCharsets.ISO_8859_1);
    }

    static Stream<Arguments> plans() {
        return Stream.of("tables", "events", "interrupts")
                .flatMap(trial -> Arrays.stream(PagingKind.values())
                        .flatMap(paging ->
                                Stream.of(ON_DEMAND, TIGHT, MERGED).map(plan -> Arguments.of(trial, paging, plan))));
    }

    @ParameterizedTest
    @MethodSource("plans")
    void guestPrintsTheSame(String trial, PagingKind paging, RamPlan plan) throws IOException, LoadException {
        String printed = play(trial, paging, plan);
        assertThat(populated).isPositive().isLessThan(64 << 8);
        assertThat(merged > 0).isEqualTo(plan.mergeEvery() > 0);
        assertThat(printed).isEqualTo(play(trial, paging, RamPlan.AT_ONCE));
        assertThat(populated).isZero();
    }

    @Test
    void planThatMeansNothingIsRefused() {
        assertThatThrownBy(() -> new RamPlan(false, 1 << 20, 0)).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> new RamPlan(false, Long.MAX_VALUE, 1)).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> new RamPlan(true, 4096, 0)).hasMessageContaining("at least 1 MiB");
        assertThatThrownBy(() -> new RamPlan(true, Long.MAX_VALUE, -1)).hasMessageContaining("negative");
    }
}
