package io.umbra.processor;

import io.umbra.x86.RFlags;
import java.util.Arrays;
import java.util.HexFormat;

/** What an x87 instruction left behind, as FNSAVE shows it. */
final class X87Outcome {
    private static final int INEXACT = 0x20;
    private static final int C1 = 0x200;
    private static final int SIGN = 0x8000;

    int control;
    int status;
    int tags;
    int opcode;
    /** Relative to RDI, but behind an instruction that loads it. */
    int dataPointer;

    long rflags;
    long rax;
    final long[] significand = new long[8];
    final int[] signExponent = new int[8];
    final byte[] memory = new byte[X87State.MEMORY_BYTES];

    /** @param approximate results that are inexact may differ by one unit, and in which way they were rounded */
    boolean agrees(X87Outcome host, boolean approximate) {
        int ignored = approximate && (status & INEXACT) != 0 ? C1 : 0;
        boolean same = control == host.control
                && (status & ~ignored) == (host.status & ~ignored)
                && tags == host.tags
                && opcode == host.opcode
                && dataPointer == host.dataPointer
                && ((rflags ^ host.rflags) & RFlags.STATUS) == 0
                && rax == host.rax
                && Arrays.equals(memory, host.memory);
        for (int i = 0; same && i < 8; i++) {
            same = significand[i] == host.significand[i] && signExponent[i] == host.signExponent[i]
                    || approximate && (status & INEXACT) != 0 && isNeighbour(host, i);
        }
        return same;
    }

    private boolean isNeighbour(X87Outcome host, int i) {
        if (((signExponent[i] ^ host.signExponent[i]) & SIGN) != 0) {
            return false;
        }
        long distance = significand[i] - host.significand[i];
        return switch (signExponent[i] - host.signExponent[i]) {
            case 0 -> distance == 1 || distance == -1;
            case 1 -> significand[i] == Long.MIN_VALUE && host.significand[i] == -1;
            case -1 -> significand[i] == -1 && host.significand[i] == Long.MIN_VALUE;
            default -> false;
        };
    }

    @Override
    public String toString() {
        StringBuilder text = new StringBuilder("fcw %04x fsw %04x tags %04x fop %03x fdp %x flags %03x ax %04x"
                .formatted(control, status, tags, opcode, dataPointer, rflags & RFlags.STATUS, rax & 0xFFFF));
        for (int i = 0; i < 8; i++) {
            text.append(" %04x:%016x".formatted(signExponent[i], significand[i]));
        }
        return text.append(" memory ")
                .append(HexFormat.of().formatHex(memory, 0, 112))
                .toString();
    }
}
