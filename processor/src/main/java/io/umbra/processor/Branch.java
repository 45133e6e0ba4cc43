package io.umbra.processor;

/** A near branch: it ends its block, and a region may go on with the blocks that it leads to. */
abstract class Branch extends Op {
    /** Of a branch whose target is not a constant. */
    static final long NOWHERE = Long.MIN_VALUE;

    @Override
    final boolean endsBlock() {
        return true;
    }

    /** What a region can make of a branch. */
    enum Kind {
        JUMP,
        CONDITIONAL,
        CALL,
        /** It sets RIP to what it computes: returns, indirect jumps, loops. */
        OTHER
    }

    Kind kind() {
        return Kind.OTHER;
    }

    /** How far a constant target is from the beginning of the page that the branch lies in, or {@link #NOWHERE}. */
    long distance() {
        return NOWHERE;
    }

    /** Control may come to the instruction behind this one: when a condition fails, or on return from a call. */
    boolean continuesBehind() {
        return kind() == Kind.CONDITIONAL || kind() == Kind.CALL;
    }

    /** Of a conditional one: the number of the condition under which it is taken. */
    int condition() {
        throw new IllegalStateException("not conditional");
    }

    /** To a constant distance. */
    abstract static class Relative extends Branch {
        private final long distance;
        private final long mask;
        private final boolean isFull;

        Relative(Instruction i, int offsetInPage) {
            this.distance = i.operands[0].value() + offsetInPage + i.length;
            this.mask = Place.mask(i.operandSize);
            this.isFull = 8 * i.operandSize == i.mode;
        }

        /** A branch that cuts RIP to less than the mode's width is left to {@link #execute}. */
        @Override
        final long distance() {
            return isFull ? distance : NOWHERE;
        }

        /** Not yet checked. */
        final long target(Cpu cpu) {
            return cpu.ripBase + distance & mask;
        }

        final void jumpIf(Cpu cpu, boolean taken) {
            if (taken) {
                cpu.jump(target(cpu));
            } else {
                cpu.rip = nextRip(cpu);
            }
        }
    }
}
