package io.umbra.x86;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class WalkExplanationTest {

    private static String explain(Tables tables, int access) {
        byte[] before = tables.memory.content();
        String text = DefinitionWalker.explain(tables.registers(), tables.memory, tables.linear, access);
        assertThat(tables.memory.content()).isEqualTo(before);
        return text;
    }

    @Test
    void permittedWalkIsToldLevelByLevel() {
        Tables tables = Tables.of(PagingMode.FOUR_LEVEL, 1).set(1, 0x60).clear(2, LongModeEntry.USER);
        assertThat(explain(tables, Tables.WRITE)).isEqualTo("""
                        supervisor write of linear 0xffffda3cf1e5b678: four-level paging
                          CR0.WP=1 CR4.PSE=0 SMEP=0 SMAP=0 PKE=0 EFER.NXE=1 EFLAGS.AC=0 MAXPHYADDR=46
                          CR3 0x0000000000004fff
                          L4[1b4] at 0x0000000000004da0 = 0x0000000000003007  P RW US
                               table at 0x0000000000003000
                          L3[0f3] at 0x0000000000003798 = 0x0000000000002007  P RW US
                               table at 0x0000000000002000
                          L2[18f] at 0x0000000000002c78 = 0x0000000000001003  P RW
                               table at 0x0000000000001000; from here supervisor only
                          L1[05b] at 0x00000000000012d8 = 0x00000000c0000067  P RW US A D
                               4 KiB page at 0x00000000c0000000
                          permitted: guest-physical 0x00000000c0000678
                        """);
    }

    @Test
    void refusalNamesItsRule() {
        assertThat(explain(Tables.of(PagingMode.FOUR_LEVEL, 1).clear(3, LongModeEntry.USER), Tables.USER))
                .endsWith("  refused: #PF with code 0x5 (P|U): a user access to a supervisor page\n");
        assertThat(explain(Tables.of(PagingMode.PAE, 2).clear(2, LongModeEntry.WRITABLE), Tables.WRITE))
                .contains("2 MiB page at 0x00000000c0000000; from here read-only")
                .endsWith("a write to a page that some level makes read-only\n");
        assertThat(explain(Tables.of(PagingMode.PAE, 1).set(1, LongModeEntry.NO_EXECUTE), Tables.FETCH))
                .contains("P RW US NX", "from here no fetch")
                .endsWith("a fetch from a page that some level makes NX\n");
        assertThat(explain(Tables.of(PagingMode.FIVE_LEVEL, 3).withCr4(Cr4.SMEP), Tables.FETCH))
                .contains("1 GiB page")
                .endsWith("a supervisor fetch from a user page, with CR4.SMEP\n");
        assertThat(explain(Tables.of(PagingMode.FOUR_LEVEL, 1).withCr4(Cr4.SMAP), Tables.IMPLICIT))
                .startsWith("implicit supervisor read")
                .contains("with CR4.SMAP");
    }

    @Test
    void absentAndReservedEntriesEndTheAccount() {
        assertThat(explain(Tables.of(PagingMode.FOUR_LEVEL, 1).put(2, 0x1000), Tables.USER | Tables.FETCH))
                .startsWith("user fetch")
                .contains("0x0000000000001000  -\n       absent: the walk ends\n")
                .doesNotContain("L1[")
                .endsWith("refused: #PF with code 0x14 (U|I): not present at level 2\n");
        assertThat(explain(Tables.of(PagingMode.FOUR_LEVEL, 1).set(1, 1L << 50), Tables.READ))
                .contains("reserved bits 0x0004000000000000 are set: the walk ends")
                .endsWith("refused: #PF with code 0x9 (P|RSVD): reserved bit at level 1\n");
    }

    @Test
    void protectionKeyIsNamedWithWhatElseRefuses() {
        Tables tables = Tables.of(PagingMode.FOUR_LEVEL, 1).withCr4(Cr4.PROTECTION_KEYS);
        tables.set(1, 7L << 59);
        tables.pkru = 2 << 14;
        assertThat(explain(tables, Tables.USER | Tables.WRITE))
                .contains("protection key 7 (AD=0 WD=1)")
                .endsWith("refused: #PF with code 0x27 (P|W|U|PK): protection key 7\n");
        tables.clear(1, LongModeEntry.WRITABLE);
        assertThat(explain(tables, Tables.USER | Tables.WRITE)).contains("protection key 7; also a write to a page");
    }

    @Test
    void entriesOfFourBytesAndPointerRegistersAreShownAsSuch() {
        assertThat(explain(Tables.of(PagingMode.TWO_LEVEL, 2), Tables.READ))
                .contains("CR3 0x0000000000002fff", "= 0xc0000087  P RW US PS", "4 MiB page at 0x00000000c0000000");
        assertThat(explain(Tables.of(PagingMode.PAE, 1), Tables.READ))
                .contains("L3[003] in register PDPTE3 = 0x0000000000002001  P\n")
                .doesNotContain("CR3");
    }

    @Test
    void addressesThatAreNotWalkedAreExplainedToo() {
        Tables tables = Tables.of(PagingMode.FOUR_LEVEL, 1);
        tables.linear = 1L << 60;
        assertThat(explain(tables, Tables.READ)).endsWith("refused: not canonical (#GP or #SS, no walk)\n");
        Tables flat = Tables.of(PagingMode.NONE, 1);
        flat.cr0 = 0;
        flat.linear = 0x1234;
        assertThat(explain(flat, Tables.READ))
                .contains("no paging")
                .endsWith("permitted: guest-physical 0x0000000000001234\n");
    }
}
