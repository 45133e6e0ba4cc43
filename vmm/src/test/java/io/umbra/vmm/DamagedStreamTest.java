package io.umbra.vmm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.umbra.vmm.DomainConfig.PagingKind;
import io.umbra.vmm.migrate.RecordType;
import io.umbra.vmm.migrate.StreamReader;
import io.umbra.vmm.migrate.StreamWriter;
import io.umbra.vmm.state.StateException;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.zip.CRC32C;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/**
 * Whatever a stream holds, it becomes a domain that runs, or is refused with one line. {@code -Dumbra.vectors} and {@code -Dumbra.seed} choose how many streams are made up, and which.
 */
class DamagedStreamTest {
    private static final int VECTORS = Integer.getInteger("umbra.vectors", 250);
    private static final long SEED = Long.getLong("umbra.seed", 1);
    private static final long MORE = 20_000;
    /** Where the upper half of the size of memory stands: for a guest of terabytes there is no room here. */
    private static final int MEMORY_HIGH = 8;

    private static final int CHECKSUM_AND_END = 24;

    private static byte[] stream;
    private static List<Part> parts;

    private static final class Part {
        final RecordType type;
        final byte[] body;

        Part(RecordType type, byte[] body) {
            this.type = type;
            this.body = body;
        }
    }

    @BeforeAll
    static void saveOnce() throws Exception {
        ByteArrayOutputStream target = new ByteArrayOutputStream();
        try (Domain domain =
                SmallGuests.start("trials/images/interrupts.elf", "", false, new ByteArrayOutputStream())) {
            domain.limit(90_000);
            domain.run();
            DomainStream.save(domain, target);
        }
        stream = target.toByteArray();
        parts = new ArrayList<>();
        StreamReader reader = new StreamReader(new ByteArrayInputStream(stream));
        reader.begin();
        RecordType type = reader.next();
        while (type != RecordType.END && type != null) {
            if (type != RecordType.CHECKSUM) {
                parts.add(new Part(type, reader.body()));
            }
            type = reader.next();
        }
    }

    /** With a checksum that is right. */
    private static byte[] assembled(List<Part> some) throws Exception {
        ByteArrayOutputStream target = new ByteArrayOutputStream();
        StreamWriter writer = new StreamWriter(target);
        writer.begin();
        for (Part part : some) {
            writer.record(part.type, part.body);
        }
        writer.end();
        return target.toByteArray();
    }

    private static Domain restore(byte[] bytes, @Nullable PagingKind paging) throws Exception {
        RestoreRequest request = new RestoreRequest(paging, Map.of(), 5, false, character -> {}, ConsoleInput.none());
        return DomainStream.restore(new ByteArrayInputStream(bytes), request);
    }

    private static void assertRefused(List<Part> some, String message) {
        assertThatThrownBy(() -> restore(assembled(some), null).close())
                .isInstanceOf(StateException.class)
                .hasMessageContaining(message);
    }

    private static List<Part> without(RecordType type) {
        return parts.stream().filter(part -> part.type != type).toList();
    }

    @Test
    void assembledAsItWasItIsTheSame() throws Exception {
        assertThat(assembled(parts)).isEqualTo(stream);
    }

    @Test
    void aStreamThatLacksARecordIsRefused() {
        assertRefused(without(RecordType.MACHINE), "it does not describe its machine");
        assertRefused(without(RecordType.STATIC_DATA_END), "before the end of the static data");
        assertRefused(without(RecordType.TSC_INFO), "how much time has passed");
        assertRefused(without(RecordType.HVM_CONTEXT), "it ends before the state of the machine");
        assertRefused(without(RecordType.PAGE_DATA), "frame 0x0 is missing");
        assertRefused(List.of(), "it ends before the state of the machine");
    }

    @Test
    void recordsAtTheWrongPlaceAreRefused() {
        List<Part> twice = new ArrayList<>(parts);
        twice.add(parts.getFirst());
        assertRefused(twice, "at the wrong place");
        List<Part> reversed = new ArrayList<>(parts);
        Collections.reverse(reversed);
        assertRefused(reversed, "it does not describe its machine");
    }

    /** There is room for devices up to 4 GiB, and a stream may say that all of it is memory. */
    @Test
    void moreMemoryThanTheMachineHasIsRefused() {
        List<Part> some = new ArrayList<>(parts);
        for (int batch = 0; batch < 30; batch++) {
            ByteBuffer body = ByteBuffer.allocate(8 + 1024 * Long.BYTES).order(ByteOrder.LITTLE_ENDIAN);
            body.putInt(1024).putInt(0);
            for (long gfn = 0; gfn < 1024; gfn++) {
                body.putLong(0xEL << 60 | 0x8_0000 + batch * 1024 + gfn);
            }
            some.add(3, new Part(RecordType.PAGE_DATA, body.array()));
        }
        assertRefused(some, "no machine frame is left");
    }

    @Test
    void aStreamOfVersionTwoNeedsNoEndOfStaticData() throws Exception {
        byte[] old = assembled(without(RecordType.STATIC_DATA_END));
        old[15] = 2;
        assertThatThrownBy(() -> restore(old, null).close()).hasMessageContaining("checksum");
        CRC32C sum = new CRC32C();
        sum.update(old, 0, old.length - CHECKSUM_AND_END);
        ByteBuffer.wrap(old).order(ByteOrder.LITTLE_ENDIAN).putInt(old.length - CHECKSUM_AND_END + 8, (int)
                sum.getValue());
        try (Domain domain = restore(old, null)) {
            assertThat(domain.instructions()).isEqualTo(90_000);
        }
    }

    @Test
    void parametersOfXensAreRefusedAndNoneAreNot() throws Exception {
        List<Part> some = new ArrayList<>(parts);
        some.add(parts.size() - 1, new Part(RecordType.HVM_PARAMS, new byte[8]));
        restore(assembled(some), null).close();
        byte[] one = new byte[24];
        one[0] = 1;
        some.set(parts.size() - 1, new Part(RecordType.HVM_PARAMS, one));
        assertRefused(some, "HVM parameters");
    }

    @Test
    void pagesBehindVerifyAreCompared() throws Exception {
        List<Part> some = new ArrayList<>(parts);
        int context = some.size() - 2;
        assertThat(some.get(context).type).isEqualTo(RecordType.TSC_INFO);
        List<Part> pages =
                parts.stream().filter(part -> part.type == RecordType.PAGE_DATA).toList();
        some.add(context, new Part(RecordType.VERIFY, new byte[0]));
        some.addAll(context + 1, pages);
        restore(assembled(some), null).close();
        byte[] other = pages.getFirst().body.clone();
        other[other.length - 1] ^= 1;
        some.set(context + 1, new Part(RecordType.PAGE_DATA, other));
        assertRefused(some, "is not as it was sent");
    }

    @Test
    void whateverIsChangedItIsRefusedOrRuns() throws Exception {
        int refused = 0;
        int ran = 0;
        for (int vector = 0; vector < VECTORS; vector++) {
            long seed = SEED * 1_000_003 + vector;
            SplittableRandom random = new SplittableRandom(seed);
            byte[] changed = changed(random);
            PagingKind paging = random.nextBoolean() ? PagingKind.SHADOW : PagingKind.NESTED;
            try (Domain domain = restore(changed, paging)) {
                domain.limit(domain.instructions() + MORE);
                assertThat(domain.run()).isNotNull();
                ran++;
            } catch (StateException e) {
                assertThat(e.getMessage()).isNotBlank().doesNotContain("\n");
                refused++;
            } catch (RuntimeException | StackOverflowError e) {
                throw new AssertionError("seed " + seed, e);
            }
        }
        assertThat(refused).as("refused").isGreaterThan(VECTORS / 10);
        assertThat(ran).as("ran").isGreaterThan(VECTORS / 10);
    }

    /** Mostly the state of the machine, for there most meanings are; sometimes the order of records. */
    private static byte[] changed(SplittableRandom random) throws Exception {
        List<Part> some = new ArrayList<>(parts);
        int context = some.size() - 1;
        for (int changes = random.nextInt(1, 4); changes > 0; changes--) {
            int which = random.nextInt(4) > 0 ? Math.min(context, some.size() - 1) : random.nextInt(some.size());
            Part part = some.get(which);
            byte[] body = part.body.clone();
            switch (random.nextInt(30)) {
                case 0 -> some.remove(which);
                case 1 -> some.add(random.nextInt(some.size() + 1), part);
                case 2 -> some.set(which, new Part(part.type, Arrays.copyOf(body, random.nextInt(body.length + 1))));
                default -> {
                    if (body.length > 0) {
                        change(body, random);
                    }
                    if (part.type == RecordType.MACHINE && body.length >= MEMORY_HIGH + 4) {
                        Arrays.fill(body, MEMORY_HIGH, MEMORY_HIGH + 4, (byte) 0);
                    }
                    some.set(which, new Part(part.type, body));
                }
            }
            if (some.isEmpty()) {
                break;
            }
        }
        return assembled(some);
    }

    /** The 64 KiB of the test device's memory and the firmware's items are most of the state, and mean little: changes go where the small parts are. */
    private static void change(byte[] body, SplittableRandom random) {
        int at = random.nextInt(8) > 0 && body.length > 3000 ? random.nextInt(3000) : random.nextInt(body.length);
        if (random.nextInt(4) == 0 && body.length > 3000) {
            at = body.length - 1 - random.nextInt(3000);
        }
        switch (random.nextInt(5)) {
            case 0 -> body[at] ^= (byte) (1 << random.nextInt(8));
            case 1 -> body[at] = -1;
            case 2 -> body[at] = 0;
            case 3 -> Arrays.fill(body, at, Math.min(at + 8, body.length), (byte) random.nextInt());
            default -> body[at] = (byte) random.nextInt();
        }
    }
}
