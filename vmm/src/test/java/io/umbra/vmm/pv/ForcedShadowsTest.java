package io.umbra.vmm.pv;

import static org.assertj.core.api.Assertions.assertThat;

import io.umbra.shadow.Counter;
import io.umbra.shadow.PolicyOption;
import io.umbra.shadow.ShadowPolicy;
import io.umbra.vmm.GuestEnd;
import io.umbra.vmm.xen.HypercallNumber;
import io.umbra.x86.LongModeEntry;
import io.umbra.x86.VcpuState;
import java.util.Objects;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** XSA-273 in a running guest: what becomes of one that makes an absent entry that names memory. */
class ForcedShadowsTest {
    private static final long AT = TestGuest.VIRTUAL_BASE + 0x14_0000;
    private static final long SELF = PvGuest.DOMID_SELF;

    private final long entry;
    private final long value;
    private final long frame;
    private final long table;

    ForcedShadowsTest() {
        try (TestGuest probe = TestGuest.idle()) {
            entry = probe.entryOf(AT);
            value = probe.parts().memory().readLong(entry);
            frame = probe.mfn(TestGuest.SCRATCH + 0x2000);
            table = probe.memory().readLong(probe.domain.state().gpr[VcpuState.RSI] + 0x58) + 3 * 4096;
            assertThat(probe.mfn(table)).as("the first L1").isEqualTo(entry >>> 12);
        }
    }

    private static ShadowPolicy policy(String l1tf) {
        return ShadowPolicy.DEFAULT.with(PolicyOption.PV_L1TF, l1tf);
    }

    /** Writes the entry in one of the ways, and then to memory and to the entry again. */
    private Code code(String way, long absent) {
        Code code = new Code().hypercall(HypercallNumber.VM_ASSIST, 0, 2);
        long request = TestGuest.SCRATCH + 0x100;
        long place = table + (entry & 0xFFF);
        switch (way) {
            case "mmu_update" ->
                code.mov(0, entry)
                        .store(request)
                        .mov(0, absent)
                        .store(request + 8)
                        .hypercall(HypercallNumber.MMU_UPDATE, request, 1, 0, SELF);
            case "update_va_mapping" -> code.hypercall(HypercallNumber.UPDATE_VA_MAPPING, AT, absent, 2);
            case PvCounts.DIRECT_STORE -> code.mov(0, absent).store(place);
            default -> pin(code, request, absent);
        }
        return code.mov(0, 77)
                .store(TestGuest.SCRATCH + 0x200)
                .mov(0, value)
                .store(place)
                .load(AT);
    }

    /** A page of the guest's gets the entry, is unmapped, and pinned as a level-1 table. */
    private void pin(Code code, long request, long absent) {
        code.mov(0, absent).store(TestGuest.SCRATCH + 0x2000 + (entry & 0xFFF));
        code.hypercall(HypercallNumber.UPDATE_VA_MAPPING, TestGuest.SCRATCH + 0x2000, 0, 2);
        code.mov(0, 0).store(request).mov(0, frame).store(request + 8);
        code.hypercall(HypercallNumber.MMUEXT_OP, request, 1, 0, SELF);
    }

    private TestGuest guest(String l1tf, String way, long absent) {
        return new TestGuest(policy(l1tf))
                .at(TestGuest.ENTRY, code(way, absent).end())
                .load();
    }

    @ParameterizedTest
    @ValueSource(strings = {"mmu_update", "update_va_mapping", PvCounts.DIRECT_STORE, "mmuext_op pin L1"})
    void xsa273VulnerableEntryForcesShadowsAndTheGuestCannotTell(String way) {
        long absent = value & ~LongModeEntry.PRESENT;
        long instructions;
        try (TestGuest direct = guest("off", way, absent)) {
            assertThat(direct.run()).isInstanceOf(GuestEnd.PoweredOff.class);
            assertThat(direct.domain.forced()).isNull();
            assertThat(direct.domain.counters().get(Counter.PV_SHADOWS_ON)).isZero();
            instructions = direct.domain.instructions();
        }
        try (TestGuest guest = guest("shadow", way, absent)) {
            assertThat(guest.run()).isInstanceOf(GuestEnd.PoweredOff.class);
            ForcedShadows forced = Objects.requireNonNull(guest.domain.forced());
            assertThat(forced.by()).isEqualTo(way);
            assertThat(forced.level()).isEqualTo(1);
            assertThat(forced.entry()).isEqualTo(absent);
            assertThat(forced.machine() & 0xFFF).isEqualTo(entry & 0xFFF);
            assertThat(guest.domain.counters().get(Counter.PV_SHADOWS_ON)).isEqualTo(1);
            assertThat(guest.domain.counters().get(Counter.SHADOW_L1)).isPositive();
            assertThat(guest.domain.instructions()).isEqualTo(instructions);
            guest.domain.audit();
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"mmu_update", "update_va_mapping", PvCounts.DIRECT_STORE, "mmuext_op pin L1"})
    void xsa273WithoutShadowsTheDomainEnds(String way) {
        try (TestGuest guest = guest("crash", way, value & ~LongModeEntry.PRESENT)) {
            assertThat(guest.run())
                    .isInstanceOfSatisfying(
                            GuestEnd.Crashed.class,
                            end -> assertThat(end.message())
                                    .contains(way + " made an absent level-1 entry that names memory: 0x", "(L1TF)"));
            assertThat(guest.domain.forced()).isNull();
            guest.domain.audit();
        }
    }

    @ParameterizedTest
    @CsvSource({"shadow", "crash"})
    void invertedEntriesDoNothing(String l1tf) {
        long absent = value & ~LongModeEntry.PRESENT ^ LongModeEntry.FRAME_MASK;
        try (TestGuest guest = guest(l1tf, "mmu_update", absent)) {
            assertThat(guest.run()).isInstanceOf(GuestEnd.PoweredOff.class);
            assertThat(guest.domain.forced()).isNull();
        }
    }

    /** Switched every microsecond: once forced, the domain keeps its shadows, and the log goes on and off on them. */
    @Test
    void xsa273ForcedShadowsStayWhenTheLogEnds() {
        try (TestGuest guest = new TestGuest(policy("shadow"))) {
            // DEC RCX; JNZ: 40,000 instructions
            Code code = code("mmu_update", value & ~LongModeEntry.PRESENT)
                    .mov(1, 20_000)
                    .bytes(0x48, 0xFF, 0xC9, 0x75, 0xFB);
            guest.at(TestGuest.ENTRY, code.end()).load();
            ShadowSwitch turned = guest.domain.switchShadows(1000, true);
            assertThat(guest.run()).isInstanceOf(GuestEnd.PoweredOff.class);
            assertThat(guest.domain.forced()).isNotNull();
            assertThat(turned.rounds()).isGreaterThan(5);
            assertThat(guest.domain.counters().get(Counter.PV_SHADOWS_ON)).isLessThan(turned.rounds());
        }
    }
}
