package io.umbra.processor;

import static io.umbra.x86.VcpuState.CS;
import static io.umbra.x86.VcpuState.DS;
import static io.umbra.x86.VcpuState.RSP;
import static io.umbra.x86.VcpuState.SS;

import io.umbra.x86.Cr0;
import io.umbra.x86.SegmentRegister;
import io.umbra.x86.VcpuState;
import java.util.HexFormat;
import org.junit.jupiter.api.AfterEach;

/** A machine under a P2M whose guest starts in real-address or protected mode, without paging; what it is made of lies at fixed places. */
abstract class LegacyFixture {
    static final long CODE = 0x10_0000, GDT = 0x11_0000, IDT = 0x11_1000, TASK = 0x11_2000, TASK_2 = 0x11_3000;
    static final long HANDLER = 0x12_0000, STACK = 0x13_0000, USER_STACK = 0x14_0000, STACK_2 = 0x15_0000;

    final TestMachine machine;
    final VcpuState state;

    LegacyFixture() {
        this(PagingFeatures.OFFERED);
    }

    LegacyFixture(PagingFeatures features) {
        machine = TestMachine.nested(features);
        state = machine.state;
    }

    @AfterEach
    final void close() {
        machine.close();
    }

    final void write(long gpa, int size, long value) {
        machine.memory.write((machine.mfn(gpa >>> 12) << 12) + (gpa & 4095), size, value);
    }

    final long read(long gpa, int size) {
        return machine.memory.read((machine.mfn(gpa >>> 12) << 12) + (gpa & 4095), size);
    }

    final void code(long gpa, String hex) {
        byte[] bytes = HexFormat.of().parseHex(hex.replaceAll("\\s", ""));
        for (int i = 0; i < bytes.length; i++) {
            write(gpa + i, 1, bytes[i] & 0xFF);
        }
    }

    final void realMode(long rip) {
        state.cr0 = Cr0.RESET;
        state.cr4 = 0;
        state.efer = 0;
        for (SegmentRegister segment : state.segments) {
            segment.set(0, 0, 0xFFFF, 0x93);
        }
        state.segments[CS].set(0, 0, 0xFFFF, 0x9B);
        state.idtBase = 0;
        state.idtLimit = 0x3FF;
        state.rip = rip;
        state.gpr[RSP] = 0x6000;
        machine.processor.flush();
    }

    final void protectedMode() {
        realMode(CODE);
        state.cr0 |= Cr0.PROTECTION;
        state.gdtBase = GDT;
        state.gdtLimit = 0xFF;
        state.idtBase = IDT;
        state.idtLimit = 0x7FF;
        write(GDT + 0x08, 8, 0x00CF_9B00_0000_FFFFL);
        write(GDT + 0x10, 8, 0x00CF_9300_0000_FFFFL);
        write(GDT + 0x18, 8, 0x00CF_FB00_0000_FFFFL);
        write(GDT + 0x20, 8, 0x00CF_F300_0000_FFFFL);
        state.segments[CS].set(0x08, 0, 0xFFFF_FFFFL, 0xC9B);
        for (int i : new int[] {SS, DS, VcpuState.ES, VcpuState.FS, VcpuState.GS}) {
            state.segments[i].set(0x10, 0, 0xFFFF_FFFFL, 0xC93);
        }
        state.tr.set(0x28, TASK, 0x67, 0x8B);
        state.ldtr.set(0, 0, 0, SegmentRegister.UNUSABLE);
        write(GDT + 0x28, 8, 0x0000_8B11_2000_0067L);
        write(TASK + 4, 4, STACK);
        write(TASK + 8, 4, 0x10);
        state.gpr[RSP] = STACK;
    }

    final void userMode() {
        state.segments[CS].set(0x1B, 0, 0xFFFF_FFFFL, 0xCFB);
        for (int i : new int[] {SS, DS, VcpuState.ES, VcpuState.FS, VcpuState.GS}) {
            state.segments[i].set(0x23, 0, 0xFFFF_FFFFL, 0xCF3);
        }
        state.cpl = 3;
        state.gpr[RSP] = USER_STACK;
    }

    final void gate(int vector, int type, int dpl, long target) {
        long low = target & 0xFFFF | 8L << 16 | (0x80L | dpl << 5 | type) << 40 | target >>> 16 << 48;
        write(IDT + 8L * vector, 8, low);
        code(target, "F4");
    }
}
