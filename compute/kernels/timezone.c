/*
 * The TZif reader: header, the 64-bit block of transitions, and the footer's POSIX rule for times
 * after the last transition. Every length is checked; a name may not leave the zone folder.
 */
#include "compute/kernels/timezone.h"

#include "base/file.h"
#include "columns/value.h"
#include <stdio.h>

#define ZONE_FOLDER     "/usr/share/zoneinfo/"
#define MAXIMUM_CHANGES 5000u
#define SECONDS         1000000LL

struct rule_date { /* Mm.w.d/time of a POSIX rule */
    int month, week, day;
    int32_t time;
};
struct timezone_rules {
    char name[64];
    uint32_t count;
    int64_t *times;   /* seconds UTC, ascending */
    int32_t *offsets; /* from times[i] on */
    bool *daylight;
    int32_t first; /* before the first transition */
    bool has_rule;
    bool rule_daylight;
    int32_t standard, summer;
    struct rule_date start, end;
};

static enum leat_status unknown_zone(struct leat_text name, struct leat_error *err)
{
    enum leat_status status =
        leat_error_set(err, LEAT_E_BAD_ARGUMENT, "time zone \"%.*s\" not recognized",
                       (int)(name.length < 60 ? name.length : 60), name.data);
    leat_error_hint(err, "Use a name such as 'Europe/Berlin', or an offset such as '+02:00'.");
    return status;
}

void timezone_free(struct timezone_rules *zone)
{
    if (!zone)
        return;
    leat_free(zone->times);
    leat_free(zone->offsets);
    leat_free(zone->daylight);
    leat_free(zone);
}

bool timezone_is(const struct timezone_rules *zone, struct leat_text name)
{
    return leat_text_equal(leat_text_of(zone->name), name);
}

static int64_t big_endian(const uint8_t *bytes, unsigned size)
{
    uint64_t value = bytes[0] & 0x80 ? UINT64_MAX : 0;
    for (unsigned i = 0; i < size; i++)
        value = value << 8 | bytes[i];
    return (int64_t)value;
}

/* --- POSIX rules: std offset [dst [offset] , start , end] --- */

static bool skip_name(const char **at, const char *end)
{
    const char *start = *at;
    if (*at < end && **at == '<') {
        while (*at < end && **at != '>')
            ++*at;
        return *at < end && ++*at;
    }
    while (*at < end && ((**at >= 'a' && **at <= 'z') || (**at >= 'A' && **at <= 'Z')))
        ++*at;
    return *at > start;
}

static bool number(const char **at, const char *end, int32_t *out)
{
    const char *start = *at;
    *out = 0;
    while (*at < end && **at >= '0' && **at <= '9' && *out < 10000)
        *out = *out * 10 + (*(*at)++ - '0');
    return *at > start;
}

/* [+-]hh[:mm[:ss]] in seconds */
static bool offset(const char **at, const char *end, int32_t *out)
{
    int32_t sign = 1, hours, minutes = 0, seconds = 0;
    if (*at < end && (**at == '-' || **at == '+'))
        sign = *(*at)++ == '-' ? -1 : 1;
    if (!number(at, end, &hours) || hours > 167)
        return false;
    if (*at < end && **at == ':') {
        ++*at;
        if (!number(at, end, &minutes) || minutes > 59)
            return false;
        if (*at < end && **at == ':') {
            ++*at;
            if (!number(at, end, &seconds) || seconds > 59)
                return false;
        }
    }
    *out = sign * (hours * 3600 + minutes * 60 + seconds);
    return true;
}

static bool rule_date(const char **at, const char *end, struct rule_date *out)
{
    int32_t month, week, day;
    if (end - *at < 2 || (*at)[0] != ',' || (*at)[1] != 'M')
        return false;
    *at += 2;
    if (!number(at, end, &month) || *at >= end || *(*at)++ != '.' || !number(at, end, &week) ||
        *at >= end || *(*at)++ != '.' || !number(at, end, &day))
        return false;
    if (month < 1 || month > 12 || week < 1 || week > 5 || day > 6)
        return false;
    *out = (struct rule_date){month, week, day, 7200};
    if (*at < end && **at == '/') {
        ++*at;
        return offset(at, end, &out->time);
    }
    return true;
}

static bool parse_rule(struct timezone_rules *zone, const char *at, const char *end)
{
    if (!skip_name(&at, end) || !offset(&at, end, &zone->standard))
        return false;
    zone->standard = -zone->standard;
    zone->has_rule = true;
    if (at == end)
        return true;
    zone->summer = zone->standard + 3600;
    if (!skip_name(&at, end))
        return false;
    if (at < end && *at != ',') {
        if (!offset(&at, end, &zone->summer))
            return false;
        zone->summer = -zone->summer;
    }
    zone->rule_daylight = rule_date(&at, end, &zone->start) && rule_date(&at, end, &zone->end);
    return zone->rule_daylight;
}

/* --- the file --- */

static enum leat_status damaged(const char *path, struct leat_error *err)
{
    return leat_error_set(err, LEAT_E_BAD_ARGUMENT, "time zone file %s is damaged", path);
}

/* Bytes of a block's data for a header's counts; `wide` is 4 or 8. */
static uint64_t block_size(const uint8_t *header, unsigned wide)
{
    uint64_t isut = (uint32_t)big_endian(header + 20, 4);
    uint64_t isstd = (uint32_t)big_endian(header + 24, 4);
    uint64_t leap = (uint32_t)big_endian(header + 28, 4);
    uint64_t times = (uint32_t)big_endian(header + 32, 4);
    uint64_t types = (uint32_t)big_endian(header + 36, 4);
    uint64_t chars = (uint32_t)big_endian(header + 40, 4);
    return times * wide + times + types * 6 + chars + leap * (wide + 4) + isstd + isut;
}

static enum leat_status parse_block(struct timezone_rules *zone, const uint8_t *header,
                                    const uint8_t *data, const char *path, struct leat_error *err)
{
    uint32_t count = (uint32_t)big_endian(header + 32, 4);
    uint32_t types = (uint32_t)big_endian(header + 36, 4);
    const uint8_t *indices = data + (size_t)count * 8, *infos = indices + count;

    if (types == 0 || count > MAXIMUM_CHANGES)
        return damaged(path, err);
    zone->times = leat_calloc(count + 1, sizeof(int64_t));
    zone->offsets = leat_calloc(count + 1, sizeof(int32_t));
    zone->daylight = leat_calloc(count + 1, sizeof(bool));
    if (!zone->times || !zone->offsets || !zone->daylight)
        return leat_error_memory(err);
    zone->count = count;
    zone->first = (int32_t)big_endian(infos, 4);
    for (uint32_t i = 0; i < count; i++) {
        if (indices[i] >= types)
            return damaged(path, err);
        zone->times[i] = big_endian(data + (size_t)i * 8, 8);
        zone->offsets[i] = (int32_t)big_endian(infos + (size_t)indices[i] * 6, 4);
        zone->daylight[i] = infos[(size_t)indices[i] * 6 + 4] != 0;
        if (i && zone->times[i] < zone->times[i - 1])
            return damaged(path, err);
    }
    return LEAT_OK;
}

static enum leat_status parse_file(struct timezone_rules *zone, const struct leat_buffer *file,
                                   const char *path, struct leat_error *err)
{
    const uint8_t *bytes = file->data;
    uint64_t second, end;

    if (file->length < 44 || memcmp(bytes, "TZif", 4) != 0 || bytes[4] < '2')
        return damaged(path, err);
    second = 44 + block_size(bytes, 4);
    if (second + 44 > file->length || memcmp(bytes + second, "TZif", 4) != 0)
        return damaged(path, err);
    end = second + 44 + block_size(bytes + second, 8);
    if (end > file->length)
        return damaged(path, err);
    LEAT_TRY(parse_block(zone, bytes + second, bytes + second + 44, path, err));
    const char *rule = (const char *)bytes + end, *stop = (const char *)bytes + file->length;
    if (stop - rule > 2 && *rule == '\n') {
        const char *line_end = memchr(rule + 1, '\n', (size_t)(stop - rule - 1));
        if (line_end && line_end > rule + 1 && !parse_rule(zone, rule + 1, line_end))
            zone->has_rule = false;
    }
    return LEAT_OK;
}

static bool fixed_offset(struct timezone_rules *zone, struct leat_text name)
{
    const char *at = name.data, *end = name.data + name.length;
    if (leat_text_equal_nocase(name, leat_text_of("UTC")) ||
        leat_text_equal_nocase(name, leat_text_of("GMT")) ||
        leat_text_equal_nocase(name, leat_text_of("Z")))
        return true;
    if (name.length < 2 || (*at != '+' && *at != '-'))
        return false;
    return offset(&at, end, &zone->first) && at == end;
}

enum leat_status timezone_open(struct leat_text name, struct timezone_rules **out,
                               struct leat_error *err)
{
    struct timezone_rules *zone;
    struct leat_buffer file;
    char path[sizeof(ZONE_FOLDER) + 64];
    enum leat_status status = LEAT_OK;

    *out = NULL;
    if (name.length == 0 || name.length >= sizeof(zone->name))
        return unknown_zone(name, err);
    zone = leat_calloc(1, sizeof(*zone));
    if (!zone)
        return leat_error_memory(err);
    memcpy(zone->name, name.data, name.length);
    if (fixed_offset(zone, name)) {
        *out = zone;
        return LEAT_OK;
    }
    leat_buffer_init(&file, 1u << 20);
    for (size_t k = 0; k < name.length && !status; k++) {
        char c = name.data[k];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                     c == '/' || c == '_' || c == '-' || c == '+';
        if (!plain || (k == 0 && c == '/'))
            status = unknown_zone(name, err);
    }
    snprintf(path, sizeof(path), ZONE_FOLDER "%s", zone->name);
    if (!status) {
        status = leat_file_read_all(path, &file, err);
        if (status && status != LEAT_NO_MEMORY)
            status = unknown_zone(name, err);
    }
    if (!status)
        status = parse_file(zone, &file, path, err);
    leat_buffer_release(&file);
    if (status) {
        timezone_free(zone);
        return status;
    }
    *out = zone;
    return LEAT_OK;
}

/* --- conversion --- */

/* Local seconds since 1970 of a rule's date in a year, in the offset then valid. */
static int64_t rule_time(const struct rule_date *rule, int64_t year)
{
    int32_t first = leat_days_from_civil(year, (unsigned)rule->month, 1);
    int64_t weekday = ((int64_t)first + 4) % 7;
    if (weekday < 0)
        weekday += 7;
    int64_t day = (rule->day - weekday + 7) % 7 + (int64_t)(rule->week - 1) * 7;
    int64_t next = rule->month == 12 ? leat_days_from_civil(year + 1, 1, 1)
                                     : leat_days_from_civil(year, (unsigned)rule->month + 1, 1);
    while (first + day >= next)
        day -= 7;
    return (first + day) * 86400 + rule->time;
}

static int32_t offset_at(const struct timezone_rules *zone, int64_t seconds)
{
    uint32_t low = 0, high = zone->count;
    if (zone->count == 0 && !zone->has_rule)
        return zone->first;
    if (zone->has_rule && (zone->count == 0 || seconds >= zone->times[zone->count - 1])) {
        int64_t year;
        unsigned month, day;
        if (!zone->rule_daylight)
            return zone->standard;
        int64_t local = seconds + zone->standard;
        leat_civil_from_days((int32_t)(local / 86400 - (local % 86400 < 0)), &year, &month, &day);
        int64_t start = rule_time(&zone->start, year) - zone->standard;
        int64_t end = rule_time(&zone->end, year) - zone->summer;
        bool summer =
            start < end ? seconds >= start && seconds < end : seconds >= start || seconds < end;
        return summer ? zone->summer : zone->standard;
    }
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (zone->times[middle] <= seconds)
            low = middle + 1;
        else
            high = middle;
    }
    return low ? zone->offsets[low - 1] : zone->first;
}

static int64_t floor_seconds(int64_t micros)
{
    return micros / SECONDS - (micros % SECONDS < 0);
}

int64_t timezone_to_local(const struct timezone_rules *zone, int64_t utc)
{
    return utc + offset_at(zone, floor_seconds(utc)) * SECONDS;
}

int64_t timezone_to_utc(const struct timezone_rules *zone, int64_t local)
{
    int64_t seconds = floor_seconds(local);
    /* the offsets a day before and after enclose any change near this local time */
    int32_t before = offset_at(zone, seconds - 86400 - zone->first);
    int32_t after = offset_at(zone, seconds + 86400 - zone->first);
    if (before == after)
        return local - before * SECONDS;
    bool before_fits = offset_at(zone, seconds - before) == before;
    bool after_fits = offset_at(zone, seconds - after) == after;
    int32_t chosen = before;
    if (before_fits && after_fits) /* the hour is repeated: standard time */
        chosen = before < after ? before : after;
    else if (after_fits)
        chosen = after;
    else if (!before_fits) /* the hour is skipped: the offset before the change */
        chosen = before;
    return local - chosen * SECONDS;
}
