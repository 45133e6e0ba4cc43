package io.umbra.bench.guest;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/** A shell script stands for the machine; no number depends on how fast this one is. */
@EnabledOnOs({OS.LINUX, OS.MAC})
class TimedRunTest {
    @TempDir
    private Path directory;

    private Measured play(String script, Optional<String> begin, int limitSeconds) throws Exception {
        Guest guest = new Guest("test", "", Guest.Kernel.AMD64, Guest.Disk.LOOPS, "", begin, "the end");
        return new TimedRun(
                        List.of("sh", "-c", script), guest, directory.resolve("err"), Duration.ofSeconds(limitSeconds))
                .play();
    }

    /** The begin cannot be seen before it is printed, however slow the host; it may be seen some time later. */
    @Test
    void timeBeforeTheFirstMarkDoesNotCount() throws Exception {
        long started = System.nanoTime();
        Measured measured = play("sleep 1; echo begin; sleep 3; echo x the end", Optional.of("begin"), 60);
        double all = (System.nanoTime() - started) / 1e9;
        assertThat(measured.wall()).isGreaterThan(0.1).isLessThan(all - 0.99);
    }

    @Test
    void withoutAFirstMarkTimeCountsFromTheStart() throws Exception {
        assertThat(play("sleep 0.3; echo the end", Optional.empty(), 60).wall()).isGreaterThan(0.29);
    }

    /** It sleeps before it works, so that its begin has been seen, and afterwards, so that it can still be asked. */
    @Test
    void cpuTimeIsTheProcesss() throws Exception {
        String busy = "i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done; ";
        Measured measured = play("echo begin; sleep 3; " + busy + "echo the end; sleep 3", Optional.of("begin"), 60);
        assertThat(measured.cpu()).isGreaterThan(0);
        assertThat(play("echo begin; sleep 3; echo the end; sleep 3", Optional.of("begin"), 60)
                        .cpu())
                .isLessThan(measured.wall());
    }

    @Test
    void guestThatNeverEndsIsEnded() {
        assertThatExceptionOfType(BenchException.class)
                .isThrownBy(() -> play("echo last words; exec sleep 100", Optional.empty(), 1))
                .withMessageContaining("last words")
                .satisfies(e -> assertThat(e.status()).isEqualTo(BenchException.FAILED));
    }

    @Test
    void endWithoutABeginningIsNone() {
        assertThatExceptionOfType(BenchException.class)
                .isThrownBy(() -> play("echo the end", Optional.of("begin"), 60))
                .withMessageContaining("did not come");
    }
}
