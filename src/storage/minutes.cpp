// Storage wing: what a batch adds to the rollup, as sums or as marks, and the customers it has met.
#include "server.h"

#include "storage/additions.h"
#include "storage/arrays.h"
#include "storage/minutes.h"
#include "storage/sql.h"

extern "C" {
#include "access/xact.h"
#include "common/hashfn.h"
#include "miscadmin.h"
#include "utils/memutils.h"
}

namespace heartbeat {

namespace {

Statement insert_pending = {
    "INSERT INTO @extschema@.heartbeat_rollup_pending (minute_bucket, customer_id, sum_bpm, reading_count)"
    " SELECT * FROM unnest($1, $2, $3, $4)",
    4,
    {TIMESTAMPTZARRAYOID, TEXTARRAYOID, FLOAT8ARRAYOID, INT8ARRAYOID},
    0,
    nullptr};

Statement insert_stale_minutes = {
    "INSERT INTO @extschema@.heartbeat_stale_minutes (minute_bucket) SELECT * FROM unnest($1)",
    1,
    {TIMESTAMPTZARRAYOID},
    0,
    nullptr};

// Sums are appended where they are few beside the readings, so that ingest hardly notices; a small batch
// appends no more than it would mark.
constexpr size_t readings_per_sum_min = 8;
constexpr size_t small_batch = 256;

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

// Customers whose rows this process has committed: a table of their hashes that forgets when it is full.
struct Customer {
    uint64_t hash[2]; // zeros: nobody
};
constexpr size_t known_max = size_t{1} << 20; // 16 MiB
constexpr size_t known_min = size_t{1} << 12;
constexpr size_t known_ways = 4;
Customer *known = nullptr;
size_t known_size = 0;
size_t known_count = 0;
uint64_t known_generation;
int known_level = 0; // the deepest subtransaction under way that has put a customer in; 0: none has
uint32_t appended = 0;

void forget_known() {
    if (known != nullptr)
        memset(known, 0, sizeof(Customer) * known_size);
    known_count = 0;
}

void transaction_ended(XactEvent event, void * /*argument*/) {
    if (event == XACT_EVENT_ABORT)
        forget_known();
    if (event == XACT_EVENT_ABORT || event == XACT_EVENT_COMMIT)
        known_level = 0;
}

// A user's trigger may store readings in a block that it undoes. A batch's own subtransactions put nobody in,
// so they cost nothing.
void subtransaction_ended(SubXactEvent event, SubTransactionId /*own*/, SubTransactionId /*parent*/,
                          void * /*argument*/) {
    int level = GetCurrentTransactionNestLevel();
    if (event != SUBXACT_EVENT_COMMIT_SUB && event != SUBXACT_EVENT_ABORT_SUB)
        return;
    if (known_level < level)
        return;
    if (event == SUBXACT_EVENT_ABORT_SUB)
        forget_known();
    known_level = level - 1;
}

void allocate_known(size_t size) {
    known = static_cast<Customer *>(
        MemoryContextAllocExtended(TopMemoryContext, sizeof(Customer) * size, MCXT_ALLOC_ZERO));
    known_size = size;
    known_count = 0;
}

// Keeps the sets' entries as long as there is room. True: it was there already.
bool put_known(Customer customer) {
    size_t sets = std::max(known_size / known_ways, size_t{1});
    Customer *set = known + customer.hash[0] % sets * known_ways;
    for (size_t way = 0; way < known_ways; way++) {
        if (set[way].hash[0] == customer.hash[0] && set[way].hash[1] == customer.hash[1])
            return true;
        if (set[way].hash[0] == 0 && set[way].hash[1] == 0) {
            set[way] = customer;
            known_count++;
            return false;
        }
    }
    set[customer.hash[1] % known_ways] = customer;
    return false;
}

void grow_known() {
    Customer *old = known;
    size_t old_size = known_size;
    allocate_known(old_size * 2);
    for (size_t i = 0; i < old_size; i++)
        if (old[i].hash[0] != 0 || old[i].hash[1] != 0)
            put_known(old[i]);
    pfree(old);
}

// Whether the customer's row is there, or comes with this transaction. A session may undo a part of its
// transaction, so it remembers nothing.
bool is_known(const Batch *batch, BatchBytes customer_id) {
    if (MyBackendType != B_BG_WORKER)
        return false;
    if (known == nullptr) {
        RegisterXactCallback(transaction_ended, nullptr);
        RegisterSubXactCallback(subtransaction_ended, nullptr);
        allocate_known(known_min);
        known_generation = statements_generation();
    }
    if (known_generation != statements_generation()) // the extension may be another one
        forget_known();
    known_generation = statements_generation();
    if (known_count > known_size / 2 && known_size < known_max)
        grow_known();
    const auto *bytes = reinterpret_cast<const unsigned char *>(batch->at(customer_id));
    bool found = put_known({{hash_bytes_extended(bytes, customer_id.size, 0),
                             hash_bytes_extended(bytes, customer_id.size, UINT64CONST(0x9e3779b97f4a7c15))}});
    if (!found)
        known_level = std::max(known_level, GetCurrentTransactionNestLevel());
    return found;
}

bool is_customer(const Batch *batch, BatchBytes left, BatchBytes right) {
    return left.size == right.size &&
           memcmp(batch->at(left), batch->at(right), static_cast<size_t>(left.size)) == 0;
}

// The rows are in the order of customer and time, so those of a sum follow each other. Without values, only
// customers count, and once each.
void add_sums(Sums *sums, const Rows &rows, bool with_values) {
    size_t first = sums->count;
    for (size_t i = 0; i < rows.count; i++) {
        const BatchMessage &reading = rows.at(i);
        if (!rows.stored[i])
            continue;
        int64_t minute = minute_of(reading.event_time);
        Sum *last = sums->count > first ? &sums->rows[sums->count - 1] : nullptr;
        if (last == nullptr || (with_values && last->minute != minute) ||
            !is_customer(rows.batch, last->customer_id, reading.customer_id)) {
            last = &sums->rows[sums->count++];
            *last = {reading.customer_id, minute, 0, 0};
        }
        if (with_values) {
            last->bpm += reading.heart_rate;
            last->readings++;
        }
    }
}

// Takes those off the list that only say that there is a customer who is known.
void drop_known(const Batch *batch, Sums *sums) {
    size_t left = 0;
    for (size_t i = 0; i < sums->count; i++)
        if (!is_known(batch, sums->rows[i].customer_id) || sums->rows[i].readings > 0)
            sums->rows[left++] = sums->rows[i];
    sums->count = left;
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

void mark(const Batch *batch) {
    Datum minutes = array_of_timestamptz(batch->minutes.size(), [&](size_t i) { return batch->minutes[i]; });
    statement_execute(&insert_stale_minutes, &minutes, nullptr, SPI_OK_INSERT);
}

} // namespace

void minutes_store(const Rows &records, const Rows &anomalies) {
    const Batch *batch = records.batch;
    size_t readings = records.count + anomalies.count;
    Sums sums = {static_cast<Sum *>(palloc(sizeof(Sum) * (readings + 1))), 0};
    add_sums(&sums, records, true);
    // a user's trigger may have stored another heart rate than the batch has
    bool few = sums.count < small_batch || sums.count * readings_per_sum_min <= readings;
    if (!few || additions_present()) {
        sums.count = 0;
        add_sums(&sums, records, false);
        mark(batch);
    }
    add_sums(&sums, anomalies, false);
    drop_known(batch, &sums);
    append(batch, sums);
    pfree(sums.rows);
}

uint32_t minutes_take_appended() {
    uint32_t rows = appended;
    appended = 0;
    return rows;
}

} // namespace heartbeat
