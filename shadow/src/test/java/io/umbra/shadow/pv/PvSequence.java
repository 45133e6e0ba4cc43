package io.umbra.shadow.pv;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** A sequence of operations on a fresh machine, and what comes of it: after each, the independent checker is asked. With every fourth seed absent entries are audited. */
record PvSequence(long seed, List<PvOperation> operations) {

    static PvSequence draw(long seed, int length) {
        PvOperationSource source = new PvOperationSource(seed);
        List<PvOperation> operations = new ArrayList<>();
        for (int i = 0; i < length; i++) {
            operations.add(source.next());
        }
        return new PvSequence(seed, operations);
    }

    /** How a sequence failed, and after how many of its operations. */
    record Failure(int executed, String cause) {}

    /** How much it did. */
    record Effect(List<Integer> accepted, int refused, int preempted, int vulnerable) {}

    @Nullable
    Failure run() {
        return run(PvGuest.Defect.NONE, new ArrayList<>());
    }

    /** @return null when all rules held all the time and nothing is left at the end */
    @Nullable
    Failure run(PvGuest.Defect defect, List<Effect> effects) {
        int executed = 0;
        try (PvGuest guest = new PvGuest(defect, seed % 4 == 0)) {
            try {
                for (PvOperation operation : operations) {
                    executed++;
                    guest.execute(operation);
                    check(guest);
                }
                effects.add(new Effect(
                        Arrays.stream(guest.accepted).boxed().toList(),
                        guest.refused,
                        guest.world.host.preemptions,
                        guest.world.host.hidden.size()));
                guest.end();
                check(guest);
            } catch (AssertionError | RuntimeException e) {
                return new Failure(executed, String.valueOf(e));
            }
        }
        return null;
    }

    private static void check(PvGuest guest) {
        List<Breach> breaches = PvAudit.breaches(guest.world.machine);
        if (!breaches.isEmpty()) {
            throw new AssertionError(breaches.toString());
        }
    }

    /** The shortest sequence found that still fails: first the end goes, then ever smaller pieces of the rest. */
    PvSequence shrunk() {
        Failure failure = run();
        List<PvOperation> kept =
                new ArrayList<>(operations.subList(0, failure == null ? operations.size() : failure.executed()));
        for (int piece = Math.max(1, kept.size() / 2); piece >= 1; piece /= 2) {
            for (int at = 0; at < kept.size(); ) {
                List<PvOperation> fewer = new ArrayList<>(kept.subList(0, at));
                fewer.addAll(kept.subList(Math.min(at + piece, kept.size()), kept.size()));
                if (new PvSequence(seed, fewer).run() != null) {
                    kept = fewer;
                } else {
                    at += piece;
                }
            }
        }
        return new PvSequence(seed, List.copyOf(kept));
    }

    /** For a person: how it failed, and how to see it again. */
    String describe() {
        StringBuilder text = new StringBuilder("seed %d, %d operations:%n".formatted(seed, operations.size()));
        operations.forEach(operation -> text.append("  ").append(operation).append('\n'));
        return text.append(run()).toString();
    }
}
