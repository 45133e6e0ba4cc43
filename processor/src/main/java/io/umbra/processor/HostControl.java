package io.umbra.processor;

import static io.umbra.processor.HostAssembler.EQUAL;
import static io.umbra.processor.HostAssembler.NOT_EQUAL;
import static io.umbra.processor.HostAssembler.RAX;
import static io.umbra.processor.HostAssembler.RBP;
import static io.umbra.processor.HostAssembler.RCX;

import io.umbra.processor.Instruction.Kind;
import io.umbra.processor.Instruction.Operand;
import io.umbra.x86.RFlags;
import io.umbra.x86.VcpuState;

/** What a kernel does at each entry and exit, as host code: reads of control registers, SWAPGS, RDPKRU, CLAC. Each leaves for the fault where it is not permitted. */
final class HostControl extends HostInstructions {

    HostControl(HostEmitter emit) {
        super(emit);
    }

    @Override
    boolean write() {
        return switch (i.mnemonic) {
            case MOV_CR -> readControl();
            case SWAPGS -> swapGs();
            case RDPKRU -> readKeyRights();
            case CLAC -> keepAlignmentFlag(EQUAL);
            case STAC -> keepAlignmentFlag(NOT_EQUAL);
            default -> false;
        };
    }

    private boolean readControl() {
        Operand to = first();
        Operand from = second();
        if (!to.isGeneral() || from.kind() != Kind.CONTROL) {
            return false;
        }
        int word = switch (from.register()) {
            case 0 -> HostState.CR0;
            case 2 -> HostState.CR2;
            case 3 -> HostState.CR3;
            case 4 -> HostState.CR4;
            default -> 0;
        };
        if (word == 0) {
            return false;
        }
        emit.spoilFlags();
        requireKernel();
        out.memory(0x8B, width, RAX, RBP, HostState.at(word));
        emit.made(to.register(), width, RAX);
        return true;
    }

    private boolean swapGs() {
        emit.spoilFlags();
        requireKernel();
        out.load(RAX, RBP, HostState.at(HostState.GS_BASE));
        out.load(RCX, RBP, HostState.at(HostState.KERNEL_GS_BASE));
        out.store(RCX, RBP, HostState.at(HostState.GS_BASE));
        out.store(RAX, RBP, HostState.at(HostState.KERNEL_GS_BASE));
        return true;
    }

    private boolean readKeyRights() {
        emit.spoilFlags();
        out.arithmetic(Alu.CMP, 8, RBP, HostState.at(HostState.NO_KEYS), 0);
        out.jumpIf(NOT_EQUAL, emit.exit());
        int count = HostState.host(VcpuState.RCX);
        out.registers(0x85, 4, count, count);
        out.jumpIf(NOT_EQUAL, emit.exit());
        out.memory(0x8B, 4, RAX, RBP, HostState.at(HostState.KEYS));
        emit.made(VcpuState.RAX, 4, RAX);
        out.constant(RAX, 0);
        emit.made(VcpuState.RDX, 4, RAX);
        return true;
    }

    /** CLAC where AC is clear, as at most entries of a kernel, and STAC where it is set. A change is one of the TLB's bank, too, and leaves. */
    private boolean keepAlignmentFlag(int isSo) {
        int end = out.newLabel();
        emit.spoilFlags();
        requireKernel();
        out.memory(0xF7, 4, 0, RBP, HostState.at(HostState.RFLAGS));
        out.int32((int) RFlags.ALIGNMENT_CHECK);
        out.jumpIf(isSo, end);
        out.jump(emit.exit());
        out.bind(end);
        return true;
    }

    private void requireKernel() {
        out.arithmetic(Alu.CMP, 8, RBP, HostState.at(HostState.PRIVILEGE), 0);
        out.jumpIf(NOT_EQUAL, emit.exit());
    }
}
