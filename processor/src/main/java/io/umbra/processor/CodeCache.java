package io.umbra.processor;

import io.umbra.x86.HostMemory;
import io.umbra.x86.MachineMemory;
import io.umbra.x86.PageFaultCode;
import io.umbra.x86.Vector;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * All decoded code, by machine frame. The frames in it are watched: whoever writes to one, the guest through any linear address, the hypervisor or a device,
 * drops the blocks that are written to, before the bytes change.
 */
final class CodeCache implements MachineMemory.CodeWatch {
    private static final int FRAME = MachineMemory.FRAME_BYTES;
    private static final int LONGEST_INSTRUCTION = 15;

    private final MachineMemory memory;
    private final Cpu cpu;
    private final @Nullable CodeFrame[] frames;
    private final byte[] bytes = new byte[FRAME + LONGEST_INSTRUCTION];

    CodeCache(Cpu cpu) {
        this.cpu = cpu;
        this.memory = cpu.memory.machine();
        this.frames = new @Nullable CodeFrame[Math.toIntExact(memory.frames())];
        memory.addCodeWatch(this);
    }

    void close() {
        memory.removeCodeWatch(this);
        for (int mfn = 0; mfn < frames.length; mfn++) {
            if (frames[mfn] != null) {
                memory.unwatchCode(mfn);
                frames[mfn] = null;
            }
        }
    }

    /** @return null when the instruction at {@code offset} reaches into the next page and was not yet decoded */
    @Nullable
    Block find(long mfn, int offset, int mode) {
        CodeFrame frame = frames[(int) mfn];
        Block known = frame == null ? null : frame.find(offset, mode);
        return known != null ? known : decode(mfn, offset, mode);
    }

    /** @return the block at a place in {@link HostMemory}, if it was decoded */
    @Nullable
    Block known(long place, int mode) {
        long maddr = place - memory.base();
        CodeFrame frame = frames[(int) (maddr >>> MachineMemory.FRAME_SHIFT)];
        return frame == null ? null : frame.find((int) maddr & FRAME - 1, mode);
    }

    /**
     * For an instruction that reaches into the next page.
     *
     * @param nextPage where that page begins, in {@link HostMemory}
     */
    Block crossing(long mfn, int offset, int mode, long nextPage) {
        int inFrame = FRAME - offset;
        HostMemory.copyOut(place(mfn) + offset, bytes, 0, inFrame);
        HostMemory.copyOut(nextPage, bytes, inFrame, LONGEST_INSTRUCTION);
        Instruction instruction = Decoder.decode(bytes, 0, inFrame + LONGEST_INSTRUCTION, mode);
        if (instruction == null) {
            throw new IllegalStateException("the decoder wants more than 15 bytes");
        }
        Op op = OpFactory.make(instruction, offset);
        byte[] spill = new byte[Math.max(0, instruction.length - inFrame)];
        System.arraycopy(bytes, inFrame, spill, 0, spill.length);
        return add(new Block(new Op[] {op}, mfn, place(mfn), mode, spill));
    }

    /** Decodes the instruction at {@code linear} without looking at the hardware's tables. */
    static Op fetchThroughPort(Cpu cpu, long linear, int mode) {
        byte[] fetched = new byte[LONGEST_INSTRUCTION];
        int access = PageFaultCode.FETCH | cpu.memory.explicit();
        for (int i = 0; i < fetched.length; i++) {
            long place = cpu.ripMask == -1L ? linear + i : linear + i & 0xFFFF_FFFFL;
            fetched[i] = (byte) cpu.memory.portRead(cpu, place, 1, access);
            Instruction instruction = Decoder.decode(fetched, 0, i + 1, mode);
            if (instruction != null) {
                return OpFactory.make(instruction, (int) linear & 4095);
            }
        }
        throw cpu.fault(Vector.GENERAL_PROTECTION);
    }

    /** Whether the bytes in the next page are still those that {@code block} was decoded from. */
    static boolean isCurrent(byte[] spill, long nextPage) {
        for (int i = 0; i < spill.length; i++) {
            if ((byte) HostMemory.getByte(nextPage + i) != spill[i]) {
                return false;
            }
        }
        return true;
    }

    void remove(Block block) {
        CodeFrame frame = frames[(int) block.mfn];
        if (frame != null) {
            frame.remove(block);
            release(block.mfn, frame);
        }
    }

    private @Nullable Block decode(long mfn, int offset, int mode) {
        int length = FRAME - offset;
        int wanted = Math.min(length, Block.LONGEST * LONGEST_INSTRUCTION);
        HostMemory.copyOut(place(mfn) + offset, bytes, 0, wanted);
        Op[] ops = new Op[Block.LONGEST];
        int count = 0;
        int at = 0;
        while (count < Block.LONGEST && at < wanted) {
            Instruction instruction = Decoder.decode(bytes, at, wanted - at, mode);
            if (instruction == null) {
                break;
            }
            Op op = OpFactory.make(instruction, offset + at);
            ops[count++] = op;
            at += instruction.length;
            if (op.endsBlock()) {
                break;
            }
        }
        return count == 0 ? null : add(new Block(Arrays.copyOf(ops, count), mfn, place(mfn), mode, null));
    }

    /** What {@code block}, which was not dropped, was decoded from. */
    Instruction[] instructions(Block block) {
        Instruction[] found = new Instruction[block.ops.length];
        int inFrame = Math.min(block.end, FRAME) - block.start;
        HostMemory.copyOut(block.host, bytes, 0, inFrame);
        if (block.spill != null) {
            System.arraycopy(block.spill, 0, bytes, inFrame, block.spill.length);
        }
        for (int n = 0; n < found.length; n++) {
            int at = block.ops[n].offset - block.start;
            Instruction instruction = Decoder.decode(bytes, at, block.end - block.start - at, block.mode);
            if (instruction == null) {
                throw new IllegalStateException("a block's bytes are no longer its instructions");
            }
            found[n] = instruction;
        }
        return found;
    }

    /** Where the frame begins in {@link HostMemory}. */
    private long place(long mfn) {
        return memory.base() + (mfn << MachineMemory.FRAME_SHIFT);
    }

    private Block add(Block block) {
        CodeFrame frame = frames[(int) block.mfn];
        if (frame == null) {
            frame = new CodeFrame();
            frames[(int) block.mfn] = frame;
            memory.watchCode(block.mfn);
        }
        frame.add(block);
        return block;
    }

    @Override
    public void codeAppeared(long mfn) {
        cpu.memory.withholdWrites(mfn);
    }

    @Override
    public void codeWritten(long maddr, long length) {
        long end = maddr + length;
        for (long mfn = maddr >>> MachineMemory.FRAME_SHIFT; mfn << MachineMemory.FRAME_SHIFT < end; mfn++) {
            CodeFrame frame = frames[(int) mfn];
            if (frame != null) {
                long start = mfn << MachineMemory.FRAME_SHIFT;
                int from = (int) Math.max(maddr - start, 0);
                int to = (int) Math.min(end - start, FRAME);
                if (frame.drop(from, to)) {
                    cpu.opLimit = 0;
                    cpu.leaveRegion();
                    release(mfn, frame);
                }
            }
        }
    }

    /** A frame without blocks may be written at full speed again. */
    private void release(long mfn, CodeFrame frame) {
        if (frame.isEmpty() && frames[(int) mfn] == frame) {
            frames[(int) mfn] = null;
            memory.unwatchCode(mfn);
        }
    }
}
