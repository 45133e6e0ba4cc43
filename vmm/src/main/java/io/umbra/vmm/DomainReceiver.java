package io.umbra.vmm;

import io.umbra.shadow.DomainCrash;
import io.umbra.shadow.P2m;
import io.umbra.shadow.P2mType;
import io.umbra.shadow.ShadowPolicy;
import io.umbra.vmm.migrate.PageBatch;
import io.umbra.vmm.migrate.PageType;
import io.umbra.vmm.migrate.RecordType;
import io.umbra.vmm.migrate.StreamReader;
import io.umbra.vmm.state.StateException;
import io.umbra.vmm.state.StateFormat;
import io.umbra.vmm.state.StateReader;
import io.umbra.x86.MachineMemory;
import java.io.IOException;
import java.io.InputStream;
import java.util.Arrays;
import java.util.BitSet;
import org.jspecify.annotations.Nullable;

/**
 * Makes a domain of a stream, a record at a time, so that who writes the stream may be in the same thread. What the stream says is believed only as far as it was checked: whatever it holds, the
 * outcome is a domain or a {@link StateException}.
 */
final class DomainReceiver implements AutoCloseable {
    private final StreamReader stream;
    private final RestoreRequest request;
    /** Frames of which the contents have come. */
    private final BitSet received = new BitSet();

    private boolean begun;
    private boolean ended;
    private boolean staticDataEnded;
    private boolean verifying;
    private boolean complete;
    private @Nullable MachineDescription description;
    private @Nullable Domain domain;
    /** The body of TSC_INFO. */
    private byte @Nullable [] time;

    DomainReceiver(InputStream source, RestoreRequest request) {
        this.stream = new StreamReader(source);
        this.request = request;
    }

    /**
     * Reads the headers, or a record.
     *
     * @return false when that was the end
     * @throws StateException with one line for the user
     */
    boolean receive() throws IOException, StateException {
        if (!begun) {
            begun = true;
            stream.begin();
            return true;
        }
        RecordType type = stream.next();
        try {
            if (type != null) {
                accept(type);
            }
        } catch (DomainCrash crash) {
            throw new StateException(crash.reason());
        }
        return !ended;
    }

    /** The domain, once all is received. */
    Domain domain() throws StateException {
        Domain made = domain;
        if (made == null || !ended) {
            throw new StateException("the stream is cut short");
        }
        domain = null;
        return made;
    }

    /** Something follows the end of the stream: it was cut out of something else. */
    void checkEnd() throws IOException, StateException {
        stream.end();
    }

    private void accept(RecordType type) throws StateException {
        byte[] body = stream.body();
        boolean isLate = complete && type != RecordType.END && type != RecordType.CHECKSUM;
        if (isLate || (type == RecordType.MACHINE || type == RecordType.CPUID_POLICY) && domain != null) {
            throw new StateException("a record of type " + type + " at the wrong place");
        }
        switch (type) {
            case MACHINE -> description = MachineDescription.read(body);
            case CPUID_POLICY -> CpuPolicy.check(body);
            case STATIC_DATA_END -> staticDataEnded = true;
            case PAGE_DATA -> {
                Domain target = made();
                PageBatch.read(body, (kind, gfn, bytes, index) -> page(target, kind, gfn, bytes, index));
            }
            case VERIFY -> verifying = true;
            case TSC_INFO -> time = body;
            case HVM_PARAMS -> {
                if (new StateReader("parameters", body).word() != 0) {
                    throw new StateException("it has HVM parameters, and this machine has none");
                }
            }
            case HVM_CONTEXT -> context(made(), body);
            case CHECKSUM -> {}
            case END -> {
                if (!complete) {
                    throw new StateException("it ends before the state of the machine");
                }
                ended = true;
            }
        }
    }

    /** The domain to which pages and state go: made when the first of them comes. */
    private Domain made() throws StateException {
        Domain present = domain;
        if (present != null) {
            return present;
        }
        MachineDescription machine = description;
        if (machine == null) {
            throw new StateException("it does not describe its machine, so Umbra did not write it");
        }
        if (stream.marksStaticData() && !staticDataEnded) {
            throw new StateException("pages come before the end of the static data");
        }
        DomainConfig config = new DomainConfig(
                machine.memoryBytes(),
                request.paging() != null ? request.paging() : machine.paging(),
                policy(machine),
                request.seed(),
                machine.wallTime(),
                DomainConfig.of(machine.memoryBytes()).startDate(),
                request.verify());
        Domain made = new Domain(config, request.console(), request.input());
        if (machine.hidesHypercalls()) {
            made.hideHypercalls();
        }
        domain = made;
        return made;
    }

    private ShadowPolicy policy(MachineDescription machine) throws StateException {
        try {
            return machine.policy(request.options());
        } catch (IllegalArgumentException e) {
            throw new StateException(String.valueOf(e.getMessage()));
        }
    }

    // ---- pages
    // -------------------------------------------------------------------------------------------------------

    private void page(Domain target, PageType type, long gfn, byte[] body, int index) throws StateException {
        GuestRam ram = target.ram();
        if (gfn >= ram.frames()) {
            throw new StateException("frame 0x%x is beyond the guest's memory".formatted(gfn));
        }
        boolean isMemory = type != PageType.NONE;
        if (verifying) {
            compare(
                    target,
                    isMemory,
                    gfn,
                    type == PageType.NORMAL ? body : new byte[PageBatch.PAGE],
                    type == PageType.NORMAL ? index : 0);
            return;
        }
        boolean wasMemory = P2m.isBacked(target.p2m().lookup(gfn));
        if (isMemory != wasMemory) {
            ram.become(gfn, isMemory ? P2mType.RAM : P2mType.HOLE);
        }
        switch (type) {
            case NORMAL -> ram.fill(gfn, body, index);
            case ZERO -> {
                if (received.get((int) gfn) || !wasMemory) {
                    ram.fill(gfn, new byte[PageBatch.PAGE], 0);
                }
            }
            case NONE -> {}
        }
        received.set((int) gfn, isMemory);
    }

    private static void compare(Domain target, boolean isMemory, long gfn, byte[] expected, int index)
            throws StateException {
        long entry = target.p2m().lookup(gfn);
        byte[] found = new byte[PageBatch.PAGE];
        boolean isEqual = isMemory == P2m.isBacked(entry);
        if (isEqual && isMemory) {
            target.memory().read(P2m.mfn(entry) << MachineMemory.FRAME_SHIFT, found, 0, PageBatch.PAGE);
            isEqual = Arrays.equals(found, 0, PageBatch.PAGE, expected, index, index + PageBatch.PAGE);
        }
        if (!isEqual) {
            throw new StateException("frame 0x%x is not as it was sent".formatted(gfn));
        }
    }

    // ---- everything else
    // ---------------------------------------------------------------------------------------------

    private void context(Domain target, byte[] body) throws StateException {
        byte[] clock = time;
        if (clock == null) {
            throw new StateException("it does not say how much time has passed");
        }
        StateReader in = new StateReader("time", clock);
        int mode = in.between(DomainSender.TSC_EMULATED, DomainSender.TSC_NATIVE);
        in.between(DomainSender.KILOHERTZ, DomainSender.KILOHERTZ);
        long elapsed = in.moment();
        int incarnation = in.between(0, Integer.MAX_VALUE - 1);
        in.word();
        in.end();
        if (mode != (target.config().wallTime() ? DomainSender.TSC_EMULATED : DomainSender.TSC_NATIVE)) {
            throw new StateException("it says twice how time passes, and not the same");
        }
        StateFormat.read(body, target.parts(false));
        P2m p2m = target.p2m();
        for (long gfn = 0; gfn <= p2m.highestGfn(); gfn++) {
            if (P2m.isBacked(p2m.lookup(gfn)) && !received.get((int) gfn)) {
                throw new StateException("frame 0x%x is missing".formatted(gfn));
            }
        }
        target.resume(elapsed, incarnation + 1);
        complete = true;
    }

    /** Gives up what was not made to its end. */
    @Override
    public void close() {
        if (domain != null) {
            domain.close();
        }
    }
}
