package io.umbra.processor;

import io.umbra.x86.SegmentRegister;
import io.umbra.x86.VcpuState;

/**
 * Translated code: some blocks that run into one another, as one method of a class made for them. It does what the interpreter would do with the same blocks one
 * after the other, instruction by instruction, and leaves whenever the run loop has something to do. It knows the machine frames that its
 * blocks lie in and how many pages they are apart, but no linear address, so that all places where the frames are mapped alike share it.
 *
 * <p>A subclass is written by {@link RegionWriter}. The static methods are what translated code calls at the borders of blocks.
 */
abstract class Region {
    /** HotSpot asks for a method's compilation after 200 calls. */
    private static final int INTRODUCED = 250;
    /** Nanoseconds that the compilation may take. */
    private static final long REST = 100_000_000;

    private static final int ASKED = 256;

    /** What {@link #run} returns instead of throwing, where it can: {@link Cpu#exception} is to be raised. */
    static final int FAULT = -1;

    final RegionPlan plan;
    private int entered;
    private long restsUntil;
    private boolean isReady;

    Region(RegionPlan plan) {
        this.plan = plan;
    }

    /**
     * Whether to enter it now. A new method runs in the JVM's own interpreter, which is several times slower than ours, until HotSpot has compiled it: so
     * it is entered a few times, to become known as hot, and then rests while it is being compiled. Nothing but speed depends on this.
     */
    final boolean isReady() {
        return isReady || entered < INTRODUCED && ++entered > 0 || hasRested();
    }

    private boolean hasRested() {
        if (++entered % ASKED != 0) {
            return false;
        }
        long now = System.nanoTime();
        if (restsUntil == 0) {
            restsUntil = now + REST;
        }
        isReady = now - restsUntil >= 0;
        return isReady;
    }

    /** It need not rest. */
    final void makeReady() {
        isReady = true;
    }

    /**
     * Runs from the beginning of a block on. The caller has set {@link Cpu#ripBase}, {@link Cpu#opLimit} (any positive value) and {@link Cpu#regionEnd}, and has made sure
     * that all of the first block may run. A fault is thrown, or returned, with {@link Cpu#running} and {@link Cpu#opIndex} as the interpreter would have them.
     *
     * @param entry the block's {@link Block#entry}
     * @return {@link #FAULT}; 0: {@link Cpu#rip} is at the beginning of a block and all before it is counted; otherwise how many operations of {@link Cpu#running} are complete and
     *     not yet counted, of which the last one may have set RIP or {@link Cpu#exit}
     */
    abstract int run(Cpu cpu, int entry);

    /** Whether the processor is in a state that the region was made for. */
    boolean mayRun(Cpu cpu) {
        return true;
    }

    /** Code is where its linear address is RIP, and all of it is inside the segment: what every region takes for granted. */
    static boolean isCodeFlat(Cpu cpu) {
        SegmentRegister cs = cpu.state.segments[VcpuState.CS];
        return cpu.ripMask == -1L || cs.base == 0 && cs.limit == 0xFFFF_FFFFL;
    }

    /** From now on the run loop enters it. */
    void enterUse() {
        for (RegionPlan.Node node : plan.nodes()) {
            Block block = node.block;
            if (node.isEntry && (block.region == null || node.index == 0)) {
                block.region = this;
                block.entry = node.index;
            }
        }
        for (Block block : plan.blocks()) {
            block.joins(this);
        }
    }

    /** Never entered again, because one of its blocks was dropped or others need its room. What of it is still hot may be translated anew. */
    void leaveUse() {
        for (Block block : plan.blocks()) {
            block.leaves(this);
        }
    }

    // ---- called by translated code ----------------------------------------------------------------------------------

    /** Whether a block of {@code length} operations may run now: the budget suffices and nothing happened that the run loop must see. */
    static boolean mayEnter(Cpu cpu, int length) {
        return cpu.state.instructions + length <= cpu.regionEnd;
    }

    /** The same where a loop may close, so that a request to stop is seen. */
    static boolean mayRepeat(Cpu cpu, int length) {
        return cpu.state.instructions + length <= cpu.regionEnd && !cpu.stopRequested;
    }

    /** Counts a block that is complete. */
    static void retire(Cpu cpu, int length) {
        cpu.state.instructions += length;
    }

    /** Sets RIP, {@code distance} bytes from the beginning of the running page. */
    static void leaveAt(Cpu cpu, int distance) {
        cpu.rip = cpu.ripBase + distance & cpu.ripMask;
    }

    /**
     * Goes over to another page, if the code TLB says that it is what the region was made from. A miss is left to the run loop.
     *
     * @param distance of the block from the beginning of the running page
     * @param place where the block is in host memory
     */
    static boolean entersPage(Cpu cpu, int distance, long place) {
        long rip = cpu.ripBase + distance & cpu.ripMask;
        if (cpu.codeTlb.find(rip, cpu.generation) != place) {
            return false;
        }
        cpu.ripBase = rip & -4096L;
        return true;
    }

    /** The same, where {@link Cpu#rip} is set. */
    static boolean entersAtRip(Cpu cpu, long place) {
        long rip = cpu.rip;
        if (cpu.codeTlb.find(rip, cpu.generation) != place) {
            return false;
        }
        cpu.ripBase = rip & -4096L;
        return true;
    }

    /** How far {@link Cpu#rip} is from {@code base}; some place outside of every region when that is too far for an int. */
    static int distance(Cpu cpu, long base) {
        long distance = cpu.rip - base;
        return (int) distance == distance ? (int) distance : Integer.MIN_VALUE;
    }
}
