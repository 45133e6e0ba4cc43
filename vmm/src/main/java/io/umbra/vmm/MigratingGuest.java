package io.umbra.vmm;

import io.umbra.shadow.DirtyBitmap;
import io.umbra.shadow.DirtyRound;
import io.umbra.shadow.DomainCrash;
import io.umbra.shadow.LogDirty;
import io.umbra.vmm.state.StateException;
import io.umbra.x86.InvariantViolation;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.function.IntConsumer;
import org.jspecify.annotations.Nullable;

/**
 * A guest that is migrated, live, again and again: by pre-copy, as Xen's tools do it, through the stream of {@link io.umbra.vmm.migrate} into a new domain, in which its memory is scattered in
 * another way.
 *
 * <ol>
 *   <li>Log-dirty is switched on, and all frames are sent.
 *   <li>The guest runs on while they are on their way: as long as the link takes for them.
 *   <li>While {@value #FEW_FRAMES} frames or more are dirty, and at most {@value #MOST_ROUNDS} times, the bitmap is cleaned and the dirty frames are sent; then 2. again.
 *   <li>The guest is stopped; the bitmap is taken for the last time; its frames are sent, and the state of the machine.
 *   <li>The new domain goes on; the old one is destroyed, and all its frames must return.
 * </ol>
 *
 * <p>When the guest ends while frames are on their way, the migration is given up.
 */
public final class MigratingGuest implements Guest {
    /** 10 Gbit/s, in bytes a second. */
    public static final double LINK = 1.25e9;

    /** With fewer dirty frames than this, the guest is stopped. */
    public static final int FEW_FRAMES = 50;

    /** Rounds of dirty frames, at most; the first, of all frames, is not counted. */
    public static final int MOST_ROUNDS = 5;

    private static final double SECOND = 1e9;

    private final long period;
    private final double link;
    private final IntConsumer console;
    private final List<Migration> migrations = new ArrayList<>();
    private volatile Domain domain;
    private volatile @Nullable GuestEnd stopReason;

    /**
     * @param first where the guest is, loaded or restored; to be left to this object from now on
     * @param period nanoseconds of the guest's time from the end of a migration to the beginning of the next
     * @param link bytes a second of the guest's time
     * @param console takes what the guest prints, as before
     */
    public MigratingGuest(Domain first, long period, double link, IntConsumer console) {
        this.domain = first;
        this.period = period;
        this.link = link;
        this.console = console;
    }

    /** Those that came to their end so far. */
    public List<Migration> migrations() {
        return Collections.unmodifiableList(migrations);
    }

    @Override
    public Domain domain() {
        return domain;
    }

    @Override
    public void stop(GuestEnd reason) {
        stopReason = reason;
        domain.stop(reason);
    }

    /** Whoever stops the guest stops the domain in which it is, before or after this. */
    private void moveTo(Domain next) {
        domain = next;
        GuestEnd reason = stopReason;
        if (reason != null) {
            next.stop(reason);
        }
    }

    @Override
    public void close() {
        domain.close();
    }

    @Override
    public GuestEnd run() {
        try {
            while (true) {
                GuestEnd end = domain.runUntil(domain.now() + period);
                if (end == null) {
                    end = migrate(domain);
                }
                if (end != null) {
                    return end;
                }
            }
        } catch (DomainCrash crash) {
            return new GuestEnd.Crashed(crash.reason());
        }
    }

    private @Nullable GuestEnd migrate(Domain source) {
        DomainConfig config = source.config();
        RestoreRequest request =
                new RestoreRequest(null, Map.of(), config.seed() + 1, config.verify(), console, source.input());
        LogDirty log = source.paging().logDirty();
        log.enable();
        try (Loopback stream = new Loopback();
                DomainReceiver receiver = new DomainReceiver(stream.source(), request)) {
            stream.deliverTo(receiver);
            DomainSender sender = new DomainSender(source, stream, true);
            long start = source.now();
            sender.begin();
            List<Long> rounds = new ArrayList<>();
            DomainSender.Sent sent = sender.allFrames();
            long bytes = 0;
            while (true) {
                rounds.add(sent.frames());
                bytes += sent.bytes();
                GuestEnd end = source.runUntil(source.now() + onItsWay(sent));
                if (end != null) {
                    log.off();
                    return end;
                }
                if (log.dirtyCount() < FEW_FRAMES || rounds.size() > MOST_ROUNDS) {
                    break;
                }
                sent = sender.frames(clean(log));
            }
            sent = sender.frames(clean(log));
            if (config.verify()) {
                sender.verify();
            }
            sender.end();
            Domain next = receiver.domain();
            next.limit(source.limit());
            migrations.add(new Migration(start, source.now(), rounds, sent.frames(), bytes + sent.bytes()));
            moveTo(next);
            source.destroy();
            return null;
        } catch (IOException | StateException e) {
            throw new InvariantViolation("MIGRATE-1", "a stream of our own cannot be read: " + e.getMessage());
        }
    }

    private static DirtyBitmap clean(LogDirty log) {
        return switch (log.clean()) {
            case DirtyRound.Complete round -> round.frames();
            case DirtyRound.Failed failed -> throw new DomainCrash("no memory is left for the log-dirty bitmap");
        };
    }

    private long onItsWay(DomainSender.Sent sent) {
        return Math.max(1, (long) (sent.bytes() / link * SECOND));
    }
}
