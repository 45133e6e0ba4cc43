package io.umbra.processor;

import static io.umbra.processor.HostAssembler.RAX;
import static io.umbra.processor.HostAssembler.RBX;
import static io.umbra.processor.HostAssembler.RCX;
import static io.umbra.processor.HostAssembler.RDX;
import static io.umbra.processor.HostAssembler.RSI;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Collections;
import java.util.EnumSet;
import java.util.Set;

/** Instructions beyond those of every x86-64 processor that generated code may use if the host's CPUID offers them. Intel SDM vol. 2, "CPUID"; AMD APM vol. 3, appendix E. */
enum HostFeature {
    /** SSE2, which every x86-64 processor has. */
    BASELINE(0, 0, 0),
    SSE3(1, HostFeature.ECX, 0),
    SSSE3(1, HostFeature.ECX, 9),
    SSE4_1(1, HostFeature.ECX, 19),
    SSE4_2(1, HostFeature.ECX, 20),
    POPCNT(1, HostFeature.ECX, 23),
    BMI1(7, HostFeature.EBX, 3),
    LZCNT(0x8000_0001, HostFeature.ECX, 5);
    private static final int EBX = 1, ECX = 2;
    private static final int ROOM = 4096;
    private static final int CPUID = 0xA2;

    private static final Set<HostFeature> FOUND = Collections.unmodifiableSet(find());

    private final int leaf;
    private final int register;
    private final int bit;

    HostFeature(int leaf, int register, int bit) {
        this.leaf = leaf;
        this.register = register;
        this.bit = bit;
    }

    /** To be asked only where {@link HostEntry#isAvailable}. */
    boolean isPresent() {
        return FOUND.contains(this);
    }

    private static Set<HostFeature> find() {
        MemorySegment memory = HostEntry.reserve(ROOM);
        byte[] code = program();
        MemorySegment.copy(code, 0, memory, ValueLayout.JAVA_BYTE, 0, code.length);
        Set<HostFeature> found = EnumSet.of(BASELINE);
        for (HostFeature feature : values()) {
            int family = feature.leaf & 0x8000_0000;
            boolean hasLeaf = Integer.compareUnsigned(answer(memory, family)[0], feature.leaf) >= 0;
            if (hasLeaf && (answer(memory, feature.leaf)[feature.register] >>> feature.bit & 1) != 0) {
                found.add(feature);
            }
        }
        return found;
    }

    /** EAX, EBX, ECX and EDX of subleaf 0. */
    private static int[] answer(MemorySegment memory, int leaf) {
        long[] words = {leaf, 0, 0, 0};
        MemorySegment state = MemorySegment.ofArray(words);
        HostEntry.enter(memory.address(), 0, state, state, state, state, state, state);
        return new int[] {(int) words[0], (int) words[1], (int) words[2], (int) words[3]};
    }

    /** A function of RSI: the address of four words, of which the first one is the leaf. */
    private static byte[] program() {
        HostAssembler out = new HostAssembler();
        out.push(RBX);
        out.load(RAX, RSI, 0);
        out.constant(RCX, 0);
        out.int8(0x0F);
        out.int8(CPUID);
        out.store(RAX, RSI, 0);
        out.store(RBX, RSI, 8);
        out.store(RCX, RSI, 16);
        out.store(RDX, RSI, 24);
        out.pop(RBX);
        out.ret();
        return out.finish();
    }
}
