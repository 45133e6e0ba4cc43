package io.umbra.vmm;

import io.umbra.x86.StateImage.Difference;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.function.Function;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Where two machines in {@link LockStep} went apart. The first is the one that was asked for, the second interprets.
 *
 * @param equalAt the last comparison of registers, TLB and counters that found them equal, in instructions
 * @param rip of the instruction that came next there
 * @param memoryEqualAt the same for all memory and the devices
 * @param foundAt the comparison that did not
 * @param end how the guest ended in the first, or null
 * @param twinEnd the same of the second
 * @param words registers, pending events, TLB entries, counters
 * @param frames of machine memory
 * @param devices each with where it differs
 */
public record Parting(
        long equalAt,
        long rip,
        long memoryEqualAt,
        long foundAt,
        @Nullable GuestEnd end,
        @Nullable GuestEnd twinEnd,
        List<Difference> words,
        List<FrameDifference> frames,
        List<String> devices) {
    /** Of a kind that are told one by one. */
    private static final int MOST_TOLD = 20;
    /** Into how many pieces a closer look cuts what is in doubt. */
    private static final int PIECES = 100;
    /** Pieces so short that little code would run translated in them. */
    private static final long LEAST_PIECE = 100;

    public Parting {
        words = List.copyOf(words);
        frames = List.copyOf(frames);
        devices = List.copyOf(devices);
    }

    /** One line. */
    public String summary() {
        String first = Stream.of(words, frames, devices)
                .flatMap(List::stream)
                .map(Object::toString)
                .findFirst()
                .orElse("how the guest ended");
        int count = words.size() + frames.size() + devices.size() + (endsDiffer() ? 1 : 0);
        return "translator and interpreter went apart between the instructions %d and %d; of %d differences the first is %s"
                .formatted(doubtFrom(), foundAt, count, first);
    }

    private boolean endsDiffer() {
        return !Objects.equals(end, twinEnd);
    }

    /** Where both held the same for certain: of memory beside the frames in use that is known less often. */
    private long doubtFrom() {
        return words.isEmpty() && !endsDiffer() ? memoryEqualAt : equalAt;
    }

    /** All of it, in lines, with the options for a closer look. */
    public String text() {
        List<String> lines = new ArrayList<>();
        lines.add("translator and interpreter went apart:");
        lines.add("  instruction %15d  memory and devices are the same".formatted(memoryEqualAt));
        lines.add("  instruction %15d  registers, TLB, counters and the frames in use are the same, with RIP = 0x%x"
                .formatted(equalAt, rip));
        lines.add("  instruction %15d  these are not:".formatted(foundAt));
        if (endsDiffer()) {
            lines.add("    the end: %s, %s".formatted(told(end), told(twinEnd)));
        }
        if (!words.isEmpty()) {
            lines.add(row("", "translator", "interpreter"));
        }
        add(words, word -> row(word.name(), Difference.text(word.first()), Difference.text(word.second())), lines);
        add(frames, frame -> "    memory " + frame, lines);
        add(devices, device -> "    device " + device, lines);
        lines.add("  For a closer look, the same again with" + closer());
        return String.join("\n", lines) + "\n";
    }

    private static String row(String name, String first, String second) {
        return "    %-40s %-20s %s".formatted(name, first, second);
    }

    private static <T> void add(List<T> found, Function<T, String> text, List<String> lines) {
        found.stream().limit(MOST_TOLD).map(text).forEach(lines::add);
        if (found.size() > MOST_TOLD) {
            lines.add("    and %d more".formatted(found.size() - MOST_TOLD));
        }
    }

    private static String told(@Nullable GuestEnd end) {
        return end == null ? "none yet" : end.message();
    }

    private String closer() {
        long piece = Math.max(LEAST_PIECE, (foundAt - doubtFrom()) / PIECES);
        String options = " --lock-step-from %d --lock-step-every %d".formatted(doubtFrom(), piece);
        return words.isEmpty() ? options + " --lock-step-memory " + piece : options;
    }
}
