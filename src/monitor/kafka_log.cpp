// Throttles librdkafka's log messages. While librdkafka cannot reach a broker, it logs a message every
// second. With all these messages the server's log would be too long to read. The ingest worker calls it.
#include "server/server.h"

#include "monitor/kafka_log.h"
#include "monitor/source_slot.h"
#include "server/text.h"

#include <cctype>
#include <cstring>

namespace heartbeat {

namespace {

constexpr int level_warning = 4; // syslog's numbers: a lower number is more severe
constexpr int kinds_kept = 16;
constexpr size_t kind_size = 40;
constexpr TimestampTz fold_for = 60 * USECS_PER_SEC;
// The maximal number of lines in this time for all kinds together. It is needed because a hundred brokers can
// cause messages of a hundred kinds.
constexpr int lines_max = 20;

struct Kind {
    char text[kind_size]; // the beginning of the message, without its digits
    TimestampTz logged_at;
    int folded;
};
Kind kinds[kinds_kept];

struct Window {
    TimestampTz began_at;
    int lines;
    int left_out;
};
Window window;

void make_kind(const char *note, char *text) {
    char without_digits[sizeof(ConsumerNote::text)];
    size_t size = 0;
    for (; *note != '\0' && size < sizeof(without_digits) - 1; note++)
        if (isdigit(static_cast<unsigned char>(*note)) == 0)
            without_digits[size++] = *note;
    without_digits[size] = '\0';
    text_copy(text, kind_size, without_digits);
}

// Returns the kind of this message. If the array `kinds` does not have this kind yet, the new kind replaces
// the kind that was logged longest ago.
Kind *find_kind(const char *text) {
    Kind *oldest = &kinds[0];
    for (Kind &kind : kinds) {
        if (strcmp(kind.text, text) == 0)
            return &kind;
        if (kind.logged_at < oldest->logged_at)
            oldest = &kind;
    }
    *oldest = {};
    text_copy(oldest->text, text);
    return oldest;
}

bool has_room(TimestampTz now) {
    if (now >= window.began_at + fold_for) {
        if (window.left_out > 0)
            ereport(LOG, (errcode(ERRCODE_SUCCESSFUL_COMPLETION),
                          errmsg("heartbeat: librdkafka: %d more messages of other kinds", window.left_out),
                          errhidecontext(true)));
        window = {now, 0, 0};
    }
    if (window.lines == lines_max) {
        window.left_out++;
        return false;
    }
    window.lines++;
    return true;
}

// `label` names the source.
void log_note(const char *label, const char *note) {
    char text[kind_size];
    make_kind(note, text);
    Kind *kind = find_kind(text);
    TimestampTz now = GetCurrentTimestamp();
    if (kind->logged_at != 0 && now < kind->logged_at + fold_for) {
        kind->folded++;
        return;
    }
    if (!has_room(now))
        return;
    if (kind->folded > 0)
        ereport(LOG,
                (errcode(ERRCODE_SUCCESSFUL_COMPLETION),
                 errmsg("heartbeat: %slibrdkafka: %s (%d more similar messages)", label, note, kind->folded),
                 errhidecontext(true)));
    else
        ereport(LOG, (errcode(ERRCODE_SUCCESSFUL_COMPLETION),
                      errmsg("heartbeat: %slibrdkafka: %s", label, note), errhidecontext(true)));
    kind->logged_at = now;
    kind->folded = 0;
}

} // namespace

void kafka_log_take(Consumer *consumer, SourceSlot *slot) {
    char label[source_label_size];
    source_slot_label(slot->name, label);
    ConsumerNote note;
    while (consumer_next_note(consumer, &note)) {
        if (note.level > level_warning) {
            elog(DEBUG1, "heartbeat: %slibrdkafka: %s", label, text_from_utf8(note.text));
            continue;
        }
        char *text = text_from_utf8(note.text);
        log_note(label, text);
        source_slot_error(slot, text);
        pfree(text);
    }
}

void kafka_log_tell_folded() {
    for (Kind &kind : kinds) {
        if (kind.folded > 0)
            ereport(LOG, (errcode(ERRCODE_SUCCESSFUL_COMPLETION),
                          errmsg("heartbeat: librdkafka: %d more messages similar to \"%s...\"", kind.folded,
                                 kind.text),
                          errhidecontext(true)));
        kind.folded = 0;
    }
}

} // namespace heartbeat
