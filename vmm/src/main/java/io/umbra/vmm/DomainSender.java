package io.umbra.vmm;

import io.umbra.shadow.DirtyBitmap;
import io.umbra.shadow.P2m;
import io.umbra.vmm.migrate.PageBatch;
import io.umbra.vmm.migrate.RecordType;
import io.umbra.vmm.migrate.StreamWriter;
import io.umbra.vmm.state.StateFormat;
import io.umbra.x86.MachineMemory;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/** Writes a domain to a stream, in the order of {@link io.umbra.vmm.migrate}. It must not run during a call; between the calls that send pages it may. */
final class DomainSender {
    private static final int TSC_INFO = 24;
    /** What Xen calls {@code native}: RDTSC is the processor's, for time is its count of instructions. */
    static final int TSC_NATIVE = 2;
    /** {@code always_emulate}: every RDTSC exits, for time is the host's. */
    static final int TSC_EMULATED = 1;

    static final int KILOHERTZ = 1_000_000;

    private final Domain domain;
    private final MachineMemory memory;
    private final P2m p2m;
    private final StreamWriter stream;
    private final PageBatch batch;
    private final boolean inputStays;

    /** @param inputStays who restores the domain has its input already */
    DomainSender(Domain domain, OutputStream target, boolean inputStays) {
        if (domain.config().abi() == DomainConfig.Abi.XEN) {
            throw new IllegalArgumentException(
                    "a guest of Xen's interface cannot be saved or migrated by this version");
        }
        this.domain = domain;
        this.memory = domain.memory();
        this.p2m = domain.p2m();
        this.stream = new StreamWriter(target);
        this.batch = new PageBatch(stream);
        this.inputStays = inputStays;
    }

    /** What does not change. */
    void begin() throws IOException {
        stream.begin();
        stream.record(RecordType.MACHINE, domain.description().write());
        stream.record(RecordType.CPUID_POLICY, CpuPolicy.write());
        stream.record(RecordType.STATIC_DATA_END, new byte[0]);
    }

    /** How much was sent. */
    record Sent(long frames, long bytes) {}

    /** Every frame that is memory. */
    Sent allFrames() throws IOException {
        long frames = 0;
        long bytes = 0;
        for (long gfn = 0; gfn <= p2m.highestGfn(); gfn++) {
            if (P2m.isBacked(p2m.lookup(gfn))) {
                bytes += frame(gfn);
                frames++;
            }
        }
        batch.flush();
        return new Sent(frames, bytes);
    }

    /** These frames as they are now, memory or not. */
    Sent frames(DirtyBitmap some) throws IOException {
        long frames = 0;
        long bytes = 0;
        for (long gfn = some.next(0); gfn >= 0; gfn = some.next(gfn + 1)) {
            bytes += frame(gfn);
            frames++;
        }
        batch.flush();
        return new Sent(frames, bytes);
    }

    private int frame(long gfn) throws IOException {
        long entry = p2m.lookup(gfn);
        if (!P2m.isBacked(entry)) {
            batch.nothing(gfn);
            return Long.BYTES;
        }
        long address = P2m.mfn(entry) << MachineMemory.FRAME_SHIFT;
        return batch.memory(gfn, (target, index) -> memory.read(address, target, index, PageBatch.PAGE));
    }

    /** All frames once more, for the receiver to compare. */
    void verify() throws IOException {
        stream.record(RecordType.VERIFY, new byte[0]);
        allFrames();
    }

    /** What is not memory, and the end. The domain must not run afterwards, if the one that is made of this does. */
    void end() throws IOException {
        ByteBuffer time = ByteBuffer.allocate(TSC_INFO).order(ByteOrder.LITTLE_ENDIAN);
        time.putInt(domain.config().wallTime() ? TSC_EMULATED : TSC_NATIVE).putInt(KILOHERTZ);
        byte[] parts = StateFormat.write(domain.parts(inputStays));
        stream.record(
                RecordType.TSC_INFO,
                time.putLong(domain.now()).putInt(domain.incarnation()).array());
        stream.record(RecordType.HVM_CONTEXT, parts);
        stream.end();
    }
}
