package io.umbra.tools.matrix;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.function.LongConsumer;
import java.util.function.Supplier;

/** Plays matrices of several modes under several models, on several threads. */
public final class MatrixBatch {
    private static final int CHUNK = 1 << 18;

    private final List<Row> rows = new ArrayList<>();

    /** A mode under a model: its matrix, and the cases to be played; all of them when {@code sample} is empty. */
    private static final class Row {
        final MatrixMode mode;
        final Model model;
        final AccessMatrix matrix;
        final long[] sample;

        Row(MatrixMode mode, Model model, AccessMatrix matrix, long[] sample) {
            this.mode = mode;
            this.model = model;
            this.matrix = matrix;
            this.sample = sample;
        }

        long cases() {
            return sample.length == 0 ? matrix.cases() : sample.length;
        }
    }

    /** What came of one mode under one model. */
    public record Line(MatrixMode mode, Model model, MatrixRun.Result result) {}

    /**
     * @param modes in the order of the enum
     * @param sample how many cases to draw over all modes and models, evenly, but at least one of each; 0 for all cases. A matrix with fewer cases than its share is played in full, and leaves more to the larger ones behind it
     */
    public MatrixBatch(List<MatrixMode> modes, List<Model> models, int sample, long seed) {
        int left = sample;
        int matrices = modes.size() * models.size();
        for (MatrixMode mode : modes) {
            AccessMatrix matrix = new AccessMatrix(mode);
            for (Model model : models) {
                int share = Math.max(1, Math.ceilDiv(left, matrices - rows.size()));
                boolean isDrawn = sample > 0 && share < matrix.cases();
                Row row = new Row(
                        mode,
                        model,
                        matrix,
                        isDrawn ? MatrixRun.sample(matrix, share, seed + rows.size()) : new long[0]);
                left -= (int) Math.min(left, row.cases());
                rows.add(row);
            }
        }
    }

    /** Over all modes and models. */
    public long cases() {
        return rows.stream().mapToLong(Row::cases).sum();
    }

    /**
     * One line for each mode and model, in the order given.
     *
     * @param progress is told, from any thread, how many cases more were played
     */
    public List<Line> play(int threads, LongConsumer progress) {
        List<List<Future<MatrixRun.Result>>> parts = new ArrayList<>();
        List<Line> lines = new ArrayList<>();
        try (ExecutorService executor = Executors.newFixedThreadPool(threads)) {
            for (Row row : rows) {
                parts.add(submit(executor, row, progress));
            }
            for (int i = 0; i < rows.size(); i++) {
                MatrixRun.Result result = new MatrixRun.Result(0, 0, List.of());
                for (Future<MatrixRun.Result> part : parts.get(i)) {
                    result = result.plus(await(part));
                }
                lines.add(new Line(rows.get(i).mode, rows.get(i).model, result));
            }
        }
        return lines;
    }

    private static List<Future<MatrixRun.Result>> submit(ExecutorService executor, Row row, LongConsumer progress) {
        Supplier<Subject> subjects = () -> row.model.guest(row.mode);
        List<Future<MatrixRun.Result>> parts = new ArrayList<>();
        if (row.sample.length > 0) {
            parts.add(executor.submit(() -> MatrixRun.cases(row.matrix, subjects, row.sample, progress)));
            return parts;
        }
        for (long first = 0; first < row.cases(); first += CHUNK) {
            long from = first;
            long end = Math.min(first + CHUNK, row.cases());
            parts.add(executor.submit(() -> MatrixRun.range(row.matrix, subjects, from, end, progress)));
        }
        return parts;
    }

    private static MatrixRun.Result await(Future<MatrixRun.Result> part) {
        try {
            return part.get();
        } catch (ExecutionException e) {
            throw new IllegalStateException("a part of the matrix cannot be played: " + e.getCause(), e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException("interrupted", e);
        }
    }
}
