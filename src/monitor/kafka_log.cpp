// Throttles librdkafka's log messages. librdkafka logs a message every second while it cannot reach a broker.
// With all these messages, the server's log would be too long to read. The ingest worker calls these
// functions.
#include "server/server.h"

#include "monitor/kafka_log.h"
#include "monitor/source_slot.h"
#include "server/text.h"

#include <cctype>
#include <cstring>

namespace heartbeat {

namespace {

constexpr int level_warning = 4; // a severity of syslog: a lower number is more severe
constexpr int kinds_kept = 256;  // the number of kinds of messages that `kinds` can hold, for all sources
constexpr int windows_kept = 256;
constexpr size_t kind_size = 40;
constexpr TimestampTz fold_for = 60 * USECS_PER_SEC;
// In each period of `fold_for`, one source logs at most lines_max lines, and all sources together log at most
// lines_max_of_all lines. lines_max is necessary because a hundred brokers can cause messages of a hundred
// kinds. lines_max_of_all is necessary because a hundred sources can have the same trouble. Neither limit
// applies to the first line of a source in a period.
constexpr int lines_max = 20;
constexpr int lines_max_of_all = 100;

// A kind of messages. Two messages of one source have the same kind if their beginnings differ only in
// digits.
struct Kind {
    MonotonicTime logged_at;
    int32_t source_id;
    int folded;
    char text[kind_size]; // the beginning of the message, without its digits
};
Kind kinds[kinds_kept];

// The present period of a source, and the number of lines that the source has logged in this period.
struct Window {
    int32_t source_id;
    MonotonicTime began_at;
    int lines;
    int left_out;
};
Window windows[windows_kept];
Window window_of_all;

void make_kind(const char *note, char *text) {
    char without_digits[sizeof(ConsumerNote::text)];
    size_t size = 0;
    for (; *note != '\0' && size < sizeof(without_digits) - 1; note++)
        if (isdigit(static_cast<unsigned char>(*note)) == 0)
            without_digits[size++] = *note;
    without_digits[size] = '\0';
    text_copy(text, kind_size, without_digits);
}

// Returns the element of `kinds` for this message. A new kind replaces the kind with the oldest log line.
Kind *find_kind(int32_t source_id, const char *text) {
    Kind *oldest = &kinds[0];
    for (Kind &kind : kinds) {
        if (kind.source_id == source_id && strcmp(kind.text, text) == 0)
            return &kind;
        if (kind.logged_at < oldest->logged_at)
            oldest = &kind;
    }
    *oldest = {};
    oldest->source_id = source_id;
    text_copy(oldest->text, text);
    return oldest;
}

// Returns the window of this source. If the source has no window yet, its new window replaces the oldest
// window.
Window *find_window(int32_t source_id) {
    Window *oldest = &windows[0];
    for (Window &window : windows) {
        if (window.began_at != 0 && window.source_id == source_id)
            return &window;
        if (window.began_at < oldest->began_at)
            oldest = &window;
    }
    *oldest = {source_id, 0, 0, 0};
    return oldest;
}

// If the period of the window is over, begins a new period. First logs how many messages the limits have kept
// out of the log in the old period. `label` contains the name of the source.
void begin_again(Window *window, const char *label, MonotonicTime now) {
    if (now < window->began_at + fold_for)
        return;
    if (window->left_out > 0)
        ereport(LOG, (errcode(ERRCODE_SUCCESSFUL_COMPLETION),
                      errmsg("heartbeat: %slibrdkafka: %d more messages of other kinds were not logged",
                             label, window->left_out),
                      errhidecontext(true)));
    *window = {window->source_id, now, 0, 0};
}

bool has_room(int32_t source_id, const char *label, MonotonicTime now) {
    Window *window = find_window(source_id);
    begin_again(window, label, now);
    if (now >= window_of_all.began_at + fold_for)
        window_of_all = {0, now, 0, 0};
    bool full = window->lines == lines_max || window_of_all.lines >= lines_max_of_all;
    if (full && window->lines > 0) {
        window->left_out++;
        return false;
    }
    window->lines++;
    window_of_all.lines++;
    return true;
}

void log_note(const SourceSlot &source, const char *label, const char *note) {
    char text[kind_size];
    make_kind(note, text);
    Kind *kind = find_kind(source.source_id, text);
    MonotonicTime now = monotonic_now();
    if (kind->logged_at != 0 && now < kind->logged_at + fold_for) {
        kind->folded++;
        return;
    }
    if (!has_room(source.source_id, label, now))
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
        log_note(*slot, label, text);
        source_slot_error(slot, text);
        pfree(text);
    }
}

void kafka_log_tell_folded(const SourceSlot &source) {
    char label[source_label_size];
    source_slot_label(source.name, label);
    for (Kind &kind : kinds) {
        if (kind.source_id != source.source_id || kind.folded == 0)
            continue;
        ereport(LOG, (errcode(ERRCODE_SUCCESSFUL_COMPLETION),
                      errmsg("heartbeat: %slibrdkafka: %d more messages similar to \"%s...\"", label,
                             kind.folded, kind.text),
                      errhidecontext(true)));
        kind.folded = 0;
    }
}

} // namespace heartbeat
