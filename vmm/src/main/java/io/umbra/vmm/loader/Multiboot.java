package io.umbra.vmm.loader;

/** Recognises images with a Multiboot 1 header. Source: Multiboot specification 0.6.96. */
final class Multiboot {
    private static final long MAGIC = 0x1bad_b002L;
    private static final int SEARCHED = 8192;
    private static final int HEADER = 12;

    private Multiboot() {}

    /** Whether an aligned header, whose three words sum up to 0, lies in the first 8 KiB. */
    static boolean isRecognised(ImageBytes image) throws LoadException {
        int end = Math.min(image.length(), SEARCHED) - HEADER;
        for (int at = 0; at <= end; at += 4) {
            if (image.u32(at) == MAGIC && (int) (MAGIC + image.u32(at + 4) + image.u32(at + 8)) == 0) {
                return true;
            }
        }
        return false;
    }
}
