package io.umbra.processor;

import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.util.ArrayDeque;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * Makes regions of what is executed often. The processor's thread plans them and takes them over. Machine code it writes at once; bytecode is written by another thread, so that nothing waits. When a region comes
 * into use depends on the host's scheduling, what it does does not.
 */
final class Translator {
    /** Of all regions together, in operations; beyond it the oldest go, and their classes with them. */
    private static final int MOST_OPERATIONS = 1 << 18;
    /** Requests that may wait; what does not fit is asked for again later. */
    private static final int MOST_WAITING = 256;

    private static final MethodHandles.Lookup LOOKUP = MethodHandles.lookup();
    private static final MethodType CONSTRUCTOR = MethodType.methodType(void.class, RegionPlan.class);

    private final Cpu cpu;
    private final CodeCache code;
    private final Translation options;
    private final Queue<Region> finished = new ConcurrentLinkedQueue<>();
    private final ArrayDeque<Region> inUse = new ArrayDeque<>();
    private @Nullable ThreadPoolExecutor writer;
    private int operations;
    private @Nullable HostRunner host;

    /** Some region waits to be taken over. */
    volatile boolean hasFinished;

    Translator(Cpu cpu, CodeCache code, Translation options) {
        this.cpu = cpu;
        this.code = code;
        this.options = options;
    }

    /** How often a block must have been executed. */
    int threshold() {
        return options.threshold();
    }

    /** Asks for a region around {@code root}, which begins at RIP and is hot. */
    void request(Block root) {
        if (options.target() == Translation.Target.HOST) {
            if (root.mode != 16 && HostRunner.isFlat(cpu)) {
                makeAtOnce(RegionPlan.around(root, cpu.rip, root.heat, cpu, code, true));
            }
            if (root.region == null) {
                root.heat = 0;
            }
            return;
        }
        if (root.spill != null || writing().getQueue().size() >= MOST_WAITING) {
            root.heat = 0;
            return;
        }
        RegionPlan plan = RegionPlan.around(root, cpu.rip, root.heat, cpu, code, false);
        if (options.isSynchronous()) {
            finish(plan);
            takeOver();
        } else {
            writing().execute(() -> finish(plan));
        }
    }

    /** Machine code is made at once, which takes less time than asking another thread for it. When its room is full, all of it goes. */
    private void makeAtOnce(RegionPlan plan) {
        HostRunner runner = host;
        if (runner == null) {
            runner = new HostRunner(cpu, options.room());
            host = runner;
        }
        HostRegion region = new HostRegionWriter(plan, code, runner).write();
        if (region == null) {
            inUse.forEach(Region::leaveUse);
            inUse.clear();
            runner.code().clear();
        } else {
            region.enterUse();
            inUse.add(region);
        }
    }

    /** A thread that ends when it has had nothing to do for a while, so that a processor that is forgotten leaves none behind. */
    private ThreadPoolExecutor writing() {
        ThreadPoolExecutor known = writer;
        if (known == null) {
            known = new ThreadPoolExecutor(
                    1,
                    1,
                    2,
                    TimeUnit.SECONDS,
                    new LinkedBlockingQueue<>(),
                    task -> Thread.ofPlatform()
                            .daemon()
                            .name("umbra-translator")
                            .unstarted(task));
            known.allowCoreThreadTimeOut(true);
            writer = known;
        }
        return known;
    }

    private void finish(RegionPlan plan) {
        finished.add(write(plan));
        hasFinished = true;
    }

    private static Region write(RegionPlan plan) {
        RegionWriter regionWriter = new RegionWriter(plan);
        byte[] classFile = regionWriter.write();
        if (classFile.length > RegionWriter.LARGEST_METHOD
                && RegionWriter.length(classFile) >= RegionWriter.LARGEST_METHOD
                && plan.nodes().size() > 1) {
            return write(plan.firstHalf());
        }
        try {
            MethodHandles.Lookup made = LOOKUP.defineHiddenClassWithClassData(
                    classFile, regionWriter.constants().toArray(), true);
            MethodHandle constructor = made.findConstructor(made.lookupClass(), CONSTRUCTOR)
                    .asType(MethodType.methodType(Region.class, RegionPlan.class));
            return (Region) constructor.invokeExact(plan);
        } catch (Throwable failure) {
            throw new IllegalStateException("a region cannot be loaded", failure);
        }
    }

    /** Puts into use what was finished, if it is still what memory holds. */
    void takeOver() {
        hasFinished = false;
        for (Region region = finished.poll(); region != null; region = finished.poll()) {
            if (!region.plan.isStale()) {
                region.enterUse();
                if (options.isSynchronous()) {
                    region.makeReady();
                }
                inUse.add(region);
                operations += region.plan.operations();
            }
        }
        while (operations > MOST_OPERATIONS && inUse.size() > 1) {
            Region oldest = inUse.remove();
            operations -= oldest.plan.operations();
            oldest.leaveUse();
        }
    }

    void close() {
        if (writer != null) {
            writer.shutdownNow();
        }
    }
}
