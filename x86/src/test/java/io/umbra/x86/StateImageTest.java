package io.umbra.x86;

import static org.assertj.core.api.Assertions.assertThat;

import io.umbra.x86.StateImage.Difference;
import java.lang.reflect.Array;
import java.lang.reflect.Field;
import java.lang.reflect.Modifier;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class StateImageTest {
    /** Every field that {@link VcpuState} has, so that one that is added is not forgotten in {@link VcpuImage}. */
    static Stream<Field> fields() {
        return Stream.of(VcpuState.class.getFields()).filter(field -> !Modifier.isStatic(field.getModifiers()));
    }

    private static StateImage image(VcpuState state) {
        StateImage image = new StateImage();
        VcpuImage.add(state, image);
        return image;
    }

    @Test
    void twoStatesThatHoldTheSameHaveTheSameImage() {
        StateImage first = image(new VcpuState());
        StateImage second = image(new VcpuState());
        assertThat(first.isSameAs(second)).isTrue();
        assertThat(first.differences(second)).isEmpty();
    }

    @ParameterizedTest
    @MethodSource("fields")
    void eachFieldOfAVcpuIsInIt(Field field) throws Exception {
        int places = field.getType().isArray() ? Array.getLength(field.get(new VcpuState())) : 1;
        for (int place = 0; place < places; place++) {
            VcpuState other = new VcpuState();
            change(field, place, other);
            StateImage first = image(new VcpuState());
            StateImage second = image(other);
            assertThat(first.isSameAs(second)).as("%s %d", field, place).isFalse();
            assertThat(first.differences(second)).as("%s %d", field, place).hasSize(1);
        }
    }

    private static void change(Field field, int place, VcpuState state) throws Exception {
        Object value = field.get(state);
        switch (value) {
            case Long number -> field.setLong(state, number ^ 1L << 40);
            case Integer number -> field.setInt(state, number ^ 1 << 9);
            case Boolean flag -> field.setBoolean(state, !flag);
            case long[] numbers -> numbers[place] ^= 1L << 63;
            case int[] numbers -> numbers[place] ^= 1;
            case SegmentRegister[] segments -> segments[place].attributes ^= SegmentRegister.LONG;
            case SegmentRegister segment -> segment.base ^= 1L << 32;
            default -> throw new IllegalArgumentException(field.toString());
        }
    }

    @Test
    void everyPartOfASegmentIsInIt() {
        VcpuState other = new VcpuState();
        other.segments[VcpuState.FS].set(3, 5, 7, 9);
        assertThat(image(new VcpuState()).differences(image(other)))
                .containsExactly(
                        new Difference("fs", 0L, 3L),
                        new Difference("fs base", 0L, 5L),
                        new Difference("fs limit", 0L, 7L),
                        new Difference("fs attributes", 0L, 9L));
    }

    @Test
    void wordsThatOneOfTwoImagesLacksAreDifferences() {
        StateImage first = new StateImage();
        first.add("a", 1);
        first.add("slot", 7, 2);
        StateImage second = new StateImage();
        second.add("a", 1);
        second.add("slot", 8, 2);
        assertThat(first.isSameAs(second)).isFalse();
        assertThat(first.differences(second))
                .containsExactly(new Difference("slot[7]", 2L, null), new Difference("slot[8]", null, 2L));
        assertThat(first.differences(second).getFirst()).hasToString("slot[7]: 0x2, none");
    }

    @Test
    void anImageThatWasClearedAndTakenAgainIsAsNew() {
        StateImage image = image(new VcpuState());
        int size = image.size();
        image.clear();
        for (int i = 0; i < 5000; i++) {
            image.add("many", i, i);
        }
        image.clear();
        VcpuImage.add(new VcpuState(), image);
        assertThat(image.size()).isEqualTo(size);
        assertThat(image.isSameAs(image(new VcpuState()))).isTrue();
    }

    @Test
    void theFirstDifferenceOfAFrameIsFound() {
        try (MachineMemory first = new MachineMemory(16);
                MachineMemory second = new MachineMemory(32)) {
            first.writeLong(0x5000, 3);
            second.writeLong(0x5000, 3);
            assertThat(first.firstDifference(second, 5)).isEqualTo(-1);
            second.writeByte(0x5FFF, 1);
            assertThat(first.firstDifference(second, 5)).isEqualTo(0xFF8);
            first.writeByte(0x5804, 9);
            assertThat(first.firstDifference(second, 5)).isEqualTo(0x800);
            assertThat(first.firstDifference(second, 4)).isEqualTo(-1);
        }
    }
}
