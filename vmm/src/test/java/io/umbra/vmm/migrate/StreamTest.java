package io.umbra.vmm.migrate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowable;

import io.umbra.vmm.state.StateException;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class StreamTest {
    private static final int HEADERS = 40;

    private static byte[] written(String text) throws IOException {
        ByteArrayOutputStream target = new ByteArrayOutputStream();
        StreamWriter writer = new StreamWriter(target);
        writer.begin();
        writer.record(RecordType.MACHINE, text.getBytes(StandardCharsets.US_ASCII));
        writer.end();
        return target.toByteArray();
    }

    private static StreamReader reader(byte[] stream) throws IOException, StateException {
        StreamReader reader = new StreamReader(new ByteArrayInputStream(stream));
        reader.begin();
        return reader;
    }

    /** The layout is Xen's, byte for byte: written down here from its specification. */
    @Test
    void headersAndRecordsLieAsTheSpecificationSays() throws IOException {
        byte[] stream = written("0123456789");
        String headers = "ffffffffffffffff" + "58454e46" + "00000003" + "0000" + "000000000000" + "02000000" + "0c00"
                + "0000" + "00000000" + "00000000";
        String machine = "01004d55" + "0a000000" + "30313233343536373839" + "000000000000";
        assertThat(HexFormat.of().formatHex(stream, 0, HEADERS + 24)).isEqualTo(headers + machine);
        assertThat(HexFormat.of().formatHex(stream, stream.length - 8, stream.length))
                .isEqualTo("0000000000000000");
        assertThat(stream.length % 8).isZero();
    }

    @Test
    void whatWasWrittenIsRead() throws Exception {
        StreamReader reader = reader(written("some"));
        assertThat(reader.marksStaticData()).isTrue();
        assertThat(reader.next()).isEqualTo(RecordType.MACHINE);
        assertThat(reader.body()).isEqualTo("some".getBytes(StandardCharsets.US_ASCII));
        assertThat(reader.next()).isEqualTo(RecordType.CHECKSUM);
        assertThat(reader.next()).isEqualTo(RecordType.END);
        assertThat(reader.body()).isEmpty();
        reader.end();
    }

    private static byte[] withNumber(byte[] stream, int at, int number) {
        byte[] changed = stream.clone();
        ByteBuffer.wrap(changed).order(ByteOrder.LITTLE_ENDIAN).putInt(at, number);
        return changed;
    }

    @Test
    void anUnknownRecordIsSkippedIfItIsOptionalAndAnErrorIfNot() throws Exception {
        byte[] stream = written("some");
        StreamReader skipping = reader(withNumber(stream, HEADERS, 0x8000_0077));
        assertThat(skipping.next()).isNull();
        assertThatThrownBy(() -> reader(withNumber(stream, HEADERS, 0x77)).next())
                .isInstanceOf(StateException.class)
                .hasMessage("it has a record of type 0x77, which this program cannot read");
        assertThatThrownBy(() -> reader(withNumber(stream, HEADERS, 14)).next())
                .isInstanceOf(StateException.class)
                .hasMessageContaining("CHECKPOINT");
    }

    @ParameterizedTest
    @CsvSource({
        "0,0,this is no saved domain",
        "8,0,this is no saved domain",
        "12,0x01000000,'version 1 of the stream, and this program reads 2 and 3'",
        "12,0x04000000,'version 4 of the stream, and this program reads 2 and 3'",
        "16,0x100,the stream is big-endian",
        "24,1,'a PV guest, and this program restores HVM guests'",
        "24,3,a guest of type 3 with pages of 2^12 bytes",
        "28,13,a guest of type 2 with pages of 2^13 bytes"
    })
    void aHeaderThatIsNoneOrOfSomethingElseIsRefused(int at, String number, String message) throws IOException {
        byte[] stream = withNumber(written("some"), at, Integer.decode(number));
        assertThatThrownBy(() -> reader(stream))
                .isInstanceOf(StateException.class)
                .hasMessage(message);
    }

    @Test
    void aStreamOfVersionTwoIsReadAndMarksNoStaticData() throws Exception {
        StreamReader reader = reader(withNumber(written("some"), 12, 0x0200_0000));
        assertThat(reader.marksStaticData()).isFalse();
        assertThat(reader.next()).isEqualTo(RecordType.MACHINE);
    }

    private static void readAll(byte[] stream) throws IOException, StateException {
        StreamReader reader = reader(stream);
        RecordType type = reader.next();
        while (type != RecordType.END) {
            type = reader.next();
        }
        reader.end();
    }

    @Test
    void aStreamThatIsCutShortAnywhereOrTooLongIsRefused() throws Exception {
        byte[] stream = written("something to say");
        readAll(stream);
        for (int length = 0; length < stream.length; length++) {
            byte[] cut = Arrays.copyOf(stream, length);
            assertThat(catchThrowable(() -> readAll(cut)))
                    .as("cut at %d", length)
                    .isInstanceOf(StateException.class);
        }
        assertThatThrownBy(() -> readAll(Arrays.copyOf(stream, stream.length + 1)))
                .isInstanceOf(StateException.class)
                .hasMessage("something follows its end");
    }

    @Test
    void aStreamInWhichAnyBitIsChangedIsRefused() throws Exception {
        byte[] stream = written("something to say");
        for (int bit = 0; bit < stream.length * 8; bit++) {
            byte[] changed = stream.clone();
            changed[bit / 8] ^= (byte) (1 << bit % 8);
            assertThat(catchThrowable(() -> readAll(changed))).as("bit %d", bit).isInstanceOf(StateException.class);
        }
    }

    @Test
    void aRecordThatClaimsMoreThanIsThereTakesNoMemory() throws Exception {
        byte[] stream = withNumber(written("some"), HEADERS + 4, Integer.MAX_VALUE);
        assertThatThrownBy(() -> reader(stream).next()).hasMessage("the stream is cut short");
        byte[] negative = withNumber(written("some"), HEADERS + 4, -1);
        assertThatThrownBy(() -> reader(negative).next()).hasMessage("a record of 4294967295 bytes");
    }

    // ---- pages
    // -------------------------------------------------------------------------------------------------------

    @Test
    void framesComeOutOfTheirRecordsAsTheyWentIn() throws Exception {
        ByteArrayOutputStream target = new ByteArrayOutputStream();
        StreamWriter writer = new StreamWriter(target);
        writer.begin();
        PageBatch batch = new PageBatch(writer);
        int frames = 2 * PageBatch.MOST + 7;
        for (int i = 0; i < frames; i++) {
            byte fill = (byte) (i % 3);
            if (i % 5 == 0) {
                batch.nothing(i);
            } else {
                int bytes = batch.memory(i, (bytesOf, index) -> Arrays.fill(bytesOf, index, index + 4096, fill));
                assertThat(bytes).isEqualTo(i % 3 == 0 ? 8 : 4104);
            }
        }
        batch.flush();
        batch.flush();
        writer.end();
        StreamReader reader = reader(target.toByteArray());
        List<Long> seen = new ArrayList<>();
        int records = 0;
        while (reader.next() == RecordType.PAGE_DATA) {
            records++;
            PageBatch.read(reader.body(), (type, gfn, body, index) -> {
                assertThat(type)
                        .isEqualTo(gfn % 5 == 0 ? PageType.NONE : gfn % 3 == 0 ? PageType.ZERO : PageType.NORMAL);
                if (type == PageType.NORMAL) {
                    assertThat(body[index]).isEqualTo((byte) (gfn % 3));
                    assertThat(body[index + 4095]).isEqualTo((byte) (gfn % 3));
                }
                seen.add(gfn);
            });
        }
        assertThat(records).isEqualTo(3);
        assertThat(seen).hasSize(frames).isSorted().doesNotHaveDuplicates();
    }

    private static byte[] record(int count, long word, int data) {
        ByteBuffer body = ByteBuffer.allocate(16 + data).order(ByteOrder.LITTLE_ENDIAN);
        return body.putInt(count).putInt(0).putLong(word).array();
    }

    @Test
    void aRecordOfPagesThatDoesNotAddUpIsRefused() {
        PageBatch.Sink nobody = (type, gfn, body, index) -> {};
        assertThatThrownBy(() -> PageBatch.read(new byte[4], nobody)).hasMessageContaining("of 4 bytes");
        assertThatThrownBy(() -> PageBatch.read(record(2, 0, 0), nobody)).hasMessageContaining("too short");
        assertThatThrownBy(() -> PageBatch.read(record(-1, 0, 0), nobody)).hasMessageContaining("too short");
        assertThatThrownBy(() -> PageBatch.read(record(1, 5, 4095), nobody)).hasMessageContaining("lacks");
        assertThatThrownBy(() -> PageBatch.read(record(1, 5, 4097), nobody)).hasMessageContaining("1 bytes too many");
        assertThatThrownBy(() -> PageBatch.read(record(1, 0x4L << 60 | 5, 0), nobody))
                .hasMessage("frame 0x5 is of type 4, which HVM guests have not");
        assertThatThrownBy(() -> PageBatch.read(record(1, 0xDL << 60 | 5, 0), nobody))
                .hasMessage("frame 0x5 is broken");
        assertThatThrownBy(() -> PageBatch.read(record(1, 0xFL << 60 | 1L << 55, 0), nobody))
                .isInstanceOf(StateException.class);
    }
}
