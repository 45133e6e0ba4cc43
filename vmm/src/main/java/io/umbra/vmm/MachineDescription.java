package io.umbra.vmm;

import io.umbra.shadow.PolicyOption;
import io.umbra.shadow.ShadowPolicy;
import io.umbra.vmm.DomainConfig.PagingKind;
import io.umbra.vmm.state.StateException;
import io.umbra.vmm.state.StateReader;
import io.umbra.vmm.state.StateWriter;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * What must be known of a domain before it can be made to take the rest of a stream, the body of the MACHINE record.
 *
 * @param hidesHypercalls the guest finds none, and must not find any later
 * @param options of the policy that it ran under, by label: how it runs on may be another's choice
 */
record MachineDescription(
        long memoryBytes, boolean wallTime, boolean hidesHypercalls, PagingKind paging, Map<String, String> options) {
    private static final int VERSION = 1;
    private static final int MOST_OPTIONS = 1000;

    static MachineDescription of(DomainConfig config, boolean hidesHypercalls) {
        Map<String, String> options = new LinkedHashMap<>();
        for (PolicyOption option : PolicyOption.values()) {
            options.put(option.label(), option.valueIn(config.policy()));
        }
        return new MachineDescription(
                config.memoryBytes(), config.wallTime(), hidesHypercalls, config.paging(), options);
    }

    byte[] write() {
        StateWriter out = new StateWriter();
        out.word(VERSION);
        out.quad(memoryBytes);
        out.flag(wallTime);
        out.flag(hidesHypercalls);
        out.text(paging.name());
        out.word(options.size());
        options.forEach((label, value) -> {
            out.text(label);
            out.text(value);
        });
        return out.bytes();
    }

    static MachineDescription read(byte[] body) throws StateException {
        StateReader in = new StateReader("machine", body);
        int version = in.word();
        if (version != VERSION) {
            throw new StateException("it describes its machine in version %d, and this program reads version %d"
                    .formatted(Integer.toUnsignedLong(version), VERSION));
        }
        long memoryBytes = in.between(DomainConfig.LEAST_MEMORY, DomainConfig.MOST_MEMORY);
        if (memoryBytes % 4096 != 0) {
            throw in.refuse("memory that is not made of frames");
        }
        boolean wallTime = in.flag();
        boolean hidesHypercalls = in.flag();
        PagingKind paging = paging(in);
        Map<String, String> options = new LinkedHashMap<>();
        for (int left = in.between(0, MOST_OPTIONS); left > 0; left--) {
            options.put(in.text(), in.text());
        }
        in.end();
        return new MachineDescription(memoryBytes, wallTime, hidesHypercalls, paging, options);
    }

    private static PagingKind paging(StateReader in) throws StateException {
        String name = in.text();
        for (PagingKind kind : PagingKind.values()) {
            if (kind.name().equals(name)) {
                return kind;
            }
        }
        throw in.refuse("a paging that does not exist");
    }

    /**
     * The policy of the domain that is made: as it was, but for some options. What this version has no option for had no effect but on the cost.
     *
     * @param changed by label
     * @throws IllegalArgumentException when one of {@code changed} is no option, or options contradict each other
     */
    ShadowPolicy policy(Map<String, String> changed) {
        Map<String, String> all = new LinkedHashMap<>();
        for (PolicyOption option : PolicyOption.values()) {
            String value = options.get(option.label());
            if (value != null) {
                all.put(option.label(), value);
            }
        }
        all.putAll(changed);
        return PolicyOption.parse(all);
    }
}
