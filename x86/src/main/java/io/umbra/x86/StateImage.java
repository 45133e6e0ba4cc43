package io.umbra.x86;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/**
 * What a machine holds at one moment, as words with names: to be compared with the image of another machine that should hold the same. Used again and again it allocates nothing, so that it can
 * be taken often. A word is known by its name and index; no two of an image may have both in common.
 */
public final class StateImage {
    private static final int NO_INDEX = -1;

    private String[] names = new String[1024];
    private int[] indexes = new int[1024];
    private long[] words = new long[1024];
    private int size;

    /** Empty. */
    public StateImage() {}

    /**
     * A word that two images do not agree on.
     *
     * @param name with its index, as {@code xmm[3]}
     * @param first null where only the second image has such a word
     * @param second null where only the first has
     */
    public record Difference(
            String name, @Nullable Long first, @Nullable Long second) {
        @Override
        public String toString() {
            return name + ": " + text(first) + ", " + text(second);
        }

        /** In hexadecimal, or that there is none. */
        public static String text(@Nullable Long word) {
            return word == null ? "none" : "0x" + Long.toHexString(word);
        }
    }

    public void clear() {
        size = 0;
    }

    public void add(String name, long word) {
        add(name, NO_INDEX, word);
    }

    /** @param index at least 0 */
    public void add(String name, int index, long word) {
        if (size == words.length) {
            names = Arrays.copyOf(names, size * 2);
            indexes = Arrays.copyOf(indexes, size * 2);
            words = Arrays.copyOf(words, size * 2);
        }
        names[size] = name;
        indexes[size] = index;
        words[size++] = word;
    }

    /** One word after the other, with their indexes. */
    public void add(String name, long[] values) {
        for (int i = 0; i < values.length; i++) {
            add(name, i, values[i]);
        }
    }

    /** How many words there are. */
    public int size() {
        return size;
    }

    /** The same words by the same names in the same order. */
    public boolean isSameAs(StateImage other) {
        return Arrays.equals(words, 0, size, other.words, 0, other.size)
                && Arrays.equals(indexes, 0, size, other.indexes, 0, other.size)
                && Arrays.equals(names, 0, size, other.names, 0, other.size);
    }

    /** In the order of this image; what only the other has comes last. */
    public List<Difference> differences(StateImage other) {
        Map<String, Long> first = named();
        Map<String, Long> second = other.named();
        List<Difference> differences = new ArrayList<>();
        first.forEach((name, word) -> {
            Long there = second.get(name);
            if (!word.equals(there)) {
                differences.add(new Difference(name, word, there));
            }
        });
        TreeSet<String> missing = new TreeSet<>(second.keySet());
        missing.removeAll(first.keySet());
        missing.forEach(name -> differences.add(new Difference(name, null, second.get(name))));
        return differences;
    }

    private Map<String, Long> named() {
        Map<String, Long> named = new LinkedHashMap<>();
        for (int i = 0; i < size; i++) {
            named.put(indexes[i] == NO_INDEX ? names[i] : names[i] + "[" + indexes[i] + "]", words[i]);
        }
        return named;
    }
}
