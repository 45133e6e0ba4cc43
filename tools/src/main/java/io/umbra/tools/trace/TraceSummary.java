package io.umbra.tools.trace;

import io.umbra.shadow.Counter;
import io.umbra.shadow.ShadowType;
import java.util.LinkedHashMap;
import java.util.Map;

/** The engine's counters, computed again from the events. */
public final class TraceSummary {
    private static final Counter[] COUNTERS = Counter.values();
    private static final Outcome[] OUTCOMES = Outcome.values();
    private static final ShadowType[] TYPES = ShadowType.values();
    private static final int CR3 = 3;

    /** The steps of a fault's way that answer without a walk: by the hint, by a tag; and the one where the walk refuses. */
    private static final int HINT = 1;

    private static final int TAG = 2;
    private static final int WALK = 3;

    /** Under nested paging the engine does not count what the guest does with registers and TLB. */
    private final boolean isOfShadows;

    private final long[] values = new long[COUNTERS.length];
    private final long[] events = new long[EventKind.values().length];
    private long instructions;

    public TraceSummary(TraceHeader header) {
        isOfShadows = header.get("paging").equals("shadow");
    }

    /** Takes the next event. */
    public void add(TraceEvent event) throws TraceException {
        events[event.kind().ordinal()]++;
        instructions = event.time();
        switch (event.kind()) {
            case FAULT, NESTED_FAULT -> count(Counter.PAGE_FAULT);
            case WALK -> count(Counter.GUEST_WALK);
            case OUTCOME -> outcome(event);
            case EMULATE ->
                count(
                        switch (constant(OUTCOMES, event.value("reason"))) {
                            case PAGETABLE -> Counter.EMULATE;
                            case MMIO -> Counter.MMIO;
                            default -> Counter.EMULATE_OTHER;
                        });
            case MADE -> made(constant(TYPES, event.value("type")));
            case DESTROYED -> {
                count(Counter.SHADOW_FREE);
                pages(-constant(TYPES, event.value("type")).pages());
            }
            case UNSHADOW -> values[Counter.UNSHADOW.ordinal()] += event.value("gone");
            case RECLAIM -> count(event.value("loaded") == 0 ? Counter.PREALLOC_UNPIN : Counter.PREALLOC_UNHOOK);
            case BLOW -> count(Counter.BLOW);
            case UNSYNC -> count(Counter.UNSYNC);
            case RESYNC -> count(Counter.RESYNC);
            case CONTROL -> {
                if (event.value("register") == CR3) {
                    countOfShadows(Counter.CR3_LOAD);
                }
            }
            case INVLPG -> count(Counter.INVLPG);
            case INVPCID -> count(Counter.INVPCID);
            case FLUSH -> countOfShadows(Counter.FLUSH);
            case SHOOTDOWN -> countOfShadows(Counter.SHOOTDOWN);
            case MARK -> count(Counter.LOG_DIRTY_MARK);
            case ROUND -> count(Counter.LOG_DIRTY_CLEAN);
            case COUNT -> values[constant(COUNTERS, event.value("counter")).ordinal()] += event.value("amount");
            case FOUND, EMULATED, STORE, LINK, LEAF, EFER, P2M_CHANGE, EXTERNAL, LOG_DIRTY, END -> {}
        }
    }

    private static <T> T constant(T[] constants, long number) throws TraceException {
        if (number < 0 || number >= constants.length) {
            throw new TraceException("it is broken: an event has the number " + number + " where there is no such");
        }
        return constants[(int) number];
    }

    private void count(Counter counter) {
        values[counter.ordinal()]++;
    }

    private void countOfShadows(Counter counter) {
        if (isOfShadows) {
            count(counter);
        }
    }

    private void outcome(TraceEvent event) throws TraceException {
        long step = event.value("step");
        switch (constant(OUTCOMES, event.value("outcome"))) {
            case FIXUP -> count(Counter.FIXUP);
            case SPURIOUS -> count(Counter.SPURIOUS);
            case GUEST_FAULT -> {
                if (step == WALK) {
                    count(Counter.GUEST_FAULT);
                } else if (step == TAG) {
                    count(Counter.FAST_NOT_PRESENT);
                }
            }
            case MMIO -> {
                if (step == TAG) {
                    count(Counter.FAST_MMIO);
                }
            }
            case PAGETABLE -> {
                if (step == HINT) {
                    count(Counter.FAST_EMULATION);
                }
            }
            case UNSHADOW, WRITE_PROTECT_OFF, READ_ONLY -> {}
        }
    }

    private void made(ShadowType type) {
        count(Counter.SHADOW_ALLOC);
        pages(type.pages());
        long used = get(Counter.SHADOW_PAGES);
        values[Counter.SHADOW_PAGES_PEAK.ordinal()] = Math.max(used, get(Counter.SHADOW_PAGES_PEAK));
        switch (type) {
            case UNPAGED_L3, UNPAGED_L4 -> {}
            default ->
                count(
                        !type.shadowsTable()
                                ? Counter.SPLINTER
                                : switch (type.level()) {
                                    case 1 -> Counter.SHADOW_L1;
                                    case 2 -> Counter.SHADOW_L2;
                                    case 3 -> Counter.SHADOW_L3;
                                    case 4 -> Counter.SHADOW_L4;
                                    default -> Counter.SHADOW_L5;
                                });
        }
    }

    private void pages(int more) {
        values[Counter.SHADOW_PAGES.ordinal()] += more;
    }

    public long get(Counter counter) {
        return values[counter.ordinal()];
    }

    /** Instructions retired at the last event. */
    public long instructions() {
        return instructions;
    }

    /** How many events there were of each kind, of those that there were. */
    public Map<String, Long> events() {
        Map<String, Long> found = new LinkedHashMap<>();
        for (EventKind kind : EventKind.values()) {
            if (events[kind.ordinal()] > 0) {
                found.put(kind.label(), events[kind.ordinal()]);
            }
        }
        return found;
    }

    /** All counters by label. */
    public Map<String, Long> counters() {
        Map<String, Long> all = new LinkedHashMap<>();
        for (Counter counter : COUNTERS) {
            all.put(counter.label(), get(counter));
        }
        return all;
    }
}
