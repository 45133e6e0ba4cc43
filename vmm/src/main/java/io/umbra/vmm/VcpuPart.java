package io.umbra.vmm;

import io.umbra.processor.StateChecks;
import io.umbra.vmm.state.Persistent;
import io.umbra.vmm.state.StateException;
import io.umbra.vmm.state.StateReader;
import io.umbra.vmm.state.StateWriter;
import io.umbra.x86.Event;
import io.umbra.x86.Processor;
import io.umbra.x86.SegmentRegister;
import io.umbra.x86.VcpuState;
import org.jspecify.annotations.Nullable;

/** A virtual processor as a saved part: every register, and what is on its way to the guest. What is remembered of translations is not: a processor may forget it at any time. */
final class VcpuPart implements Persistent {
    /** Breakpoints, task switch and single-step in DR6. */
    private static final long TRAPS = 0xF | 3L << 14;

    private static final int LONGEST_INSTRUCTION = 15;

    private final Processor processor;
    private final VcpuState state;
    private final Vcpu vcpu;

    VcpuPart(Processor processor, Vcpu vcpu) {
        this.processor = processor;
        this.state = processor.state();
        this.vcpu = vcpu;
    }

    @Override
    public String stateName() {
        return "vcpu0";
    }

    @Override
    public void save(StateWriter out) {
        out.quads(state.gpr);
        out.quad(state.rip);
        out.quad(state.rflags);
        for (SegmentRegister segment : state.segments) {
            save(out, segment);
        }
        save(out, state.ldtr);
        save(out, state.tr);
        out.quad(state.gdtBase);
        out.word(state.gdtLimit);
        out.quad(state.idtBase);
        out.word(state.idtLimit);
        out.word(state.cpl);
        saveControl(out);
        saveVectors(out);
        out.flag(state.interruptShadow);
        out.flag(state.nmiBlocked);
        out.quad(state.instructions);
        out.quad(state.tscOffset);
        save(out, processor.pendingEvent());
        out.quad(processor.pendingTraps());
        save(out, vcpu.postponed());
    }

    private void saveControl(StateWriter out) {
        out.quad(state.cr0);
        out.quad(state.cr2);
        out.quad(state.cr3);
        out.quad(state.cr4);
        out.quad(state.cr8);
        out.quad(state.efer);
        out.quad(state.xcr0);
        out.word(state.pkru);
        out.quads(state.pdpte);
        out.quads(state.dr);
        out.quad(state.star);
        out.quad(state.lstar);
        out.quad(state.cstar);
        out.quad(state.syscallMask);
        out.quad(state.kernelGsBase);
        out.quad(state.sysenterCs);
        out.quad(state.sysenterEsp);
        out.quad(state.sysenterEip);
        out.quad(state.pat);
        out.quad(state.tscAux);
    }

    private void saveVectors(StateWriter out) {
        out.quads(state.xmm);
        out.quads(state.ymmHigh);
        out.word(state.mxcsr);
        out.quads(state.x87Significand);
        out.words(state.x87SignExponent);
        out.word(state.x87Control);
        out.word(state.x87Status);
        out.word(state.x87Empty);
        out.word(state.x87Opcode);
        out.quad(state.x87InstructionPointer);
        out.word(state.x87InstructionSelector);
        out.quad(state.x87DataPointer);
        out.word(state.x87DataSelector);
    }

    private static void save(StateWriter out, SegmentRegister segment) {
        out.word(segment.selector);
        out.quad(segment.base);
        out.quad(segment.limit);
        out.word(segment.attributes);
    }

    private static void save(StateWriter out, @Nullable Event event) {
        out.flag(event != null);
        if (event != null) {
            out.constant(event.kind());
            out.word(event.vector());
            out.word(event.errorCode());
            out.word(event.length());
        }
    }

    @Override
    public void restore(StateReader in) throws StateException {
        in.quads(state.gpr);
        state.rip = in.quad();
        state.rflags = in.quad();
        for (SegmentRegister segment : state.segments) {
            restore(in, segment);
        }
        restore(in, state.ldtr);
        restore(in, state.tr);
        state.gdtBase = in.quad();
        state.gdtLimit = in.word();
        state.idtBase = in.quad();
        state.idtLimit = in.word();
        state.cpl = in.word();
        restoreControl(in);
        restoreVectors(in);
        state.interruptShadow = in.flag();
        state.nmiBlocked = in.flag();
        state.instructions = in.moment();
        state.tscOffset = in.quad();
        Event pending = restoreEvent(in);
        if (pending != null) {
            processor.inject(pending);
        }
        processor.pendingTraps(in.quadBits(TRAPS));
        vcpu.postpone(restoreEvent(in));
        String refusal = StateChecks.refusal(state);
        if (refusal != null) {
            throw in.refuse(refusal);
        }
    }

    private void restoreControl(StateReader in) throws StateException {
        state.cr0 = in.quad();
        state.cr2 = in.quad();
        state.cr3 = in.quad();
        state.cr4 = in.quad();
        state.cr8 = in.quad();
        state.efer = in.quad();
        state.xcr0 = in.quad();
        state.pkru = in.word();
        in.quads(state.pdpte);
        in.quads(state.dr);
        state.star = in.quad();
        state.lstar = in.quad();
        state.cstar = in.quad();
        state.syscallMask = in.quad();
        state.kernelGsBase = in.quad();
        state.sysenterCs = in.quad();
        state.sysenterEsp = in.quad();
        state.sysenterEip = in.quad();
        state.pat = in.quad();
        state.tscAux = in.quad();
    }

    private void restoreVectors(StateReader in) throws StateException {
        in.quads(state.xmm);
        in.quads(state.ymmHigh);
        state.mxcsr = in.word();
        in.quads(state.x87Significand);
        in.words(state.x87SignExponent, -1);
        state.x87Control = in.word();
        state.x87Status = in.word();
        state.x87Empty = in.word();
        state.x87Opcode = in.word();
        state.x87InstructionPointer = in.quad();
        state.x87InstructionSelector = in.word();
        state.x87DataPointer = in.quad();
        state.x87DataSelector = in.word();
    }

    private static void restore(StateReader in, SegmentRegister segment) throws StateException {
        segment.set(in.word(), in.quad(), in.quad(), in.word());
    }

    private static @Nullable Event restoreEvent(StateReader in) throws StateException {
        if (!in.flag()) {
            return null;
        }
        return new Event(
                in.constant(Event.Kind.values()), in.bits(0xFF), in.word(), in.between(0, LONGEST_INSTRUCTION));
    }
}
