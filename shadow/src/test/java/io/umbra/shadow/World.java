package io.umbra.shadow;

import io.umbra.x86.PagingMode;

/** Which paging mode a sequence's guest is in most of the time: it leaves it now and then, and comes back. */
enum World {
    TWO_LEVEL(PagingMode.TWO_LEVEL),
    PAE(PagingMode.PAE),
    FOUR_LEVEL(PagingMode.FOUR_LEVEL),
    FIVE_LEVEL(PagingMode.FIVE_LEVEL),
    /** At home in all of them, and in none. */
    ALL(PagingMode.NONE);

    private final PagingMode home;

    World(PagingMode home) {
        this.home = home;
    }

    PagingMode home() {
        return home;
    }
}
