package io.umbra.processor;

import static io.umbra.processor.TestMachine.CODE;
import static io.umbra.processor.TestMachine.DATA;
import static io.umbra.processor.TestMachine.HANDLERS;
import static io.umbra.processor.TestMachine.RW;
import static io.umbra.processor.TestMachine.RWU;
import static io.umbra.processor.TestMachine.USER_SPACE;
import static io.umbra.x86.PageFaultCode.FETCH;
import static io.umbra.x86.PageFaultCode.IMPLICIT;
import static io.umbra.x86.PageFaultCode.PRESENT;
import static io.umbra.x86.PageFaultCode.PROTECTION_KEY;
import static io.umbra.x86.PageFaultCode.USER;
import static io.umbra.x86.PageFaultCode.WRITE;
import static org.assertj.core.api.Assertions.assertThat;

import io.umbra.x86.Cr0;
import io.umbra.x86.Cr4;
import io.umbra.x86.Exit;
import io.umbra.x86.HardwarePaging;
import io.umbra.x86.VcpuState;
import io.umbra.x86.Vector;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Protection keys of user pages: CR4.PKE, PKRU, RDPKRU and WRPKRU. */
class ProtectionKeyTest {
    private static final long PAGE = 0x70_0000;
    private static final int KEY = 5;
    private static final long KEYED = (long) KEY << 59;
    private static final int DENY_ACCESS = 1 << 2 * KEY, DENY_WRITE = 2 << 2 * KEY;
    private static final int[] ACCESSES = {0, WRITE, FETCH, USER, USER | WRITE, USER | FETCH, IMPLICIT, IMPLICIT | WRITE
    };

    private final TestMachine machine = TestMachine.shadow(PagingFeatures.ALL);
    private final VcpuState state = machine.state;

    @AfterEach
    void close() {
        machine.close();
    }

    private void enable() {
        state.cr4 |= Cr4.PROTECTION_KEYS;
        machine.processor.load(new HardwarePaging.Shadow(machine.root << 12, 4, false, false, true));
    }

    /** Each access, to a page with a key, under each right that PKRU can give it. */
    private static void expectRights(TestMachine machine, PageWalker walker, boolean writeProtect) {
        for (int rights : new int[] {0, DENY_ACCESS, DENY_WRITE, DENY_ACCESS | DENY_WRITE}) {
            for (int access : ACCESSES) {
                machine.state.pkru = rights;
                machine.mapTo(PAGE, 99, RWU | KEYED);
                boolean data = (access & FETCH) == 0;
                boolean write = (access & WRITE) != 0;
                boolean denied = data
                        && ((rights & DENY_ACCESS) != 0
                                || write && (rights & DENY_WRITE) != 0 && ((access & USER) != 0 || writeProtect));
                String which = "pkru " + Integer.toHexString(rights) + " access " + access;
                PageWalker.Outcome outcome = walker.walk(PAGE, access, false);
                if (denied) {
                    assertThat(outcome).as(which).isEqualTo(PageWalker.Outcome.PAGE_FAULT);
                    assertThat(walker.code).as(which).isEqualTo(access | PRESENT | PROTECTION_KEY);
                } else {
                    assertThat(outcome).as(which).isEqualTo(PageWalker.Outcome.MAPPED);
                }
            }
        }
    }

    @Test
    void shadowsObeyKeysWithWriteProtectOn() {
        state.cr0 &= ~Cr0.WRITE_PROTECT;
        PageWalker walker = new PageWalker(state, machine.memory);
        walker.load(new HardwarePaging.Shadow(machine.root << 12, 4, false, false, true));
        expectRights(machine, walker, true);
    }

    @Test
    void underAP2mWriteProtectDecidesWhetherTheSupervisorIsDenied() {
        try (TestMachine nested = TestMachine.nested(PagingFeatures.ALL)) {
            PageWalker walker = new PageWalker(nested.state, nested.memory);
            walker.load(new HardwarePaging.Nested(4096 - 64 << 12));
            nested.state.cr4 |= Cr4.PROTECTION_KEYS;
            expectRights(nested, walker, true);
            nested.state.cr0 &= ~Cr0.WRITE_PROTECT;
            expectRights(nested, walker, false);
        }
    }

    @Test
    void keysOfSupervisorPagesAndKeysThatAreNotEnabledDoNotCount() {
        state.pkru = -1;
        PageWalker walker = new PageWalker(state, machine.memory);
        walker.load(new HardwarePaging.Shadow(machine.root << 12, 4, false, false, true));
        machine.mapTo(PAGE, 99, RW | KEYED);
        assertThat(walker.walk(PAGE, WRITE, false)).isEqualTo(PageWalker.Outcome.MAPPED);

        state.cr4 |= Cr4.PROTECTION_KEYS;
        walker.load(new HardwarePaging.Shadow(machine.root << 12, 4, false, false, false));
        machine.mapTo(PAGE, 99, RWU | KEYED);
        assertThat(walker.walk(PAGE, USER | WRITE, false)).isEqualTo(PageWalker.Outcome.MAPPED);
    }

    @Test
    void aKeyThatRefusesIsToldBesideTheRightsThatAlsoRefuse() {
        PageWalker walker = new PageWalker(state, machine.memory);
        walker.load(new HardwarePaging.Shadow(machine.root << 12, 4, false, true, true));
        state.pkru = DENY_ACCESS;
        machine.mapTo(PAGE, 99, RWU | KEYED);
        assertThat(walker.walk(PAGE, 0, false)).isEqualTo(PageWalker.Outcome.PAGE_FAULT);
        assertThat(walker.code).isEqualTo(PRESENT | PROTECTION_KEY);
        machine.mapTo(PAGE, 99, 5 | KEYED);
        assertThat(walker.walk(PAGE, USER | WRITE, false)).isEqualTo(PageWalker.Outcome.PAGE_FAULT);
        assertThat(walker.code).isEqualTo(USER | WRITE | PRESENT | PROTECTION_KEY);
    }

    @Test
    void aWriteOfPkruForgetsTheRightsThatWereCached() {
        enable();
        machine.mapTo(USER_SPACE + 0x1000, 99, RWU | KEYED);
        machine.userMode();
        // mov [rbx],rbx; wrpkru; mov rsi,[rbx]; mov [rbx],rbx
        machine.code(USER_SPACE, "48891B 0F01EF 488B33 48891B");
        state.gpr[VcpuState.RBX] = USER_SPACE + 0x1000;
        state.gpr[VcpuState.RAX] = DENY_WRITE;
        assertThat(machine.run())
                .isEqualTo(new Exit.PageFault(USER_SPACE + 0x1000, USER | WRITE | PRESENT | PROTECTION_KEY, null));
        assertThat(state.rip).isEqualTo(USER_SPACE + 9);
        assertThat(state.gpr[VcpuState.RSI]).isEqualTo(USER_SPACE + 0x1000);

        state.rip = USER_SPACE + 3;
        state.gpr[VcpuState.RAX] = DENY_ACCESS;
        assertThat(machine.run())
                .isEqualTo(new Exit.PageFault(USER_SPACE + 0x1000, USER | PRESENT | PROTECTION_KEY, null));
        assertThat(state.rip).isEqualTo(USER_SPACE + 6);
    }

    @Test
    void codeRunsFromAPageWhoseKeyForbidsEveryAccess() {
        enable();
        machine.userMode();
        machine.code(USER_SPACE, "0F01EF 90 8B0425 00008000"); // wrpkru; nop; mov eax,[USER_SPACE]
        state.gpr[VcpuState.RAX] = 1;
        assertThat(machine.run()).isEqualTo(new Exit.PageFault(USER_SPACE, USER | PRESENT | PROTECTION_KEY, null));
        assertThat(state.rip).isEqualTo(USER_SPACE + 4);
    }

    @Test
    void theRegisterIsReadAndWrittenAtEveryPrivilege() {
        enable();
        machine.userMode();
        machine.code(USER_SPACE, "0F01EF 31C0 BAFFFFFFFF 0F01EE 0F0B"); // wrpkru; xor eax,eax; mov edx,-1; rdpkru
        state.gpr[VcpuState.RAX] = 0x1_5555_5554L;
        machine.processor.run(4);
        assertThat(state.pkru).isEqualTo(0x5555_5554);
        assertThat(state.gpr[VcpuState.RAX]).isEqualTo(0x5555_5554);
        assertThat(state.gpr[VcpuState.RDX]).isZero();
    }

    @ParameterizedTest
    @CsvSource({
        "0F01EE, 0, 0, 0, 6",
        "0F01EF, 0, 0, 0, 6",
        "0F01EE, 1, 0, 1, 13",
        "0F01EF, 1, 0, 1, 13",
        "0F01EF, 0, 1, 1, 13",
        "F00F01EF, 0, 0, 1, 6",
        "0F01EE, 0x100000000, 0, 1, 0",
        "0F01EF, 0x100000000, 0x100000000, 1, 0",
        "0F01EE, 0, 1, 1, 0"
    })
    void operandsMustBeZeroAndTheFeatureOn(String code, String counter, String data, int enabled, int vector) {
        if (enabled == 1) {
            enable();
        }
        machine.gate(Vector.INVALID_OPCODE, 0, 0);
        machine.gate(Vector.GENERAL_PROTECTION, 0, 0);
        machine.code(CODE, code + "F4");
        state.gpr[VcpuState.RCX] = Long.decode(counter);
        state.gpr[VcpuState.RDX] = Long.decode(data);
        state.gpr[VcpuState.RAX] = 4;
        assertThat(machine.run()).isEqualTo(new Exit.Halt());
        assertThat(state.rip).isEqualTo(vector == 0 ? CODE + 4 : HANDLERS + 16L * vector + 1);
        assertThat(state.pkru).isEqualTo(vector == 0 && code.equals("0F01EF") ? 4 : 0);
    }

    @Test
    void turningKeysOnForgetsTheRightsThatWereCached() {
        try (TestMachine nested = TestMachine.nested(PagingFeatures.ALL)) {
            nested.gate(Vector.PAGE_FAULT, 0, 0);
            nested.mapTo(DATA, nested.newFrame(), RWU | KEYED);
            nested.code(CODE, "8B0B 0F22E0 8B0B"); // mov ecx,[rbx]; mov cr4,rax; mov ecx,[rbx]
            nested.state.pkru = DENY_ACCESS;
            nested.state.gpr[VcpuState.RBX] = DATA;
            nested.state.gpr[VcpuState.RAX] = nested.state.cr4 | Cr4.PROTECTION_KEYS;
            assertThat(nested.run()).isEqualTo(new Exit.Halt());
            assertThat(nested.state.cr2).isEqualTo(DATA);
            assertThat(nested.peek(nested.state.gpr[VcpuState.RSP], 8)).isEqualTo(PRESENT | PROTECTION_KEY);
            assertThat(nested.peek(nested.state.gpr[VcpuState.RSP] + 8, 8)).isEqualTo(CODE + 5);
        }
    }

    @Test
    void cpuidOffersKeysAndMirrorsWhetherTheyAreOn() {
        assertThat(CpuFeatures.cpuid(7, 0, 0, PagingFeatures.ALL).ecx() >>> 3 & 3)
                .isEqualTo(1);
        assertThat(CpuFeatures.cpuid(7, 0, Cr4.PROTECTION_KEYS, PagingFeatures.ALL)
                                        .ecx()
                                >>> 3
                        & 3)
                .isEqualTo(3);
        PagingFeatures none = new PagingFeatures(false, false, false);
        assertThat(CpuFeatures.cpuid(7, 0, Cr4.PROTECTION_KEYS, none).ecx()).isZero();
    }
}
