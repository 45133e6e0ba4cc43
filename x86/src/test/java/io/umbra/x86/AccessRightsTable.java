package io.umbra.x86;

import java.util.ArrayList;
import java.util.List;

/**
 * "Determination of Access Rights" of the Intel SDM, vol. 3A, as a truth table: an access is permitted if a row fits, else refused. It is
 * data, so that it can be read beside the manual and shares nothing with the walker.
 */
final class AccessRightsTable {

    /** Columns as in the head line: s supervisor, i implicit supervisor, u user; r read, w write, x fetch; 1 set, 0 clear, - either. */
    private static final String ROWS = """
            who what US RW NX WP SMEP SMAP AC
            s   r    0  -  -  -  -    -    -
            s   r    1  -  -  -  -    0    -
            s   r    1  -  -  -  -    1    1
            s   w    0  -  -  0  -    -    -
            s   w    0  1  -  1  -    -    -
            s   w    1  -  -  0  -    0    -
            s   w    1  -  -  0  -    1    1
            s   w    1  1  -  1  -    0    -
            s   w    1  1  -  1  -    1    1
            s   x    0  -  0  -  -    -    -
            s   x    1  -  0  -  0    -    -
            i   r    0  -  -  -  -    -    -
            i   r    1  -  -  -  -    0    -
            i   w    0  -  -  0  -    -    -
            i   w    0  1  -  1  -    -    -
            i   w    1  -  -  0  -    0    -
            i   w    1  1  -  1  -    0    -
            u   r    1  -  -  -  -    -    -
            u   w    1  1  -  -  -    -    -
            u   x    1  -  0  -  -    -    -
            """;

    private static final List<String> PERMITTED =
            ROWS.lines().skip(1).map(row -> row.replace(" ", "")).toList();

    static boolean permits(
            int access,
            boolean user,
            boolean writable,
            boolean noExecute,
            boolean wp,
            boolean smep,
            boolean smap,
            boolean ac) {
        char who = (access & PageFaultCode.USER) != 0 ? 'u' : (access & PageFaultCode.IMPLICIT) != 0 ? 'i' : 's';
        char what = (access & PageFaultCode.WRITE) != 0 ? 'w' : (access & PageFaultCode.FETCH) != 0 ? 'x' : 'r';
        char[] question = {who, what, bit(user), bit(writable), bit(noExecute), bit(wp), bit(smep), bit(smap), bit(ac)};
        for (String row : PERMITTED) {
            if (fits(row, question)) {
                return true;
            }
        }
        return false;
    }

    private static char bit(boolean set) {
        return set ? '1' : '0';
    }

    private static boolean fits(String row, char[] question) {
        for (int column = 0; column < question.length; column++) {
            if (row.charAt(column) != '-' && row.charAt(column) != question[column]) {
                return false;
            }
        }
        return true;
    }

    /** No question is answered by two rows: a row too many, or one cell too wide, would hide a mistake. */
    static void checkRowsAreDisjoint() {
        List<String> clashes = new ArrayList<>();
        for (int i = 0; i < PERMITTED.size(); i++) {
            for (int j = 0; j < i; j++) {
                if (overlap(PERMITTED.get(i), PERMITTED.get(j))) {
                    clashes.add(PERMITTED.get(i) + " and " + PERMITTED.get(j));
                }
            }
        }
        if (!clashes.isEmpty()) {
            throw new AssertionError("rows that overlap: " + clashes);
        }
    }

    private static boolean overlap(String a, String b) {
        for (int column = 0; column < a.length(); column++) {
            char x = a.charAt(column);
            char y = b.charAt(column);
            if (x != '-' && y != '-' && x != y) {
                return false;
            }
        }
        return true;
    }

    private AccessRightsTable() {}
}
