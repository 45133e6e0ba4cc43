package io.umbra.shadow;

import io.umbra.x86.InvariantViolation;
import java.util.ArrayList;
import java.util.List;

/**
 * A sequence of operations on a fresh machine, and what comes of it.
 *
 * @param seed of what the guest's tables hold at first
 */
record Sequence(ShadowPolicy policy, long seed, List<Operation> operations) {
    private static final int AUDIT_EVERY = 64;

    /** Operations of the seed's, in the seed's world. */
    static Sequence draw(ShadowPolicy policy, World world, long seed, int length) {
        OperationSource source = new OperationSource(new GuestLayout(~seed), world);
        List<Operation> operations = new ArrayList<>();
        for (int i = 0; i < length; i++) {
            operations.add(source.next());
        }
        return new Sequence(policy, seed, operations);
    }

    /** How a sequence failed, and after how many of its operations. */
    record Failure(int executed, Throwable cause) {}

    /** @return null when nothing differs from the definition and all rules hold */
    Failure run() {
        return run(ShadowMachine.Defect.NONE);
    }

    Failure run(ShadowMachine.Defect defect) {
        int executed = 0;
        try (ShadowMachine machine = new ShadowMachine(policy, seed, defect)) {
            try {
                for (Operation operation : operations) {
                    executed++;
                    machine.execute(operation);
                    if (executed % AUDIT_EVERY == 0 || operations.size() <= AUDIT_EVERY || isDrastic(operation)) {
                        check(machine);
                    }
                }
                check(machine);
                machine.compareMemory(true);
            } catch (AssertionError | InvariantViolation | DomainCrash | IndexOutOfBoundsException e) {
                return new Failure(executed, e);
            }
        }
        return null;
    }

    /** It changes so much at once that what it leaves behind is looked at before it is used. */
    private static boolean isDrastic(Operation operation) {
        return switch (operation.kind()) {
            case CHANGE_P2M, SWITCH_MODE, TOGGLE_CR0, TOGGLE_CR4 -> true;
            case ACCESS, INVALIDATE_PAGE, INVALIDATE_CONTEXT, LOAD_CR3, TOGGLE_EFER, WRITE_PKRU, DMA, BLOW -> false;
        };
    }

    private static void check(ShadowMachine machine) {
        machine.compareMemory();
        machine.engine.audit();
    }

    /** The shortest sequence found that still fails: first the end goes, then ever smaller pieces of the rest. */
    Sequence shrunk() {
        Failure failure = run();
        List<Operation> kept = new ArrayList<>(operations.subList(0, failure.executed()));
        for (int piece = Math.max(1, kept.size() / 2); piece >= 1; piece /= 2) {
            boolean again = true;
            while (again) {
                again = false;
                for (int at = 0; at < kept.size(); at += piece) {
                    List<Operation> fewer = new ArrayList<>(kept.subList(0, at));
                    fewer.addAll(kept.subList(Math.min(at + piece, kept.size()), kept.size()));
                    if (new Sequence(policy, seed, fewer).run() != null) {
                        kept = fewer;
                        again = true;
                        at -= piece;
                    }
                }
            }
        }
        return new Sequence(policy, seed, List.copyOf(kept));
    }

    /** For a person: how it failed, and how to see it again. */
    String describe() {
        StringBuilder text =
                new StringBuilder("%s, seed %d, %d operations:%n".formatted(policy, seed, operations.size()));
        operations.forEach(operation -> text.append("  ").append(operation).append('\n'));
        Failure failure = run();
        return text.append(failure == null ? "does not fail" : failure.cause()).toString();
    }
}
