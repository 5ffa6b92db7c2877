// Computes the sums of a batch's heart rates, one sum for each customer and minute. This file either inserts
// the sums of a minute into heartbeat_rollup_pending, or marks the minute with a row in
// heartbeat_stale_minutes. For each customer that this process does not know yet, this file inserts a row
// into heartbeat_rollup_pending in any case. store.cpp calls this file.
#include "server/server.h"

#include "server/arrays.h"
#include "server/clock.h"
#include "server/statement.h"
#include "store/arrivals.h"
#include "store/customers.h"
#include "store/rollup_append.h"
#include "store/tables.h"

namespace heartbeat {

namespace {

Statement insert_pending = {{TIMESTAMPTZARRAYOID, TEXTARRAYOID, FLOAT8ARRAYOID, INT8ARRAYOID}, R"sql(
    INSERT INTO @extschema@.heartbeat_rollup_pending (minute_bucket, customer_id, sum_bpm, reading_count)
    SELECT * FROM unnest($1, $2, $3, $4))sql"};

Statement insert_stale_minutes = {{TIMESTAMPTZARRAYOID}, R"sql(
    INSERT INTO @extschema@.heartbeat_stale_minutes (minute_bucket)
    SELECT * FROM unnest($1))sql"};

// $1 is an array of minutes. For each minute that the rollup does not have yet, returns the minute's position
// in the array, counted from 0. The ORDER BY in the subquery makes the planner use the table's primary key:
// without it, the planner sometimes searches the whole table for one row. keep_new_minutes() needs the
// positions in ascending order.
Statement select_new_minutes = {{TIMESTAMPTZARRAYOID}, R"sql(
    SELECT m.place::integer - 1
    FROM unnest($1) WITH ORDINALITY AS m (minute_bucket, place)
    WHERE (SELECT true FROM @extschema@.heartbeat_rollup r
        WHERE r.minute_bucket = m.minute_bucket
        ORDER BY r.customer_id LIMIT 1) IS NULL
    ORDER BY m.place)sql"};

// A batch has few sums if it has fewer than small_batch sums, or on average at least readings_per_sum_min
// readings for each sum. This file inserts all sums of such a batch into heartbeat_rollup_pending. For any
// other batch, this file may mark minutes. For a marked minute, this file inserts one row, the mark, and no
// sums of normal readings.
constexpr size_t readings_per_sum_min = 8;
constexpr size_t small_batch = 256;

// This file marks a minute only if the batch has at least this number of readings of the minute. For each
// marked minute, the maintenance worker must read all readings of the minute. Without the limit, a batch with
// few readings of each of many minutes would cause too much work.
constexpr int64_t marked_readings_min = 256;

struct Sum {
    BatchBytes customer_id;
    int64_t minute;
    double bpm;
    int64_t readings;
};

struct Sums {
    Sum *rows;
    size_t count;
};

uint32_t appended = 0;

bool is_customer(const Batch *batch, BatchBytes left, BatchBytes right) {
    if (left.size != right.size)
        return false;
    return left.position == right.position ||
           memcmp(batch->at(left), batch->at(right), static_cast<size_t>(left.size)) == 0;
}

// The minutes that a batch will mark. If `marked` is nullptr, no minute will be marked.
struct Marks {
    const Batch *batch;
    bool *marked;
    size_t *places;
    size_t count;

    size_t place(int64_t minute) const {
        const auto &minutes = batch->minutes;
        return static_cast<size_t>(std::lower_bound(minutes.begin(), minutes.end(), minute) -
                                   minutes.begin());
    }
    bool has(int64_t minute) const { return marked != nullptr && marked[place(minute)]; }
};

// Adds the rows to the sums. The rows are in the order of customer and time, so the rows of one sum follow
// each other. For an anomaly, or a reading in a marked minute, the function does not add the heart rate. It
// only adds a sum with 0 readings, which names the customer, if the customer has no sum from this call yet.
void add_sums(Sums *sums, const Rows &rows, const Marks &marks) {
    size_t first = sums->count;
    for (size_t i = 0; i < rows.count; i++) {
        const BatchReading &reading = rows.at(i);
        if (!rows.stored[i])
            continue;
        int64_t minute = minute_of(reading.event_time);
        bool valued = !rows.anomalies && !marks.has(minute);
        Sum *last = sums->count > first ? &sums->rows[sums->count - 1] : nullptr;
        if (last != nullptr && !is_customer(rows.batch, last->customer_id, reading.customer_id))
            last = nullptr;
        if (last != nullptr && !valued)
            continue;
        if (last == nullptr || (last->readings > 0 && last->minute != minute))
            last = &sums->rows[sums->count++];
        else if (last->readings > 0) {
            last->bpm += rows.heart_rates[i];
            last->readings++;
            continue;
        }
        *last = {reading.customer_id, minute, valued ? rows.heart_rates[i] : 0, valued ? 1 : 0};
    }
}

Datum minutes_of(const Marks &marks) {
    return array_of_timestamptz(marks.count, [&](size_t i) { return marks.batch->minutes[marks.places[i]]; });
}

void keep_new_minutes(Marks *marks) {
    Datum candidates = minutes_of(*marks);
    uint64_t found = statement_execute(&select_new_minutes, &candidates, nullptr, SPI_OK_SELECT);
    statement_check_room(found, marks->count);
    marks->count = found;
    // The statement returns ascending positions, so the position in row i is at least i. So the loop
    // overwrites an element of `places` only after it has read the element.
    for (size_t i = 0; i < marks->count; i++)
        marks->places[i] = marks->places[statement_int4(i, 1)];
    SPI_freetuptable(SPI_tuptable);
}

// Chooses the minutes to mark: the minutes of which the batch has many readings. If the table layout has a
// cheap lookup, leaves out each minute that is already in the rollup. The readings of such a minute are late,
// and the batch adds them as sums.
Marks choose_marks(const Batch *batch, const Sums &sums) {
    size_t minutes = batch->minutes.size();
    Marks marks = {batch, static_cast<bool *>(palloc0(minutes)),
                   static_cast<size_t *>(palloc(sizeof(size_t) * minutes)), 0};
    auto *readings = static_cast<int64_t *>(palloc0(sizeof(int64_t) * minutes));
    for (size_t i = 0; i < sums.count; i++)
        readings[marks.place(sums.rows[i].minute)] += sums.rows[i].readings;
    for (size_t place = 0; place < minutes; place++)
        if (readings[place] >= marked_readings_min)
            marks.places[marks.count++] = place;
    if (marks.count > 0 && tables_layout().cheap_lookup)
        keep_new_minutes(&marks);
    for (size_t i = 0; i < marks.count; i++)
        marks.marked[marks.places[i]] = true;
    return marks;
}

// Removes the sum with 0 readings of each customer that this process already knows, because such a sum only
// makes heartbeat count a new customer. The function also inserts a row into heartbeat_arrivals for each
// customer of the batch that needs a new row (CustomerNews::to_note).
void meet_customers(const Batch *batch, const Source *source, Sums *sums) {
    MonotonicTime now = monotonic_now(), note_until = now + arrivals_noted_for();
    auto *heard = static_cast<BatchBytes *>(palloc(sizeof(BatchBytes) * (sums->count + 1)));
    size_t left = 0, heard_count = 0;
    for (size_t i = 0; i < sums->count; i++) {
        const Sum &sum = sums->rows[i];
        CustomerNews news = customers_meet(batch, sum.customer_id, source == nullptr ? 0 : source->id,
                                           static_cast<uint32_t>(now / USECS_PER_SEC),
                                           static_cast<uint32_t>(note_until / USECS_PER_SEC));
        if (news.to_note)
            heard[heard_count++] = sum.customer_id;
        if (!news.known || sum.readings > 0)
            sums->rows[left++] = sum;
    }
    sums->count = left;
    TimestampTz until = GetCurrentTimestamp() + arrivals_noted_for();
    appended += static_cast<uint32_t>(
        arrivals_note(batch, heard, heard_count, until, source == nullptr ? "default" : source->name));
    pfree(heard);
}

void append(const Batch *batch, const Sums &sums) {
    if (sums.count == 0)
        return;
    Datum columns[4] = {
        array_of_timestamptz(sums.count, [&](size_t i) { return sums.rows[i].minute; }),
        array_of_text(batch, sums.count, [&](size_t i) { return sums.rows[i].customer_id; }),
        array_of_fixed<double>(sums.count, FLOAT8OID, [&](size_t i) { return sums.rows[i].bpm; }),
        array_of_int8(sums.count, [&](size_t i) { return sums.rows[i].readings; }),
    };
    statement_execute(&insert_pending, columns, nullptr, SPI_OK_INSERT);
    appended += static_cast<uint32_t>(sums.count);
}

void mark(const Marks &marks) {
    Datum minutes = minutes_of(marks);
    statement_execute(&insert_stale_minutes, &minutes, nullptr, SPI_OK_INSERT);
}

} // namespace

void rollup_append_store(const Rows &records, const Rows &anomalies, const Source *source) {
    const Batch *batch = records.batch;
    size_t readings = records.count + anomalies.count;
    Sums sums = {static_cast<Sum *>(palloc(sizeof(Sum) * (readings + 1))), 0};
    Marks none = {batch, nullptr, nullptr, 0};
    add_sums(&sums, records, none);
    bool few = sums.count < small_batch || sums.count * readings_per_sum_min <= readings;
    Marks marks = few ? none : choose_marks(batch, sums);
    if (marks.count > 0) {
        sums.count = 0;
        add_sums(&sums, records, marks);
        mark(marks);
    }
    add_sums(&sums, anomalies, none);
    meet_customers(batch, source, &sums);
    append(batch, sums);
    pfree(sums.rows);
}

uint32_t rollup_append_take() {
    uint32_t rows = appended;
    appended = 0;
    return rows;
}

} // namespace heartbeat
