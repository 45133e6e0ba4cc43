package io.umbra.vmm;

import io.umbra.vmm.DomainConfig.PagingKind;
import java.util.Map;
import java.util.function.IntConsumer;
import org.jspecify.annotations.Nullable;

/**
 * How a saved domain is to go on: what the guest cannot tell apart may be chosen anew.
 *
 * @param paging null for that under which it was saved
 * @param options of the policy, by label; the others are as they were
 * @param seed of what is scattered
 * @param verify every translation is held against the definition
 * @param console takes what the guest prints, byte by byte
 */
public record RestoreRequest(
        @Nullable PagingKind paging,
        Map<String, String> options,
        long seed,
        boolean verify,
        IntConsumer console,
        ConsoleInput input) {

    public RestoreRequest {
        options = Map.copyOf(options);
    }
}
