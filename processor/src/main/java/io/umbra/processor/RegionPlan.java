package io.umbra.processor;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.PriorityQueue;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Which blocks a region is made of: those that are reached from a hot one by direct branches, calls, returns to behind calls, and by running on, the hottest first. Made on the
 * processor's thread from what is decoded and cached at that moment; nothing is decoded, walked or filled for it, so that translation leaves no trace
 * in the processor's state. Immutable afterwards, and read by the thread that writes the region.
 */
final class RegionPlan {
    /** At most so many operations, so that the method stays below the size that HotSpot compiles. */
    private static final int MOST_OPERATIONS = 200;

    private static final int MOST_BLOCKS = 64;
    /** A block belongs to a region when it is at least this fraction as hot as the one that the region is made for. */
    private static final int LUKEWARM = 8;

    private static final int PAGE_BYTES = 4096;

    /** A block in its place. */
    static final class Node {
        final Block block;
        /** How many pages behind that of the first node. */
        final int page;
        /** Its place in the plan. */
        final int index;
        /** The run loop may enter the region here, and so may a return or an indirect branch inside of it. */
        boolean isEntry;
        /** A loop may close here. */
        boolean isLoopHead;

        private Node(Block block, int page, int index) {
            this.block = block;
            this.page = page;
            this.index = index;
        }

        /** How far it is from the page of the first node. */
        int distance() {
            return page * PAGE_BYTES + block.start;
        }
    }

    /** Where control may go from a node. */
    private record Successor(Block block, int page, boolean isEntry) {}

    private final List<Node> nodes = new ArrayList<>();
    private final Map<Integer, Node> byDistance = new HashMap<>();
    private final Set<Block> distinct = new LinkedHashSet<>();
    private int operations;

    /** No block outside of the first one's page. */
    private final boolean staysInPage;

    private RegionPlan(boolean staysInPage) {
        this.staysInPage = staysInPage;
    }

    /**
     * @param rip where {@code root} begins
     * @param hot how often {@code root} was executed
     * @param isOnePage whether all blocks must lie in {@code root}'s page
     */
    static RegionPlan around(Block root, long rip, int hot, Cpu cpu, CodeCache code, boolean isOnePage) {
        RegionPlan plan = new RegionPlan(isOnePage);
        long base = rip - root.start;
        PriorityQueue<Successor> waiting =
                new PriorityQueue<>(Comparator.comparingInt((Successor next) -> -next.block.heat));
        plan.add(new Successor(root, 0, true));
        for (int done = 0; done < plan.nodes.size(); ) {
            Node node = plan.nodes.get(done++);
            for (Successor next : plan.successors(node, base, hot, cpu, code)) {
                waiting.add(next);
            }
            while (!waiting.isEmpty() && done == plan.nodes.size()) {
                plan.add(waiting.remove());
            }
        }
        plan.findLoops();
        return plan;
    }

    private void add(Successor next) {
        int distance = next.page * PAGE_BYTES + next.block.start;
        Node known = byDistance.get(distance);
        if (known != null) {
            known.isEntry |= next.isEntry;
            return;
        }
        if (nodes.size() == MOST_BLOCKS || operations + next.block.ops.length > MOST_OPERATIONS && !nodes.isEmpty()) {
            return;
        }
        Node node = new Node(next.block, next.page, nodes.size());
        node.isEntry = next.isEntry;
        nodes.add(node);
        byDistance.put(distance, node);
        distinct.add(next.block);
        operations += next.block.ops.length;
    }

    private List<Successor> successors(Node node, long base, int hot, Cpu cpu, CodeCache code) {
        List<Successor> found = new ArrayList<>();
        Block block = node.block;
        Op last = block.ops[block.ops.length - 1];
        // A block is an entry where control comes from elsewhere: back from a call or from the run loop, and to where
        // calls go.
        boolean isEntry = last.endsBlock();
        if (last instanceof Branch branch) {
            isEntry = branch.kind() == Branch.Kind.CALL || branch.kind() == Branch.Kind.OTHER;
            if (branch.distance() != Branch.NOWHERE) {
                find(node.page * (long) PAGE_BYTES + branch.distance(), isEntry, base, hot, cpu, code, found);
            }
            if (!branch.continuesBehind()) {
                return found;
            }
        }
        // The run loop executes the instruction behind an STI apart, so that the block it begins is never hot.
        int wanted = staysInPage && last instanceof FlagOps.SetInterrupt ? 0 : hot;
        find(node.page * (long) PAGE_BYTES + block.end, isEntry, base, wanted, cpu, code, found);
        return found;
    }

    private void find(
            long distance, boolean isEntry, long base, int hot, Cpu cpu, CodeCache code, List<Successor> found) {
        int page = (int) Math.floorDiv(distance, (long) PAGE_BYTES);
        if (Math.abs(page) > (staysInPage ? 0 : Short.MAX_VALUE)) {
            return;
        }
        long place = cpu.codeTlb.find(base + distance & cpu.ripMask, cpu.generation);
        Block block = place < 0 ? null : code.known(place, cpu.codeMode);
        if (block != null && block.spill == null && (block.heat * LUKEWARM >= hot || block.isTranslated())) {
            found.add(new Successor(block, page, isEntry));
        }
    }

    /** About half of it, for when the whole makes too long a method. */
    RegionPlan firstHalf() {
        RegionPlan half = new RegionPlan(staysInPage);
        for (Node node : nodes.subList(0, nodes.size() / 2)) {
            half.add(new Successor(node.block, node.page, node.isEntry));
        }
        half.findLoops();
        return half;
    }

    private void findLoops() {
        for (Node node : nodes) {
            node.isLoopHead |= node.isEntry;
            Op last = node.block.ops[node.block.ops.length - 1];
            if (last instanceof Branch branch && branch.distance() != Branch.NOWHERE) {
                closeLoop(node, (int) (node.page * (long) PAGE_BYTES + branch.distance()));
            }
            closeLoop(node, node.page * PAGE_BYTES + node.block.end);
        }
    }

    private void closeLoop(Node from, int distance) {
        Node to = byDistance.get(distance);
        if (to != null && to.index <= from.index) {
            to.isLoopHead = true;
        }
    }

    List<Node> nodes() {
        return nodes;
    }

    /** Each once. */
    List<Block> blocks() {
        return List.copyOf(distinct);
    }

    int operations() {
        return operations;
    }

    Block root() {
        return nodes.getFirst().block;
    }

    /** @return null when the place, counted from the first node's page, is outside of the region */
    @Nullable
    Node at(long distance) {
        return (int) distance == distance ? byDistance.get((int) distance) : null;
    }

    /** All blocks lie in the first node's page. */
    boolean isOnePage() {
        return nodes.stream().allMatch(node -> node.page == 0);
    }

    /** Some block was dropped since: what was translated is no longer what is in memory. */
    boolean isStale() {
        return distinct.stream().anyMatch(Block::isDropped);
    }
}
