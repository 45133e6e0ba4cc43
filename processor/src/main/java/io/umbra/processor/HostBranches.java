package io.umbra.processor;

import static io.umbra.processor.HostAssembler.ABOVE;
import static io.umbra.processor.HostAssembler.NOT_EQUAL;
import static io.umbra.processor.HostAssembler.RAX;
import static io.umbra.processor.HostAssembler.RBP;
import static io.umbra.processor.HostAssembler.RCX;

import io.umbra.processor.RegionPlan.Node;
import io.umbra.x86.VcpuState;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** The last instruction of a block, as host code, and the way from there to the next block: by a jump where that is one of the region's, by the table of blocks where it is not. */
final class HostBranches {
    private static final int PAGE_BYTES = 4096;
    private static final int LEFT = HostState.at(HostState.LEFT);
    private static final int RIP_BASE = HostState.at(HostState.RIP_BASE);
    private static final int SCRATCH = HostState.at(HostState.SCRATCH);

    /** End their block, but do not branch. */
    private static final Set<Mnemonic> RUN_ON =
            EnumSet.of(Mnemonic.CLI, Mnemonic.STI, Mnemonic.POPF, Mnemonic.MOV_CR, Mnemonic.SWAPGS, Mnemonic.RDPKRU);

    private final RegionPlan plan;
    private final int[] labels;
    private final HostCode code;
    private final HostEmitter emit;
    private final HostAssembler out;
    private final List<HostInstructions> instructions;
    private final int mode;

    /** @param labels of the plan's blocks, by their indexes */
    HostBranches(RegionPlan plan, int[] labels, HostCode code, HostEmitter emit, List<HostInstructions> instructions) {
        this.plan = plan;
        this.labels = labels;
        this.code = code;
        this.emit = emit;
        this.out = emit.out;
        this.instructions = instructions;
        this.mode = plan.root().mode;
    }

    /** The block behind {@code block} if that ends with STI and its shadow can be ended there: behind the first of several operations. */
    @Nullable
    Node shadowed(Block block) {
        boolean endsWithSti = block.ops[block.ops.length - 1] instanceof FlagOps.SetInterrupt;
        Node next = endsWithSti && block.end < PAGE_BYTES ? plan.at(block.end) : null;
        return next != null && next.block.ops.length > 1 ? next : null;
    }

    /** @return false if it has no translation */
    boolean write(Block block, Instruction i) {
        Op last = block.ops[block.ops.length - 1];
        if (i.mnemonic == Mnemonic.RDTSC || i.mnemonic == Mnemonic.RDTSCP) {
            writeTime(block, i.mnemonic == Mnemonic.RDTSCP);
            return true;
        }
        if (last instanceof StringOp || RUN_ON.contains(i.mnemonic)) {
            boolean isWritten = (i.mnemonic != Mnemonic.STI || shadowed(block) != null)
                    && HostInstructions.write(instructions, last, i);
            if (isWritten) {
                goOn(block.end);
            }
            return isWritten;
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
        code.writeDispatch(out, mode);
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
            code.writeDispatch(out, mode);
        } else if (target != null) {
            out.jump(labels[target.index]);
        } else {
            loadDistance(branch.distance());
            code.writeDispatch(out, mode);
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
        code.writeDispatch(out, mode);
        return true;
    }

    private static boolean isInPage(long distance) {
        return distance >>> 12 == 0;
    }

    /** RAX = the linear address so far from the running page's beginning. */
    void loadDistance(long distance) {
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
        code.writeDispatch(out, mode);
    }

    /** To a block of this page, or to the next page's first byte. The flags are kept. */
    void goOn(int distance) {
        Node target = distance < PAGE_BYTES ? plan.at(distance) : null;
        if (target != null) {
            out.jump(labels[target.index]);
        } else {
            loadDistance(distance);
            code.writeDispatch(out, mode);
        }
    }
}
