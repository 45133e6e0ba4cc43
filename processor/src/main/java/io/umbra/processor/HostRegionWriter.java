package io.umbra.processor;

import static io.umbra.processor.HostAssembler.EQUAL;
import static io.umbra.processor.HostAssembler.NEGATIVE;
import static io.umbra.processor.HostAssembler.NOT_EQUAL;
import static io.umbra.processor.HostAssembler.RAX;
import static io.umbra.processor.HostAssembler.RBP;

import io.umbra.processor.RegionPlan.Node;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Writes a {@link HostRegion}: each block of the plan is a stretch of code with a label, and branches inside of the page are jumps.
 *
 * <pre>
 *  a block          do its instructions still fit the budget? else leave at its beginning
 *                   does its only instruction reach into the next page? then see what is there, and perhaps leave
 *                   its operations; one that has no translation leaves, and comes back behind itself
 *  into the page    to the block's label, or by way of the table of blocks
 *  out of the page  by way of the code TLB, as the run loop goes, and the table of blocks; a target that is not canonical
 *                   leaves at the branch, which is then executed as the interpreter does
 * </pre>
 */
final class HostRegionWriter {
    private static final int PAGE_BYTES = 4096;
    private static final int LEFT = HostState.at(HostState.LEFT);

    /** An operation that may leave; what follows it begins at {@code behind}, and may want the guest's flags in the host's. */
    private record Exit(Block block, int operation, int label, int behind, boolean wantsFlags) {}

    /** A block that leaves at its beginning, because the budget is spent or because it reaches into a page that is no longer the same. */
    private record Spent(Node node, int label) {}

    private final RegionPlan plan;
    private final CodeCache cache;
    private final HostRunner runner;
    private final HostCode code;
    private final HostEmitter emit;
    private final HostAssembler out;
    private final List<HostInstructions> instructions;
    private final HostBranches branches;

    private final int[] labels;
    /** Blocks that may begin in the shadow of an STI. */
    private final boolean[] isShadowed;

    private final List<Exit> exits = new ArrayList<>();
    private final List<Spent> spent = new ArrayList<>();

    HostRegionWriter(RegionPlan plan, CodeCache cache, HostRunner runner) {
        this.plan = plan;
        this.cache = cache;
        this.runner = runner;
        this.code = runner.code();
        this.emit = new HostEmitter(plan.root());
        this.out = emit.out;
        this.instructions = HostInstructions.all(emit);
        this.labels = new int[plan.nodes().size()];
        this.branches = new HostBranches(plan, labels, code, emit, instructions);
        this.isShadowed = new boolean[labels.length];
    }

    /** @return null when there is no room for it any more */
    @Nullable
    HostRegion write() {
        if (!code.hasRoom(plan.operations() * 400 + 4096, plan.operations())) {
            return null;
        }
        for (Node node : plan.nodes()) {
            labels[node.index] = out.newLabel();
            Node shadowed = branches.shadowed(node.block);
            if (shadowed != null) {
                isShadowed[shadowed.index] = true;
            }
        }
        for (Node node : plan.nodes()) {
            writeNode(node);
        }
        int[] resumes = writeExits();
        long start = code.next();
        code.add(out.finish());
        for (int n = 0; n < exits.size(); n++) {
            Exit exit = exits.get(n);
            code.add(new HostSite(exit.block, exit.operation, start + out.place(resumes[n])));
        }
        long[] addresses = new long[labels.length];
        for (int n = 0; n < labels.length; n++) {
            addresses[n] = start + out.place(labels[n]);
        }
        return new HostRegion(plan, runner, addresses);
    }

    private void writeNode(Node node) {
        Block block = node.block;
        int length = block.ops.length;
        emit.beginBlock(block);
        out.bind(labels[node.index]);
        out.arithmetic(5, 8, RBP, LEFT, length);
        int isSpent = out.newLabel();
        out.jumpIf(NEGATIVE, isSpent);
        spent.add(new Spent(node, isSpent));
        if (block.spill != null) {
            compareSpill(block.spill, isSpent);
        }
        Instruction[] decoded = cache.instructions(block);
        for (int n = 0; n < length; n++) {
            emit.begin(n);
            boolean isLast = n == length - 1;
            boolean isWritten = isLast && block.endsWithControl
                    ? branches.write(block, decoded[n])
                    : HostInstructions.write(instructions, block.ops[n], decoded[n]);
            if (!isWritten) {
                emit.spoilFlags();
                out.jump(emit.exit());
                emit.resume();
            }
            if (emit.hasExit()) {
                int behind = out.newLabel();
                out.bind(behind);
                exits.add(new Exit(block, n, emit.exit(), behind, emit.areFresh()));
            }
            if (n == 0 && isShadowed[node.index]) {
                HostSystem.endShadow(out);
            }
        }
        if (!block.endsWithControl) {
            emit.spoilFlags();
            branches.goOn(block.end);
        }
    }

    /** Goes to {@code leave}, unless the code TLB or a walk has the next page, and the bytes there are still those that the instruction was decoded from. */
    private void compareSpill(byte[] spill, int leave) {
        int found = out.newLabel();
        branches.loadDistance(PAGE_BYTES);
        out.callOutside(code.probe());
        out.jumpIf(EQUAL, found);
        out.callOutside(code.fetch());
        out.jumpIf(NOT_EQUAL, leave);
        out.bind(found);
        out.memory(0x03, 8, RAX, RBP, HostState.at(HostState.HOST));
        for (int n = 0; n < spill.length; n++) {
            out.arithmetic(Alu.CMP, 1, RAX, n, spill[n]);
            out.jumpIf(NOT_EQUAL, leave);
        }
    }

    // ---- ways out ---------------------------------------------------------------------------------------------------

    /** @return the labels where the exits come back */
    private int[] writeExits() {
        for (HostEmitter.Miss miss : emit.misses) {
            out.bind(miss.label());
            out.callOutside(code.miss(miss.write()));
            out.jumpIf(EQUAL, miss.behind());
            out.jump(miss.exit());
        }
        int[] resumes = new int[exits.size()];
        for (int n = 0; n < resumes.length; n++) {
            Exit exit = exits.get(n);
            out.bind(exit.label);
            out.constant(RAX, code.firstSite() + n);
            out.jumpOutside(code.exit());
            resumes[n] = exit.behind;
            if (exit.wantsFlags) {
                resumes[n] = out.newLabel();
                out.bind(resumes[n]);
                emit.resume();
                emit.needFlags();
                out.jump(exit.behind);
            }
        }
        for (Spent end : spent) {
            out.bind(end.label);
            out.arithmetic(0, 8, RBP, LEFT, end.node.block.ops.length);
            branches.loadDistance(end.node.block.start);
            out.store(RAX, RBP, HostState.at(HostState.RIP));
            out.registers(0x33, 4, RAX, RAX);
            out.jumpOutside(code.exit());
        }
        return resumes;
    }
}
