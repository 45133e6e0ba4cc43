package io.umbra.tools.trace;

import java.util.HashSet;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Which events to show. An event of no matching address is shown when it belongs to a fault at one: from the fault to its outcome.
 *
 * @param kinds none for all
 * @param from instructions
 * @param to instructions, inclusive
 * @param gfn a guest frame: also the machine frames that it was found to be, wherever they are named
 * @param linear an address, for all of its page
 */
public record TraceFilter(
        Set<EventKind> kinds,
        long from,
        long to,
        @Nullable Long gfn,
        @Nullable Long linear) {
    public TraceFilter {
        kinds = Set.copyOf(kinds);
    }

    /** A filter at work, which is shown every event in turn. */
    public final class Pass {
        private final Set<Long> machineFrames = new HashSet<>();
        private boolean isInFault;

        public boolean shows(TraceEvent event) {
            boolean belongs = isInFault;
            if (linear != null && (event.kind() == EventKind.FAULT || event.kind() == EventKind.NESTED_FAULT)) {
                isInFault = isAt(event);
            } else if (event.kind() == EventKind.OUTCOME) {
                isInFault = false;
            }
            boolean isOfFrame = gfn == null || names(event, gfn);
            boolean isOfPage = linear == null || belongs || isInFault || isAt(event);
            return isOfFrame
                    && isOfPage
                    && event.time() >= from
                    && event.time() <= to
                    && (kinds.isEmpty() || kinds.contains(event.kind()));
        }

        private boolean isAt(TraceEvent event) {
            Long address = linear;
            return address != null
                    && event.kind().fields().contains("linear")
                    && event.value("linear") >>> 12 == address >>> 12;
        }

        private boolean names(TraceEvent event, long frame) {
            if (event.kind() == EventKind.FOUND && event.value("gfn") == frame && event.value("mfn") >= 0) {
                machineFrames.add(event.value("mfn"));
            }
            if (event.kind() == EventKind.P2M_CHANGE) {
                return frame >= event.value("gfn") && frame - event.value("gfn") < event.value("frames");
            }
            if (event.kind() == EventKind.EXTERNAL) {
                long gpa = event.value("gpa");
                return frame >= gpa >>> 12 && frame <= gpa + event.value("length") - 1 >>> 12;
            }
            return event.value("gfn", -1) == frame
                    || event.value("gpa", -1) >>> 12 == frame
                    || machineFrames.contains(event.value("mfn", -1))
                    || machineFrames.contains(event.value("frame", -1));
        }
    }
}
