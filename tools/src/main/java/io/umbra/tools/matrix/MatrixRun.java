package io.umbra.tools.matrix;

import io.umbra.x86.InvariantViolation;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.function.LongConsumer;
import java.util.function.Supplier;

/**
 * Plays cases of a matrix to a subject and to the definition.
 *
 * <p>A subject that breaks is given up, and the next case begins with a new one.
 */
public final class MatrixRun {
    /** Cases between two audits of a subject. */
    private static final int AUDIT_PERIOD = 4096;
    /** Neighbours in a sample. */
    private static final int RUN = 8;
    /** Disagreements of which more is kept than the count. */
    private static final int MOST_KEPT = 4;

    private final AccessMatrix matrix;
    private final Supplier<? extends Subject> subjects;
    private final Definition definition = new Definition();
    private final LongConsumer progress;
    private final long[] expectedAfter = new long[Path.LEVELS + 1];
    private final long[] foundAfter = new long[Path.LEVELS + 1];
    private final List<Disagreement> kept = new ArrayList<>();
    private Subject subject;
    private long cases;
    private long differences;

    /**
     * What came of a run.
     *
     * @param first the first disagreements, at most four
     */
    public record Result(long cases, long differences, List<Disagreement> first) {
        public Result {
            first = List.copyOf(first);
        }

        /** Of both runs together. */
        public Result plus(Result other) {
            List<Disagreement> all = new ArrayList<>(first);
            all.addAll(other.first);
            return new Result(
                    cases + other.cases,
                    differences + other.differences,
                    all.subList(0, Math.min(MOST_KEPT, all.size())));
        }
    }

    /** @param progress is told now and then how many cases were played since it was told last */
    private MatrixRun(AccessMatrix matrix, Supplier<? extends Subject> subjects, LongConsumer progress) {
        this.matrix = matrix;
        this.subjects = subjects;
        this.progress = progress;
        this.subject = subjects.get();
    }

    /** All cases from {@code first} to {@code end} - 1. */
    public static Result range(
            AccessMatrix matrix, Supplier<? extends Subject> subjects, long first, long end, LongConsumer progress) {
        MatrixRun run = new MatrixRun(matrix, subjects, progress);
        for (long number = first; number < end; number++) {
            run.play(number);
        }
        return run.end();
    }

    /** The cases of these numbers. */
    public static Result cases(
            AccessMatrix matrix, Supplier<? extends Subject> subjects, long[] numbers, LongConsumer progress) {
        MatrixRun run = new MatrixRun(matrix, subjects, progress);
        for (long number : numbers) {
            run.play(number);
        }
        return run.end();
    }

    /**
     * {@code size} numbers of cases, drawn by the seed in runs of some neighbours, in ascending order: half of the runs from all cases alike, half from blocks alike, so that small blocks are not missed.
     */
    public static long[] sample(AccessMatrix matrix, int size, long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        List<Block> blocks = matrix.blocks();
        long[] starts = new long[Math.ceilDiv(size, RUN)];
        for (int i = 0; i < starts.length; i++) {
            starts[i] = random.nextLong(matrix.cases());
            if ((i & 1) != 0) {
                int block = random.nextInt(blocks.size());
                long first = blocks.subList(0, block).stream()
                        .mapToLong(Block::cases)
                        .sum();
                starts[i] = first + random.nextLong(blocks.get(block).cases());
            }
        }
        Arrays.sort(starts);
        long[] numbers = new long[size];
        for (int i = 0; i < size; i++) {
            numbers[i] = Math.min(starts[i / RUN] + i % RUN, matrix.cases() - 1);
        }
        return numbers;
    }

    private void play(long number) {
        AccessCase accessCase = matrix.at(number);
        Answer expected = definition.answer(accessCase, expectedAfter);
        Answer found = subject.answer(accessCase, foundAfter);
        boolean agrees = expected.equals(found) && Arrays.equals(expectedAfter, foundAfter);
        if (++cases % AUDIT_PERIOD == 0) {
            progress.accept(AUDIT_PERIOD);
            Answer audited = audit(found);
            agrees &= audited == found;
            found = audited;
        }
        if (!agrees) {
            differs(accessCase, expected, found);
        }
    }

    private Answer audit(Answer found) {
        try {
            subject.audit();
            return found;
        } catch (InvariantViolation broken) {
            return new Answer.Broken(String.valueOf(broken.getMessage()));
        }
    }

    private void differs(AccessCase accessCase, Answer expected, Answer found) {
        differences++;
        if (kept.size() < MOST_KEPT) {
            String block = matrix.blockName(accessCase.number());
            kept.add(Disagreement.of(accessCase, block, expected, expectedAfter, found, foundAfter));
        }
        if (found instanceof Answer.Broken) {
            subject.close();
            subject = subjects.get();
        }
    }

    private Result end() {
        if (cases % AUDIT_PERIOD > 0) {
            progress.accept(cases % AUDIT_PERIOD);
        }
        subject.close();
        return new Result(cases, differences, kept);
    }
}
