package io.umbra.tools.matrix;

import io.umbra.shadow.PolicyOption;
import io.umbra.shadow.ShadowPolicy;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;

/** A column of the matrix: shadows that follow the guest's tables in one way or another, or none. */
public enum Model {
    STRICT_TLB,
    WRITE_PROTECT,
    OUT_OF_SYNC,
    /** The processor walks the guest's tables and the P2M. */
    NESTED;

    /** As on the command line: {@code strict-tlb}. */
    public String label() {
        return name().toLowerCase(Locale.ROOT).replace('_', '-');
    }

    /** Those that shadow. */
    public static List<Model> shadows() {
        return Arrays.stream(values()).filter(model -> model != NESTED).toList();
    }

    /** A guest in this mode, for cases. */
    Subject guest(MatrixMode mode) {
        return this == NESTED ? new NestedGuest(mode) : new ShadowedGuest(mode, policy());
    }

    private ShadowPolicy policy() {
        return ShadowPolicy.DEFAULT
                .with(PolicyOption.COHERENCE, label())
                .with(PolicyOption.POOL, Integer.toString(ShadowPolicy.MINIMUM_POOL));
    }
}
