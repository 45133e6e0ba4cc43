package io.umbra.vmm.device;

import java.time.LocalDate;
import java.time.LocalDateTime;
import java.time.temporal.ChronoUnit;

/**
 * The time and alarm bytes of an MC146818, in the format that its register B selects, with the PC AT's century byte.
 * Values out of range, which the data sheet leaves open, carry into the next field at the next update.
 */
final class RtcTime {
    private static final int SECONDS = 0;
    private static final int SECONDS_ALARM = 1;
    private static final int MINUTES = 2;
    private static final int MINUTES_ALARM = 3;
    private static final int HOURS = 4;
    private static final int HOURS_ALARM = 5;
    private static final int DAY_OF_WEEK = 6;
    private static final int DAY_OF_MONTH = 7;
    private static final int MONTH = 8;
    private static final int YEAR = 9;
    private static final int REGISTER_B = 0x0b;
    private static final int CENTURY = 0x32;
    private static final int AFTERNOON = 0x80;

    private final byte[] memory;

    RtcTime(byte[] memory) {
        this.memory = memory;
    }

    /** Stores a date and time, and its day of the week (Sunday is 1). */
    void set(LocalDateTime time) {
        store(DAY_OF_WEEK, time.getDayOfWeek().getValue() % 7 + 1);
        storeAllButDayOfWeek(time);
    }

    /** Adds {@code seconds}; the day of the week, which is a counter of its own, moves with the days. */
    void add(long seconds) {
        int second = load(SECONDS);
        if (seconds == 1 && second < 59) {
            store(SECONDS, second + 1);
            return;
        }
        LocalDateTime before = LocalDate.of(load(CENTURY) * 100 + load(YEAR), 1, 1)
                .plusMonths(load(MONTH) - 1)
                .plusDays(load(DAY_OF_MONTH) - 1)
                .atStartOfDay()
                .plusHours(loadHours())
                .plusMinutes(load(MINUTES))
                .plusSeconds(second);
        LocalDateTime after = before.plusSeconds(seconds);
        long days = ChronoUnit.DAYS.between(before.toLocalDate(), after.toLocalDate());
        if (days != 0) {
            store(DAY_OF_WEEK, (int) Math.floorMod(load(DAY_OF_WEEK) - 1 + days, 7L) + 1);
        }
        storeAllButDayOfWeek(after);
    }

    /** Whether the three alarm bytes match the time; one with both upper bits set matches anything. */
    boolean isAlarm() {
        return matches(SECONDS_ALARM, SECONDS) && matches(MINUTES_ALARM, MINUTES) && matches(HOURS_ALARM, HOURS);
    }

    private boolean matches(int alarm, int field) {
        return (memory[alarm] & 0xc0) == 0xc0 || memory[alarm] == memory[field];
    }

    private void storeAllButDayOfWeek(LocalDateTime time) {
        store(SECONDS, time.getSecond());
        store(MINUTES, time.getMinute());
        storeHours(time.getHour());
        store(DAY_OF_MONTH, time.getDayOfMonth());
        store(MONTH, time.getMonthValue());
        store(YEAR, time.getYear() % 100);
        store(CENTURY, time.getYear() / 100 % 100);
    }

    private int loadHours() {
        if (is24Hours()) {
            return load(HOURS);
        }
        int hour = decode(memory[HOURS] & 0x7f) % 12;
        return (memory[HOURS] & AFTERNOON) != 0 ? hour + 12 : hour;
    }

    private void storeHours(int hour) {
        if (is24Hours()) {
            store(HOURS, hour);
            return;
        }
        store(HOURS, hour % 12 == 0 ? 12 : hour % 12);
        if (hour >= 12) {
            memory[HOURS] |= (byte) AFTERNOON;
        }
    }

    private int load(int field) {
        return decode(memory[field] & 0xff);
    }

    private int decode(int value) {
        return isBinary() ? value : (value >> 4) * 10 + (value & 15);
    }

    private void store(int field, int value) {
        memory[field] = (byte) (isBinary() ? value : value / 10 << 4 | value % 10);
    }

    private boolean isBinary() {
        return (memory[REGISTER_B] & 0x04) != 0;
    }

    private boolean is24Hours() {
        return (memory[REGISTER_B] & 0x02) != 0;
    }
}
