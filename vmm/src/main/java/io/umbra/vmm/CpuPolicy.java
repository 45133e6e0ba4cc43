package io.umbra.vmm;

import io.umbra.processor.CpuFeatures;
import io.umbra.processor.CpuFeatures.Leaf;
import io.umbra.vmm.state.StateException;
import io.umbra.vmm.state.StateWriter;
import java.util.Arrays;

/** What CPUID says of the processor, the body of the CPUID_POLICY record. A guest may have looked, so it goes on only where CPUID says the same. */
final class CpuPolicy {
    private static final int FEATURES = 7;
    private static final int EXTENDED_STATE = 0xD;
    private static final int EXTENDED = 0x8000_0000;
    private static final int COMPONENTS = 10;

    private CpuPolicy() {}

    static byte[] write() {
        StateWriter out = new StateWriter();
        leaves(out, 0);
        leaves(out, EXTENDED);
        return out.bytes();
    }

    private static void leaves(StateWriter out, int first) {
        int last = CpuFeatures.cpuid(first, 0, 0).eax();
        for (int number = first; number <= last; number++) {
            int subleaves = number == EXTENDED_STATE ? COMPONENTS : number == FEATURES ? 2 : 1;
            for (int subleaf = 0; subleaf < subleaves; subleaf++) {
                Leaf leaf = CpuFeatures.cpuid(number, subleaf, 0);
                out.words(new int[] {number, subleaf, leaf.eax(), leaf.ebx(), leaf.ecx(), leaf.edx()});
            }
        }
    }

    static void check(byte[] body) throws StateException {
        if (!Arrays.equals(body, write())) {
            throw new StateException("the guest was saved on a processor with other features than this one's");
        }
    }
}
