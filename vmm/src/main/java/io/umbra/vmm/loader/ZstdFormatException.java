package io.umbra.vmm.loader;

import java.io.IOException;

/** A Zstandard stream that breaks its format. */
final class ZstdFormatException extends IOException {
    private static final long serialVersionUID = 1;

    ZstdFormatException(String message) {
        super(message);
    }

    static void require(boolean holds, String otherwise) throws ZstdFormatException {
        if (!holds) {
            throw new ZstdFormatException(otherwise);
        }
    }
}
