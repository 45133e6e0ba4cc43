package io.umbra.processor;

import io.umbra.x86.Cr0;
import io.umbra.x86.Cr4;
import io.umbra.x86.SegmentRegister;
import io.umbra.x86.VcpuState;
import org.jspecify.annotations.Nullable;

/**
 * Runs host code for one processor. The code leaves at the beginning of a block that it does not know, or at an operation that is to be executed as the interpreter would; then it is executed
 * here, and the code goes on behind it, or where it led.
 */
final class HostRunner {
    /** Instructions until host code comes back at the latest: the JVM's collector and a request to stop wait for that. */
    private static final long SLICE = 1 << 20;

    private static final int KIND = SegmentRegister.UNUSABLE
            | SegmentRegister.CODE
            | SegmentRegister.DOWN_CONFORMING
            | SegmentRegister.READ_WRITE;

    /** Added to a linear address it gives one that is in no TLB, and that no walk takes. */
    private static final long NOWHERE = 1L << 62;

    private final Cpu cpu;
    private final VcpuState state;
    private final HostCode code;
    private final long[] words;
    private boolean hasMissed;

    // What the walks in host code were told last.
    private @Nullable TlbBank toldBank;
    private @Nullable CodeTlb toldCode;
    private long toldLoads;
    private int toldKeys;

    /** @param room for machine code, in bytes */
    HostRunner(Cpu cpu, long room) {
        this.cpu = cpu;
        this.state = cpu.state;
        this.code = new HostCode(state, cpu.memory.machine(), room);
        this.words = code.words();
    }

    HostCode code() {
        return code;
    }

    /** Code left because the table did not know where it was to go on. */
    boolean hasMissed() {
        return hasMissed;
    }

    /** From now on the table knows it. */
    void enter(Block block, long address) {
        code.enter(block, address);
        hasMissed = false;
    }

    /** @param block its place may already be gone */
    void leave(Block block) {
        code.leave(block, cpu.memory.machine().base() + (block.mfn << 12) + block.start);
    }

    /** As {@link Region#run}, from an address in host code on. */
    int run(long start) {
        long end = Math.min(cpu.regionEnd, state.instructions + SLICE);
        long address = start;
        long counted = 0;
        while (true) {
            prepare(end);
            words[HostState.LEFT] = end - state.instructions - counted;
            int number = code.run(address, cpu.bank, cpu.codeTlb, cpu.memory.codeBank(state.cpl));
            long refused = words[HostState.REFUSED_ACCESS];
            words[HostState.REFUSED_ACCESS] = HostState.NOTHING_REFUSED;
            collect();
            cpu.ripBase = words[HostState.RIP_BASE];
            cpu.flags.fromHost(words[HostState.FLAGS]);
            state.rflags = words[HostState.RFLAGS];
            state.segments[VcpuState.GS].base = words[HostState.GS_BASE];
            state.kernelGsBase = words[HostState.KERNEL_GS_BASE];
            state.instructions = end - words[HostState.LEFT];
            if (words[HostState.SHADOW] != 0) {
                return shadowed(number);
            }
            if (number == 0) {
                cpu.rip = words[HostState.RIP];
                hasMissed = true;
                return 0;
            }
            HostSite site = code.site(number);
            Block block = site.block();
            int length = block.ops.length;
            state.instructions -= length;
            begin(block, site.operation());
            if (refused != HostState.NOTHING_REFUSED && isFault((int) refused)) {
                return Region.FAULT;
            }
            int done = interpret(block, site.operation());
            if (done < length) {
                if (cpu.opLimit == 0) {
                    return done;
                }
                if (cpu.regionEnd < 0 || !isFlat(cpu)) {
                    return finish(block, done);
                }
                address = site.resume();
                counted = length;
            } else if (mayGoOn()) {
                complete(block);
                address = code.next(cpu.codeMode);
                counted = 0;
            } else {
                return done;
            }
        }
    }

    /** The code left at the first instruction of a block, in the shadow of STI. The run loop executes it. */
    private int shadowed(int number) {
        words[HostState.SHADOW] = 0;
        state.interruptShadow = true;
        if (number == 0) {
            cpu.rip = words[HostState.RIP];
        } else {
            Block block = code.site(number).block();
            state.instructions -= block.ops.length;
            cpu.rip = block.ops[0].rip(cpu);
        }
        return 0;
    }

    /** The run loop would do nothing but look for the next block. */
    private boolean mayGoOn() {
        return cpu.regionEnd >= 0
                && cpu.opLimit != 0
                && !cpu.isUnusual()
                && !cpu.needsAttention()
                && !cpu.stopRequested
                && isFlat(cpu)
                && Region.isCodeFlat(cpu);
    }

    /** Does what the run loop does when all operations of a block are complete. */
    private void complete(Block block) {
        cpu.running = null;
        state.instructions += block.ops.length;
        if (!block.endsWithControl) {
            cpu.rip = block.ops[block.ops.length - 1].nextRip(cpu);
        }
        words[HostState.RIP] = cpu.rip;
    }

    /** The TLB misses that host code filled. */
    private void collect() {
        long misses = words[HostState.MISSES];
        long rechecks = words[HostState.RECHECKS];
        if (misses + rechecks != 0) {
            cpu.memory.walked(misses, rechecks, words[HostState.REFERENCES], (int) words[HostState.LARGEST]);
            words[HostState.MISSES] = 0;
            words[HostState.RECHECKS] = 0;
            words[HostState.REFERENCES] = 0;
            words[HostState.LARGEST] = 0;
        }
    }

    /** Tells the walks in host code what they walk, and for whom, if that has changed. */
    private void tellWalks() {
        long loads = cpu.memory.walker().loads;
        if (cpu.bank != toldBank || cpu.codeTlb != toldCode || loads != toldLoads || state.pkru != toldKeys) {
            code.tellWalks(cpu);
            toldBank = cpu.bank;
            toldCode = cpu.codeTlb;
            toldLoads = loads;
            toldKeys = state.pkru;
        }
    }

    private void prepare(long end) {
        tellWalks();
        words[HostState.TIME] = end + state.tscOffset;
        words[HostState.TIME_AUX] = state.tscAux;
        words[HostState.NO_TIME] = mayReadTime() ? 0 : 1;
        words[HostState.GENERATION] = cpu.generation;
        words[HostState.RIP_BASE] = cpu.ripBase;
        words[HostState.FLAGS] = cpu.flags.toHost();
        words[HostState.RFLAGS] = state.rflags;
        words[HostState.CHANGEABLE] = FlagOps.changeable(cpu);
        words[HostState.DELICATE] = HostSystem.delicate(cpu.isWatchful);
        words[HostState.NO_VECTORS] = state.cr0 & (Cr0.EMULATION | Cr0.TASK_SWITCHED) | ~state.cr4 & Cr4.FXSAVE;
        for (int i = 0; i < state.segments.length; i++) {
            words[HostState.SELECTORS + i] = state.segments[i].selector;
        }
        SegmentRegister fs = state.segments[VcpuState.FS];
        SegmentRegister gs = state.segments[VcpuState.GS];
        words[HostState.FS_BASE] = fs.base;
        words[HostState.GS_BASE] = gs.base;
        words[HostState.KERNEL_GS_BASE] = state.kernelGsBase;
        prepareControl();
        if (cpu.codeMode == 32) {
            words[HostState.FS_BASE + HostState.LIMITS] = isWhole(fs) ? 0 : NOWHERE;
            words[HostState.GS_BASE + HostState.LIMITS] = isWhole(gs) ? 0 : NOWHERE;
        }
    }

    private void prepareControl() {
        words[HostState.PRIVILEGE] = state.cpl;
        words[HostState.CR0] = state.cr0;
        words[HostState.CR2] = state.cr2;
        words[HostState.CR3] = state.cr3;
        words[HostState.CR4] = state.cr4;
        words[HostState.KEYS] = state.pkru;
        words[HostState.NO_KEYS] = ~state.cr4 & Cr4.PROTECTION_KEYS;
    }

    private boolean mayReadTime() {
        return !cpu.intercepts.timeStamp() && (state.cpl == 0 || (state.cr4 & Cr4.TIME_STAMP_DISABLE) == 0);
    }

    private void begin(Block block, int operation) {
        cpu.running = block;
        cpu.opIndex = operation;
        cpu.opLimit = Integer.MAX_VALUE;
    }

    /**
     * Makes the walk for the access that the running operation would begin with now, so that where it ends in a fault, nothing has to be unwound. What that operation checks before it
     * accesses memory, the code has checked.
     */
    private boolean isFault(int access) {
        long linear = words[HostState.REFUSED];
        boolean isAddress = cpu.codeMode == 64 || linear >>> 32 == 0;
        return isAddress
                && cpu.memory.fillsBank(cpu.bank)
                && cpu.memory.refuses(cpu, linear, access | cpu.memory.explicit());
    }

    /** Executes the running operation. @return how many of the block are done with it */
    private int interpret(Block block, int operation) {
        block.ops[operation].execute(cpu);
        return operation + 1;
    }

    /** The rest of a block, after which the run loop has something to do. */
    private int finish(Block block, int from) {
        int done = from;
        while (done < block.ops.length && cpu.opLimit != 0) {
            begin(block, done);
            done = interpret(block, done);
        }
        return done;
    }

    /** Outside 64-bit mode: linear addresses are offsets, and no limit is below 4 GiB; what host code takes for granted. */
    static boolean isFlat(Cpu cpu) {
        if (cpu.codeMode == 64) {
            return true;
        }
        SegmentRegister[] segments = cpu.state.segments;
        return cpu.codeMode == 32
                && isFlat(segments[VcpuState.DS])
                && isFlat(segments[VcpuState.ES])
                && isFlat(segments[VcpuState.SS])
                && segments[VcpuState.SS].isBig();
    }

    private static boolean isFlat(SegmentRegister segment) {
        return segment.base == 0 && isWhole(segment);
    }

    /** Writable data that grows up, of 4 GiB. */
    private static boolean isWhole(SegmentRegister segment) {
        return segment.limit == 0xFFFF_FFFFL && (segment.attributes & KIND) == SegmentRegister.READ_WRITE;
    }
}
