package io.umbra.vmm;

import io.umbra.processor.Translation;
import io.umbra.shadow.ShadowPolicy;
import java.time.Instant;

/**
 * What a domain is made of.
 *
 * @param memoryBytes RAM, a multiple of 4 KiB
 * @param policy used under {@link PagingKind#SHADOW}
 * @param seed of everything that is scattered; the guest cannot tell seeds apart
 * @param wallTime time follows the host's clock instead of the count of instructions
 * @param startDate of the guest's real-time clock, so that a run is repeatable
 * @param verify every translation is held against the definition of the architecture
 * @param ram when its RAM gets frames
 * @param translation whether the guest's code is translated; the guest cannot tell
 * @param abi the interface of the hypervisor's that the guest finds
 */
public record DomainConfig(
        long memoryBytes,
        PagingKind paging,
        ShadowPolicy policy,
        long seed,
        boolean wallTime,
        Instant startDate,
        boolean verify,
        RamPlan ram,
        Translation translation,
        Abi abi) {

    /** @throws IllegalArgumentException when Xen's interface is to share memory that comes and goes */
    public DomainConfig {
        if (abi == Abi.XEN && ram.onDemand()) {
            throw new IllegalArgumentException("Xen's interface needs RAM that is there from the start");
        }
    }

    /** The interface of the hypervisor's own that a guest finds by CPUID. */
    public enum Abi {
        /** Umbra's counters and hints. */
        UMBRA,
        /** Xen's interface for HVM guests. */
        XEN
    }

    /** A domain with Umbra's own interface. */
    public DomainConfig(
            long memoryBytes,
            PagingKind paging,
            ShadowPolicy policy,
            long seed,
            boolean wallTime,
            Instant startDate,
            boolean verify,
            RamPlan ram,
            Translation translation) {
        this(memoryBytes, paging, policy, seed, wallTime, startDate, verify, ram, translation, Abi.UMBRA);
    }

    /** With RAM that is there from the start, and the {@linkplain Translation#fastest fastest} processor. */
    public DomainConfig(
            long memoryBytes,
            PagingKind paging,
            ShadowPolicy policy,
            long seed,
            boolean wallTime,
            Instant startDate,
            boolean verify) {
        this(memoryBytes, paging, policy, seed, wallTime, startDate, verify, RamPlan.AT_ONCE);
    }

    /** A domain with the {@linkplain Translation#fastest fastest} processor. */
    public DomainConfig(
            long memoryBytes,
            PagingKind paging,
            ShadowPolicy policy,
            long seed,
            boolean wallTime,
            Instant startDate,
            boolean verify,
            RamPlan ram) {
        this(memoryBytes, paging, policy, seed, wallTime, startDate, verify, ram, Translation.fastest());
    }

    /** How memory is virtualised. */
    public enum PagingKind {
        /** Shadow pagetables. */
        SHADOW,
        /** The processor walks guest tables and P2M. */
        NESTED
    }

    public DomainConfig with(Translation how) {
        return new DomainConfig(memoryBytes, paging, policy, seed, wallTime, startDate, verify, ram, how, abi);
    }

    public DomainConfig with(Abi which) {
        return new DomainConfig(
                memoryBytes, paging, policy, seed, wallTime, startDate, verify, ram, translation, which);
    }

    public DomainConfig withVerify(boolean whether) {
        return new DomainConfig(memoryBytes, paging, policy, seed, wallTime, startDate, whether, ram, translation, abi);
    }

    /** The smallest RAM of a domain: 1 MiB of low memory and something above it. */
    public static final long LEAST_MEMORY = 2L << 20;

    /** The largest RAM of a domain. */
    public static final long MOST_MEMORY = 512L << 30;

    /** A domain with the default policy. */
    public static DomainConfig of(long memoryBytes) {
        return new DomainConfig(
                memoryBytes,
                PagingKind.SHADOW,
                ShadowPolicy.DEFAULT,
                1,
                false,
                Instant.parse("2000-01-01T00:00:00Z"),
                false);
    }
}
