package io.umbra.processor;

import io.umbra.processor.RegionPlan.Node;
import java.util.List;

/** A region in machine code of the host. All its blocks lie in one page, and all of them are entries. */
final class HostRegion extends Region {
    private final HostRunner runner;
    private final long[] addresses;

    HostRegion(RegionPlan plan, HostRunner runner, long[] addresses) {
        super(plan);
        this.runner = runner;
        this.addresses = addresses;
        makeReady();
    }

    @Override
    int run(Cpu cpu, int entry) {
        long address = addresses[entry];
        if (runner.hasMissed()) {
            runner.enter(plan.nodes().get(entry).block, address);
        }
        return runner.run(address);
    }

    @Override
    boolean mayRun(Cpu cpu) {
        return HostRunner.isFlat(cpu);
    }

    @Override
    void enterUse() {
        super.enterUse();
        for (Node node : plan.nodes()) {
            Block block = node.block;
            if (block.region == null) {
                block.region = this;
                block.entry = node.index;
            }
        }
    }

    @Override
    void leaveUse() {
        super.leaveUse();
        List<Node> nodes = plan.nodes();
        for (Node node : nodes) {
            runner.leave(node.block);
        }
    }
}
