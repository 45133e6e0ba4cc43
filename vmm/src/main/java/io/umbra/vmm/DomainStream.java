package io.umbra.vmm;

import io.umbra.vmm.migrate.StreamReader;
import io.umbra.vmm.state.StateException;
import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;

/**
 * Saves domains that do not run and makes them again. The stream has everything on which the guest's future depends: the domain that is made of it prints the same from there on, retires
 * the same instructions and comes to the same end, under whatever paging and policy.
 */
public final class DomainStream {
    /** Bytes of a stream that tell whether it is one. */
    public static final int RECOGNISED_BY = StreamReader.RECOGNISED_BY;

    private static final int BUFFER = 1 << 16;

    private DomainStream() {}

    /** Whether what begins so is, or was meant to be, a stream. */
    public static boolean recognises(byte[] start) {
        return StreamReader.recognises(start);
    }

    /**
     * Writes a domain that has not ended; it stays as it is.
     *
     * @throws IOException of the target's
     */
    public static void save(Domain domain, OutputStream target) throws IOException {
        DomainSender sender = new DomainSender(domain, target, false);
        sender.begin();
        sender.allFrames();
        sender.end();
    }

    /**
     * Makes the domain, which then continues with {@link Domain#run}.
     *
     * @throws IOException of the source's
     * @throws StateException with one line for the user, when this is no complete and undamaged stream that this program can read, or an option that was asked for cannot be
     */
    public static Domain restore(InputStream source, RestoreRequest request) throws IOException, StateException {
        try (DomainReceiver receiver = new DomainReceiver(new BufferedInputStream(source, BUFFER), request)) {
            while (receiver.receive()) {}
            receiver.checkEnd();
            return receiver.domain();
        }
    }
}
