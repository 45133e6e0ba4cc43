package io.umbra.tools;

import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/** As what kind of guest a kernel is run, and under which paging: the values of {@code umbra compare --vary kind=…}. */
enum GuestKind {
    HVM_SHADOW("hvm", "shadow"),
    HVM_NESTED("hvm", "nested"),
    PV_DIRECT("pv", "direct"),
    PV_SHADOW("pv", "shadow");

    private final String guest;
    private final String paging;

    GuestKind(String guest, String paging) {
        this.guest = guest;
        this.paging = paging;
    }

    /** As on the command line: {@code pv-direct}. */
    String label() {
        return name().toLowerCase(Locale.ROOT).replace('_', '-');
    }

    /** What the guest finds itself on: {@code hvm} or {@code pv}. */
    String guest() {
        return guest;
    }

    boolean isPv() {
        return guest.equals("pv");
    }

    /** Of {@code umbra run}. */
    List<String> arguments() {
        return List.of("--guest=" + guest, "--paging=" + paging);
    }

    static Optional<GuestKind> of(String label) {
        return Arrays.stream(values())
                .filter(kind -> kind.label().equals(label))
                .findFirst();
    }
}
