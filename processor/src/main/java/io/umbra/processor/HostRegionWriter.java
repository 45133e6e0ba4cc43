package io.umbra.processor;

import static io.umbra.processor.HostAssembler.RAX;
import static io.umbra.processor.HostAssembler.RBP;
import static io.umbra.processor.HostAssembler.RCX;

import io.umbra.processor.RegionPlan.Node;
import io.umbra.x86.VcpuState;
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
    private static final int NEGATIVE = 8;
    private static final int EQUAL = 4;
    private static final int NOT_EQUAL = 5;
    private static final int ABOVE = 7;
    private static final int PAGE_BYTES = 4096;
    private static final int LEFT = HostState.at(HostState.LEFT);
    private static final int RIP_BASE = HostState.at(HostState.RIP_BASE);
    private static final int SCRATCH = HostState.at(HostState.SCRATCH);

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
    private final int mode;

    private final int[] labels;
    private final List<Exit> exits = new ArrayList<>();
    private final List<Spent> spent = new ArrayList<>();

    HostRegionWriter(RegionPlan plan, CodeCache cache, HostRunner runner) {
        this.plan = plan;
        this.cache = cache;
        this.runner = runner;
        this.code = runner.code();
        this.emit = new HostEmitter(plan.root());
        this.out = emit.out;
        this.instructions =
                List.of(new HostMoves(emit), new HostArithmetic(emit), new HostShifts(emit), new HostVectors(emit));
        this.mode = plan.root().mode;
        this.labels = new int[plan.nodes().size()];
    }

    /** @return null when there is no room for it any more */
    @Nullable
    HostRegion write() {
        if (!code.hasRoom(plan.operations() * 400 + 4096, plan.operations())) {
            return null;
        }
        for (Node node : plan.nodes()) {
            labels[node.index] = out.newLabel();
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
                    ? writeBranch(block, decoded[n])
                    : writeOperation(block.ops[n], decoded[n]);
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
        }
        if (!block.endsWithControl) {
            emit.spoilFlags();
            goOn(block.end);
        }
    }

    /** Goes to {@code leave}, unless the code TLB or a walk has the next page, and the bytes there are still those that the instruction was decoded from. */
    private void compareSpill(byte[] spill, int leave) {
        int found = out.newLabel();
        loadDistance(PAGE_BYTES);
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

    private boolean writeOperation(Op op, Instruction instruction) {
        if (op instanceof MiscOps.Nothing) {
            return true;
        }
        for (HostInstructions some : instructions) {
            if (some.write(instruction, op.offset)) {
                return true;
            }
        }
        return false;
    }

    // ---- branches ---------------------------------------------------------------------------------------------------

    private boolean writeBranch(Block block, Instruction i) {
        Op last = block.ops[block.ops.length - 1];
        if (i.mnemonic == Mnemonic.RDTSC || i.mnemonic == Mnemonic.RDTSCP) {
            writeTime(block, i.mnemonic == Mnemonic.RDTSCP);
            return true;
        }
        int width = mode / 8;
        if (!(last instanceof Branch branch) || i.operandSize != width) {
            return false;
        }
        return switch (i.mnemonic) {
            case JCC -> {
                if (branch.distance() == Branch.NOWHERE) {
                    yield false;
                }
                emit.keepFlags();
                emit.needFlags();
                int taken = out.newLabel();
                out.jumpIf(i.condition, taken);
                goOn(block.end);
                out.bind(taken);
                jump(branch.distance());
                yield true;
            }
            case JMP_NEAR -> writeJump(branch, i, last.offset);
            case CALL_NEAR -> writeCall(block, branch, i, last.offset);
            case RET_NEAR -> writeReturn(i);
            default -> false;
        };
    }

    /** RDTSC and RDTSCP: a count of instructions, this one not included. */
    private void writeTime(Block block, boolean withAux) {
        emit.spoilFlags();
        out.arithmetic(Alu.CMP, 8, RBP, HostState.at(HostState.NO_TIME), 0);
        out.jumpIf(NOT_EQUAL, emit.exit());
        out.load(RCX, RBP, HostState.at(HostState.TIME));
        out.memory(0x2B, 8, RCX, RBP, LEFT);
        out.arithmetic(Alu.SUB, 8, RCX, 1);
        emit.made(VcpuState.RAX, 4, zeroExtended(RCX));
        out.shiftRight(RCX, 32);
        emit.made(VcpuState.RDX, 8, RCX);
        if (withAux) {
            out.memory(0x8B, 4, RCX, RBP, HostState.at(HostState.TIME_AUX));
            emit.made(VcpuState.RCX, 8, RCX);
        }
        goOn(block.end);
    }

    /** RAX = the low 4 bytes. */
    private int zeroExtended(int register) {
        out.registers(0x8B, 4, RAX, register);
        return RAX;
    }

    private boolean writeJump(Branch branch, Instruction i, int offset) {
        if (branch.distance() != Branch.NOWHERE) {
            emit.spoilFlags();
            jump(branch.distance());
            return true;
        }
        if (!loadTarget(i, offset)) {
            return false;
        }
        checkTarget();
        out.jumpOutside(code.dispatch(mode));
        return true;
    }

    /** RAX = the target of an indirect branch. */
    private boolean loadTarget(Instruction i, int offset) {
        Instruction.Operand target = i.operands[0];
        int width = mode / 8;
        if (target.size() != width) {
            return false;
        }
        if (target.isMemory()) {
            if (!HostEmitter.isAddressable(i)) {
                return false;
            }
            emit.operand(i, offset, width, false);
            out.memory(0x8B, width, RAX, RAX, 0);
            return true;
        }
        if (!target.isGeneral()) {
            return false;
        }
        emit.spoilFlags();
        emit.onGuest(0x8B, width, RAX, target.register());
        return true;
    }

    /** The operation leaves if RAX, where a branch leads, is not canonical. */
    private void checkTarget() {
        if (mode == 64) {
            out.move(RCX, RAX);
            out.shiftRightArithmetic(RCX, 47);
            out.arithmetic(Alu.ADD, 8, RCX, 1);
            out.arithmetic(Alu.CMP, 8, RCX, 1);
            out.jumpIf(ABOVE, emit.exit());
        }
    }

    private boolean writeCall(Block block, Branch branch, Instruction i, int offset) {
        int width = mode / 8;
        boolean isDirect = branch.distance() != Branch.NOWHERE;
        boolean staysInPage = isDirect && isInPage(branch.distance());
        Node target = isDirect ? plan.at(branch.distance()) : null;
        if (isDirect) {
            emit.spoilFlags();
            if (!staysInPage) {
                loadDistance(branch.distance());
            }
        } else if (!loadTarget(i, offset)) {
            return false;
        }
        if (!staysInPage) {
            checkTarget();
            out.store(RAX, RBP, SCRATCH);
        }
        int pointer = HostState.host(VcpuState.RSP);
        out.memory(0x8D, width, RAX, pointer, -width);
        emit.locate(width, true);
        out.load(RCX, RBP, RIP_BASE);
        out.memory(0x8D, width, RCX, RCX, block.end);
        out.memory(0x89, width, RCX, RAX, 0);
        out.memory(0x8D, width, pointer, pointer, -width);
        if (!staysInPage) {
            out.load(RAX, RBP, SCRATCH);
            out.jumpOutside(code.dispatch(mode));
        } else if (target != null) {
            out.jump(labels[target.index]);
        } else {
            loadDistance(branch.distance());
            out.jumpOutside(code.dispatch(mode));
        }
        return true;
    }

    private boolean writeReturn(Instruction i) {
        int width = mode / 8;
        int released = i.operands.length == 0 ? 0 : (int) i.operands[0].value() & 0xFFFF;
        int pointer = HostState.host(VcpuState.RSP);
        emit.spoilFlags();
        if (width == 8) {
            out.move(RAX, pointer);
        } else {
            out.registers(0x8B, 4, RAX, pointer);
        }
        emit.locate(width, false);
        out.memory(0x8B, width, RAX, RAX, 0);
        checkTarget();
        out.memory(0x8D, width, pointer, pointer, width + released);
        out.jumpOutside(code.dispatch(mode));
        return true;
    }

    private static boolean isInPage(long distance) {
        return distance >>> 12 == 0;
    }

    /** RAX = the linear address so far from the running page's beginning. */
    private void loadDistance(long distance) {
        out.load(RAX, RBP, RIP_BASE);
        out.memory(0x8D, mode / 8, RAX, RAX, (int) distance);
    }

    /** To where a branch leads, so far from the running page's beginning. The flags are kept. */
    private void jump(long distance) {
        if (isInPage(distance)) {
            goOn((int) distance);
            return;
        }
        loadDistance(distance);
        checkTarget();
        out.jumpOutside(code.dispatch(mode));
    }

    /** To a block of this page, or to the next page's first byte. The flags are kept. */
    private void goOn(int distance) {
        Node target = distance < PAGE_BYTES ? plan.at(distance) : null;
        if (target != null) {
            out.jump(labels[target.index]);
        } else {
            loadDistance(distance);
            out.jumpOutside(code.dispatch(mode));
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
            loadDistance(end.node.block.start);
            out.store(RAX, RBP, HostState.at(HostState.RIP));
            out.registers(0x33, 4, RAX, RAX);
            out.jumpOutside(code.exit());
        }
        return resumes;
    }
}
