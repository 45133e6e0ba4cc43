package io.umbra.processor;

import static org.assertj.core.api.Assertions.assertThat;

import io.umbra.processor.Instruction.Kind;
import io.umbra.x86.VcpuState;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.Objects;
import java.util.Random;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class DecoderTest {
    private static final long ADDRESS = 0x1000;

    private static byte[] bytes(String hex) {
        return HexFormat.of().parseHex(hex.replace(" ", ""));
    }

    private static @Nullable Instruction tryDecode(String hex, int mode) {
        byte[] bytes = bytes(hex);
        return Decoder.decode(bytes, 0, bytes.length, mode);
    }

    private static Instruction decode(String hex, int mode) {
        return Objects.requireNonNull(tryDecode(hex, mode), () -> hex + " is not complete");
    }

    private static Instruction decode64(String hex) {
        return decode(hex, 64);
    }

    private static String text(String hex, int mode) {
        Instruction instruction = decode(hex, mode);
        assertThat(instruction.length).as(hex).isEqualTo(bytes(hex).length);
        return Formatter.format(instruction, ADDRESS);
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            64 | 48 89 d8                       | mov rax,rbx
            64 | 66 89 d8                       | mov ax,bx
            64 | 66 48 89 d8                    | mov rax,rbx
            32 | 66 89 d8                       | mov ax,bx
            16 | 89 d8                          | mov ax,bx
            16 | 66 89 d8                       | mov eax,ebx
            64 | 88 e0                          | mov al,ah
            64 | 40 88 e0                       | mov al,spl
            64 | 41 88 e0                       | mov r8b,spl
            64 | 48 83 c0 ff                    | add rax,0xffffffffffffffff
            64 | 48 05 00 00 00 80              | add rax,0xffffffff80000000
            64 | 66 05 34 12                    | add ax,0x1234
            64 | 48 b8 88 77 66 55 44 33 22 11  | mov rax,0x1122334455667788
            64 | b8 88 77 66 55                 | mov eax,0x55667788
            64 | 48 a1 88 77 66 55 44 33 22 11  | mov rax,ds:0x1122334455667788
            64 | 67 a1 88 77 66 55              | mov eax,ds:0x55667788
            32 | 67 a0 34 12                    | mov al,ds:0x1234
            64 | 65 48 8b 04 25 28 00 00 00     | mov rax,QWORD PTR gs:0x28
            64 | 48 8d 05 10 00 00 00           | lea rax,[rip+0x10]
            32 | 8d 05 10 00 00 00              | lea eax,ds:0x10
            64 | 48 63 c3                       | movsxd rax,ebx
            32 | 63 c3                          | arpl bx,ax
            64 | 55                             | push rbp
            64 | 66 55                          | push bp
            64 | 41 57                          | push r15
            64 | 6a ff                          | push 0xffffffffffffffff
            64 | 0f a0                          | push fs
            64 | ff 34 24                       | push QWORD PTR [rsp]
            64 | e8 00 00 00 00                 | call 0x1005
            64 | 66 e8 00 00                    | call 0x1004
            64 | 66 48 e8 00 00 00 00           | call 0x1007
            64 | 66 74 fe                       | je 0x1001
            64 | ff d0                          | call rax
            32 | 66 ff d0                       | call ax
            64 | ff 2b                          | jmp FWORD PTR [rbx]
            32 | 9a 78 56 34 12 23 00           | call 0x23:0x12345678
            16 | ea 34 12 00 f0                 | jmp 0xf000:0x1234
            64 | 48 cf                          | iretq
            64 | 48 98                          | cdqe
            64 | 99                             | cdq
            64 | f3 48 a5                       | rep movs QWORD PTR es:[rdi],QWORD PTR ds:[rsi]
            64 | 67 f3 64 a4                    | rep movs BYTE PTR es:[edi],BYTE PTR fs:[esi]
            64 | f2 ae                          | repnz scas al,BYTE PTR es:[rdi]
            64 | 48 6d                          | ins DWORD PTR es:[rdi],dx
            64 | 48 ed                          | in eax,dx
            64 | 66 0f 20 c0                    | mov rax,cr0
            64 | 44 0f 20 c0                    | mov rax,cr8
            64 | 0f 20 00                       | mov rax,cr0
            32 | 0f 22 d8                       | mov cr3,eax
            64 | 0f 23 f8                       | mov dr7,rax
            64 | 0f 01 3b                       | invlpg BYTE PTR [rbx]
            64 | 0f 00 c0                       | sldt eax
            64 | 0f 00 00                       | sldt WORD PTR [rax]
            64 | 90                             | nop
            64 | 41 90                          | xchg r8d,eax
            64 | f3 41 90                       | xchg r8d,eax
            64 | f3 90                          | pause
            64 | f3 0f 1e fa                    | nop edx
            64 | 0f 18 08                       | prefetcht0 BYTE PTR [rax]
            64 | f3 0f bc c1                    | tzcnt eax,ecx
            64 | f2 0f bc c1                    | bsf eax,ecx
            64 | f3 0f b8 c1                    | popcnt eax,ecx
            64 | 66 f3 0f b8 c1                 | popcnt ax,cx
            64 | 66 0f 38 f0 03                 | movbe ax,WORD PTR [rbx]
            64 | 66 f2 0f 38 f1 c3              | crc32 eax,bx
            64 | f2 48 0f 38 f0 c3              | crc32 rax,bl
            64 | 66 f2 0f 10 c1                 | movsd xmm0,xmm1
            64 | f2 f3 0f 10 c1                 | movss xmm0,xmm1
            64 | f3 f2 0f 10 c1                 | movsd xmm0,xmm1
            64 | 66 0f 6e c0                    | movd xmm0,eax
            64 | 66 48 0f 6e c0                 | movq xmm0,rax
            64 | 0f 6f c1                       | movq mm0,mm1
            64 | 45 0f 6f c1                    | movq mm0,mm1
            64 | 66 45 0f 6f c1                 | movdqa xmm8,xmm9
            64 | d9 c1                          | fld st(1)
            64 | dc e9                          | fsub st(1),st
            64 | de e9                          | fsubp st(1),st
            64 | df e0                          | fnstsw ax
            64 | db 28                          | fld TBYTE PTR [rax]
            32 | d6                             | salc
            64 | 0f 0b                          | ud2
            64 | 0f b9 40 02                    | ud1 eax,DWORD PTR [rax+0x2]
            64 | 66 0f 3a 63 c1 0c              | pcmpistri xmm0,xmm1,0xc
            """)
    void encodingIsReadAsTheManualsSay(int mode, String hex, String expected) {
        assertThat(text(hex, mode)).isEqualTo(expected);
    }

    // ---- prefixes -------------------------------------------------------------------------------------------------

    @Test
    void rexBeforeALegacyPrefixIsVoid() {
        assertThat(text("48 66 89 d8", 64)).isEqualTo("mov ax,bx");
        assertThat(text("48 48 41 89 d8", 64)).isEqualTo("mov r8d,ebx");
    }

    @Test
    void lastOfSeveralSegmentOverridesCounts() {
        assertThat(decode("26 36 8b 00", 32).segment).isEqualTo(VcpuState.SS);
        assertThat(decode64("64 65 8b 00").segment).isEqualTo(VcpuState.GS);
    }

    @Test
    void onlyFsAndGsOverrideIn64BitMode() {
        Instruction stack = decode64("3e 8b 45 00");
        assertThat(stack.segment).isEqualTo(VcpuState.SS);
        assertThat(stack.segmentOverridden).isTrue();
        assertThat(decode64("64 2e 8b 00").segment).isEqualTo(VcpuState.FS);
        assertThat(decode("3e 8b 45 00", 32).segment).isEqualTo(VcpuState.DS);
    }

    @ParameterizedTest
    @CsvSource({
        "8b 04 24, 2",
        "8b 45 00, 2",
        "8b 00, 3",
        "8b 04 2d 00 00 00 00, 3",
        "8b 04 28, 3",
        "41 8b 45 00, 3",
        "41 8b 04 24, 3"
    })
    void stackIsTheDefaultSegmentOfStackAndBasePointer(String hex, int segment) {
        assertThat(decode64(hex).segment).isEqualTo(segment);
    }

    @Test
    void repeatIsReportedUnlessItIsPartOfTheOpcode() {
        assertThat(decode64("f3 a4").repeat).isEqualTo(Instruction.REP);
        assertThat(decode64("f3 f2 a6").repeat).isEqualTo(Instruction.REPNE);
        assertThat(decode64("f3 c3").repeat).isEqualTo(Instruction.REP);
        assertThat(decode64("f3 0f 10 c1").repeat).isZero();
        assertThat(decode64("f3 90").repeat).isZero();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "f0 01 18",
                "f0 48 0f b1 0b",
                "f0 0f c1 03",
                "f0 87 03",
                "f0 0f ba 2b 01",
                "f0 0f ab 03",
                "f0 48 0f c7 0b",
                "f0 ff 00",
                "f0 f7 18",
                "f0 80 30 01",
                "f0 83 08 01"
            })
    void lockIsAllowedOnReadModifyWriteOfMemory(String hex) {
        Instruction instruction = decode64(hex);
        assertThat(instruction.mnemonic).isNotEqualTo(Mnemonic.INVALID);
        assertThat(instruction.lock).isTrue();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "f0 01 d8",
                "f0 03 18",
                "f0 39 18",
                "f0 89 18",
                "f0 0f a3 03",
                "f0 0f ba 23 01",
                "f0 90",
                "f0 f7 20",
                "f0 0f 20 c0",
                "f0 85 03",
                "f0 0f 0b"
            })
    void lockElsewhereIsUndefined(String hex) {
        Instruction instruction = decode64(hex);
        assertThat(instruction.mnemonic).isEqualTo(Mnemonic.INVALID);
        assertThat(instruction.operands).isEmpty();
    }

    // ---- ModRM and SIB --------------------------------------------------------------------------------------------

    @Test
    void every16BitAddressIsFormedAsInTheManual() {
        String[] registers = {"bx+si", "bx+di", "bp+si", "bp+di", "si", "di", "bp", "bx"};
        for (int rm = 0; rm < 8; rm++) {
            String direct = rm == 6 ? text("8b 06 34 12", 16) : text("8b %02x".formatted(rm), 16);
            assertThat(direct)
                    .isEqualTo(rm == 6 ? "mov ax,WORD PTR ds:0x1234" : "mov ax,WORD PTR [" + registers[rm] + "]");
            assertThat(text("8b %02x fe".formatted(0x40 | rm), 16))
                    .isEqualTo("mov ax,WORD PTR [" + registers[rm] + "-0x2]");
            assertThat(text("8b %02x 34 12".formatted(0x80 | rm), 16))
                    .isEqualTo("mov ax,WORD PTR [" + registers[rm] + "+0x1234]");
            boolean isStack = rm == 2 || rm == 3 || rm == 6;
            assertThat(decode("8b %02x fe".formatted(0x40 | rm), 16).segment)
                    .isEqualTo(isStack ? VcpuState.SS : VcpuState.DS);
        }
        assertThat(decode("8b 06 34 12", 16).segment).isEqualTo(VcpuState.DS);
    }

    @Test
    void everyModRmWithoutSibIsFormedAsInTheManual() {
        for (int modRm = 0; modRm < 0xC0; modRm++) {
            int rm = modRm & 7;
            if (rm == 4) {
                continue;
            }
            for (int rexB = 0; rexB < 2; rexB++) {
                Instruction i = decode64("%02x 8b %02x 80 ff ff ff 00 00".formatted(0x40 | rexB, modRm));
                boolean isRip = modRm < 0x40 && rm == 5;
                assertThat(i.ripRelative).isEqualTo(isRip);
                assertThat(i.base).isEqualTo(isRip ? Instruction.NO_REGISTER : rm + 8 * rexB);
                assertThat(i.index).isEqualTo(Instruction.NO_REGISTER);
                assertDisplacement(i, isRip ? 2 : modRm >> 6, 3);
                assertThat(i.operands[0].register()).isEqualTo(modRm >> 3 & 7);
            }
        }
    }

    @Test
    void everySibIsFormedAsInTheManual() {
        for (int mod = 0; mod < 3; mod++) {
            for (int sib = 0; sib < 256; sib++) {
                for (int rex = 0x40; rex < 0x44; rex++) {
                    Instruction i = decode64("%02x 8b %02x %02x 80 ff ff ff 00 00".formatted(rex, mod << 6 | 4, sib));
                    boolean hasBase = mod != 0 || (sib & 7) != 5;
                    int index = sib >> 3 & 7 | (rex & 2) << 2;
                    assertThat(i.base).isEqualTo(hasBase ? sib & 7 | (rex & 1) << 3 : Instruction.NO_REGISTER);
                    assertThat(i.index).isEqualTo(index == 4 ? Instruction.NO_REGISTER : index);
                    assertThat(i.scale).isEqualTo(index == 4 ? 0 : sib >> 6);
                    assertThat(i.ripRelative).isFalse();
                    assertDisplacement(i, hasBase ? mod : 2, 4);
                }
            }
        }
    }

    /** @param kind 0 none, 1 a byte, 2 four bytes: FF FF FF 80 little-endian is -128 in both */
    private static void assertDisplacement(Instruction i, int kind, int lengthWithout) {
        assertThat(i.displacement).isEqualTo(kind == 0 ? 0 : -128);
        assertThat(i.length).isEqualTo(lengthWithout + (kind == 2 ? 4 : kind));
        assertThat(i.operands[1].kind()).isEqualTo(Kind.MEMORY);
        assertThat(i.operands[1].size()).isEqualTo(4);
    }

    @Test
    void everyRegisterFormNamesItsRegisters() {
        for (int modRm = 0xC0; modRm < 0x100; modRm++) {
            for (int rex = 0x40; rex < 0x50; rex++) {
                Instruction i = decode64("%02x 89 %02x".formatted(rex, modRm));
                assertThat(i.operands[0].register()).isEqualTo(modRm & 7 | (rex & 1) << 3);
                assertThat(i.operands[1].register()).isEqualTo(modRm >> 3 & 7 | (rex & 4) << 1);
                assertThat(i.operands[0].size()).isEqualTo((rex & 8) != 0 ? 8 : 4);
            }
        }
    }

    // ---- sizes ----------------------------------------------------------------------------------------------------

    @ParameterizedTest
    @CsvSource({
        "64, 0f ae 00, 512", "64, dd 30, 108", "64, 66 dd 30, 94", "64, d9 30, 28", "64, 66 d9 30, 14",
                "64, 0f 01 10, 10", "32, 0f 01 10, 6",
        "64, 0f c7 08, 8", "64, 48 0f c7 08, 16", "64, ff 18, 6", "64, 66 ff 18, 4", "64, 48 ff 18, 6", "32, 62 00, 8",
                "64, 0f 10 00, 16",
        "64, f3 0f 10 00, 4", "64, 0f 12 00, 8", "64, 66 0f 38 20 00, 8", "64, 66 0f 38 22 00, 2", "64, 0f 60 00, 4",
                "64, 8e 18, 2", "64, 48 8c 18, 2",
        "64, 0f b6 00, 1", "64, 48 0f bf 00, 2", "64, 8d 00, 0", "64, 0f 1f 00, 0", "64, 0f 01 38, 0"
    })
    void memoryOperandIsAsWideAsTheAccess(int mode, String hex, int size) {
        Instruction instruction = decode(hex, mode);
        assertThat(Arrays.stream(instruction.operands)
                        .filter(Instruction.Operand::isMemory)
                        .map(Instruction.Operand::size))
                .containsExactly(size);
        assertThat(instruction.hasMemory()).isTrue();
    }

    @ParameterizedTest
    @CsvSource({
        "64, 50, 8",
        "64, 66 50, 2",
        "64, 66 48 50, 8",
        "32, 50, 4",
        "64, c3, 8",
        "64, 66 c3, 2",
        "64, cb, 4",
        "64, 48 cb, 8",
        "64, c9, 8",
        "64, a4, 1",
        "64, a5, 4",
        "64, 48 a5, 8",
        "64, 9c, 8",
        "64, 0f 01 10, 8",
        "64, e2 00, 8",
        "64, 48 0f 07, 8",
        "64, 0f 07, 4"
    })
    void operandSizeFollowsModeAndPrefixes(int mode, String hex, int size) {
        assertThat(decode(hex, mode).operandSize).isEqualTo(size);
    }

    @Test
    void conditionIsTheLowNibbleOfTheOpcode() {
        assertThat(decode64("75 00").condition).isEqualTo(5);
        assertThat(decode64("0f 8f 00 00 00 00").condition).isEqualTo(15);
        assertThat(decode64("0f 9a c0").condition).isEqualTo(10);
        assertThat(decode64("48 0f 42 c0").condition).isEqualTo(2);
    }

    // ---- what does not exist --------------------------------------------------------------------------------------

    @ParameterizedTest
    @ValueSource(
            strings = {
                "06",
                "0e",
                "16",
                "1e",
                "27",
                "2f",
                "37",
                "3f",
                "60",
                "61",
                "62 00",
                "82 c0 01",
                "9a 00 00 00 00 00 00",
                "c4 00",
                "c5 00",
                "ce",
                "d4 0a",
                "d5 0a",
                "d6",
                "ea 00 00 00 00 00 00"
            })
    void legacyInstructionsExistOnlyOutside64BitMode(String hex) {
        assertThat(decode64(hex + "00 00 00 00").mnemonic).isEqualTo(Mnemonic.INVALID);
        assertThat(decode(hex, 32).mnemonic).isNotEqualTo(Mnemonic.INVALID);
    }

    @Test
    void vexAndEvexPrefixesAreLoadsOfPointersWithMemory() {
        assertThat(text("c4 03", 32)).isEqualTo("les eax,FWORD PTR [ebx]");
        assertThat(decode("c5 03", 32).mnemonic).isEqualTo(Mnemonic.LDS);
        assertThat(decode("62 03", 32).mnemonic).isEqualTo(Mnemonic.BOUND);
        for (int mode : new int[] {16, 32, 64}) {
            assertThat(decode("c4 e2 79 18 00", mode).mnemonic).isEqualTo(Mnemonic.VBROADCASTSS);
            assertThat(decode("c5 f8 77 00 00", mode).mnemonic).isEqualTo(Mnemonic.VZEROUPPER);
            assertThat(decode("62 f1 7c 48 58 00", mode).mnemonic).isEqualTo(Mnemonic.INVALID);
        }
    }

    @Test
    void prefixesBeforeVexAndUnusedRegistersInItAreUndefined() {
        assertThat(text("c5 f4 58 c2", 64)).isEqualTo("vaddps ymm0,ymm1,ymm2");
        for (String prefix : new String[] {"66", "f2", "f3", "f0", "40", "48"}) {
            assertThat(decode(prefix + " c5 f4 58 c2", 64).mnemonic).as(prefix).isEqualTo(Mnemonic.INVALID);
        }
        assertThat(text("64 67 c5 f4 58 00", 64)).isEqualTo("vaddps ymm0,ymm1,YMMWORD PTR fs:[eax]");
        assertThat(text("c5 fc 28 c2", 64)).isEqualTo("vmovaps ymm0,ymm2");
        assertThat(decode("c5 f4 28 c2", 64).mnemonic).as("vvvv is not used").isEqualTo(Mnemonic.INVALID);
        assertThat(decode("c5 f5 6e c2", 64).mnemonic).as("VEX.L must be 0").isEqualTo(Mnemonic.INVALID);
        assertThat(decode("c4 e4 7c 28 c2", 64).mnemonic).as("map 4").isEqualTo(Mnemonic.INVALID);
    }

    @Test
    void widerGeneralRegistersNeed64BitMode() {
        assertThat(text("c4 e1 f9 6e c0", 64)).isEqualTo("vmovq xmm0,rax");
        assertThat(text("c4 e1 f9 6e c0", 32)).isEqualTo("vmovd xmm0,eax");
        assertThat(text("c4 e2 f0 f2 c2", 64)).isEqualTo("andn rax,rcx,rdx");
        assertThat(text("c4 e2 f0 f2 c2", 32)).isEqualTo("andn eax,ecx,edx");
    }

    @Test
    void aGatherNeedsThreeRegistersAndAVectorIndex() {
        assertThat(text("c4 e2 6d 92 04 88", 64)).isEqualTo("vgatherdps ymm0,DWORD PTR [rax+ymm1*4],ymm2");
        assertThat(text("c4 e2 ed 92 04 a0", 64)).isEqualTo("vgatherdpd ymm0,QWORD PTR [rax+xmm4*4],ymm2");
        for (String hex :
                new String[] {"c4 e2 6d 92 0c 88", "c4 e2 6d 92 14 88", "c4 e2 75 92 04 88", "c4 e2 6d 92 00"}) {
            assertThat(decode(hex, 64).mnemonic).as(hex).isEqualTo(Mnemonic.INVALID);
        }
        assertThat(decode("67 c4 e2 6d 92 04 88", 32).mnemonic)
                .as("16-bit addresses")
                .isEqualTo(Mnemonic.INVALID);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "0f 01 c8",
                "0f 01 d8",
                "0f c7 20",
                "0f c7 28",
                "f3 0f ae c0",
                "0f c7 f0",
                "0f c7 f8",
                "66 0f 38 dc c1",
                "0f 38 c8 c1",
                "66 0f 3a 44 c1 00",
                "66 0f 38 f6 c1",
                "0f 0f c1 9e",
                "0f 0e",
                "0f 78 c0",
                "0f aa",
                "66 0f ae 38",
                "f3 0f c7 f8",
                "0f 24 c0"
            })
    void featuresThatAreNotOfferedAreUndefined(String hex) {
        assertThat(decode64(hex).mnemonic).isEqualTo(Mnemonic.INVALID);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "0f 20 c8",
                "0f 20 e8",
                "44 0f 20 c8",
                "44 0f 21 c0",
                "8e c8",
                "8e f0",
                "8c f0",
                "ff f8",
                "fe d0",
                "8f c8",
                "0f c7 c8",
                "f3 0f 28 c1",
                "0f 01 e8",
                "8d c0",
                "0f 0d c0"
            })
    void encodingsWithoutMeaningAreUndefined(String hex) {
        assertThat(decode64(hex).mnemonic).isEqualTo(Mnemonic.INVALID);
    }

    // ---- boundaries -----------------------------------------------------------------------------------------------

    @ParameterizedTest
    @ValueSource(
            strings = {
                "90",
                "48 b8 88 77 66 55 44 33 22 11",
                "66 65 48 81 84 8b 11 22 33 44 55 66 77 88",
                "f3 0f 6f 44 24 10",
                "66 0f 3a 0f 44 8b 10 05",
                "0f 38 f0 03",
                "c8 10 00 01",
                "48 a1 88 77 66 55 44 33 22 11",
                "c4 e3 6d 4a 44 88 10 05",
                "c5 f8 77",
                "e8 00 00 00 00",
                "f0 48 0f c7 0b",
                "d9 05 00 00 00 00"
            })
    void everyProperPrefixOfAnInstructionIsIncomplete(String hex) {
        byte[] bytes = bytes(hex);
        int complete = bytes.length;
        for (int available = 0; available < complete; available++) {
            assertThat(Decoder.decode(bytes, 0, available, 64))
                    .as("%d bytes of %s", available, hex)
                    .isNull();
        }
        Instruction whole = Decoder.decode(bytes, 0, bytes.length, 64);
        assertThat(whole).isNotNull();
        assertThat(Objects.requireNonNull(whole).length).isEqualTo(complete);
    }

    @Test
    void bytesBeyondTheAvailableOnesAreNotRead() {
        byte[] bytes = bytes("90 48 b8 88 77 66 55 44 33 22 11");
        assertThat(Decoder.decode(bytes, 1, 9, 64)).isNull();
        Instruction inside = Decoder.decode(bytes, 1, 10, 64);
        assertThat(Objects.requireNonNull(inside).length).isEqualTo(10);
    }

    @Test
    void fifteenBytesAreAnInstruction() {
        assertThat(text("66 ".repeat(14) + "90", 64)).isEqualTo("nop");
        assertThat(text("2e ".repeat(5) + "81 05 00 00 00 00 34 12 00 00", 32))
                .isEqualTo("add DWORD PTR cs:0x0,0x1234");
    }

    @Test
    void moreThanFifteenBytesAreTooLong() {
        for (String hex : new String[] {
            "66 ".repeat(15) + "90",
            "66 ".repeat(14) + "89 d8",
            "2e ".repeat(9) + "48 c7 05 00 00 00 00 01 00 00 00",
            "f3 ".repeat(20)
        }) {
            Instruction instruction = decode64(hex);
            assertThat(instruction.mnemonic).as(hex).isEqualTo(Mnemonic.TOO_LONG);
            assertThat(instruction.length).isEqualTo(Decoder.MAX_LENGTH);
            assertThat(instruction.operands).isEmpty();
        }
        assertThat(tryDecode("66 ".repeat(14), 64)).isNull();
        assertThat(decode64("66 ".repeat(15)).mnemonic).isEqualTo(Mnemonic.TOO_LONG);
    }

    @ParameterizedTest
    @ValueSource(ints = {16, 32, 64})
    void anyBytesDecodeToSomethingOfAtMostFifteenBytes(int mode) {
        long seed = 0x5EEDL + mode;
        var random = new Random(seed);
        byte[] bytes = new byte[64];
        for (int i = 0; i < 300_000; i++) {
            random.nextBytes(bytes);
            int start = random.nextInt(48);
            int available = random.nextInt(17);
            Instruction instruction = Decoder.decode(bytes, start, available, mode);
            if (!isSound(instruction, bytes, start, available, mode)) {
                String hex = HexFormat.of().formatHex(bytes, start, start + available);
                throw new AssertionError(hex + " in mode " + mode + ", seed " + seed + " step " + i);
            }
        }
    }

    /** The result is complete, within bounds, printable, and the same when there are no more bytes than it is long. */
    private static boolean isSound(
            @Nullable Instruction instruction, byte[] bytes, int start, int available, int mode) {
        if (instruction == null) {
            return available < Decoder.MAX_LENGTH;
        }
        if (instruction.length < 1
                || instruction.length > Math.min(available, Decoder.MAX_LENGTH)
                || Formatter.format(instruction, ADDRESS).isEmpty()) {
            return false;
        }
        Instruction again = Decoder.decode(bytes, start, instruction.length, mode);
        return again != null && again.mnemonic == instruction.mnemonic && again.length == instruction.length;
    }
}
