package io.umbra.processor;

import org.jspecify.annotations.Nullable;

/** Makes the operations of the string instructions on memory. INS and OUTS are not among them: they need the hypervisor. */
final class StringGroup {
    private StringGroup() {}

    /** @return null when {@code i} is none of these */
    @SuppressWarnings("unused") // the signature is that of all groups
    static @Nullable Op make(Instruction i, int offsetInPage) {
        return switch (i.mnemonic) {
            case MOVS -> new StringOps.Move(i);
            case STOS -> new StringOps.Store(i);
            case LODS -> new StringOps.Load(i);
            case CMPS -> new StringOps.Compare(i);
            case SCAS -> new StringOps.Scan(i);
            default -> null;
        };
    }
}
