// Inserts rows into heartbeat_dead_letters. Uses several statements if the rows have many bytes. store.cpp
// calls this file.
#include "server/server.h"

#include "server/arrays.h"
#include "server/statement.h"
#include "server/text.h"
#include "store/conflicts.h"
#include "store/dead_letters.h"
#include "store/offsets.h"

extern "C" {
#include "utils/fmgroids.h"
#include "utils/memutils.h"
}

namespace heartbeat {

namespace {

// The limit of bytes for one statement, because the server makes several copies of these bytes in memory. A
// message that is larger than the limit gets a statement of its own.
constexpr size_t bytes_at_once = size_t{1} << 20;
constexpr size_t letters_at_once = 1000;
constexpr size_t bytes_of_conflict = 200; // the approximate size of one reading in conflict, as JSON

// To find a message that the table already has, the statement compares the source, the topic, the Kafka
// partition, the offset and the payload. The statement compares the payload because a recreated topic has
// other messages at the same offsets.
constexpr Statement::Types insert_types = {TEXTOID,       INT4ARRAYOID,        INT8ARRAYOID, BYTEAARRAYOID,
                                           BYTEAARRAYOID, TIMESTAMPTZARRAYOID, TEXTARRAYOID, TEXTARRAYOID,
                                           TEXTARRAYOID,  TEXTARRAYOID,        TEXTARRAYOID, TEXTOID};
Statement insert_dead_letters = {insert_types, R"sql(
    INSERT INTO @extschema@.heartbeat_dead_letters (
        topic, partition, "offset", key, payload, kafka_timestamp, error_code, error_text, header_names,
        header_values, readings, source)
    SELECT $1, d.partition, d."offset", d.key, d.payload, d.kafka_timestamp, d.error_code, d.error_text,
        d.header_names::text[], d.header_values::bytea[], d.readings::jsonb, $12
    FROM unnest($2, $3, $4, $5, $6, $7, $8, $9, $10, $11) AS d (
        partition, "offset", key, payload, kafka_timestamp, error_code, error_text, header_names,
        header_values, readings)
    WHERE NOT EXISTS (
        SELECT FROM @extschema@.heartbeat_dead_letters l
        WHERE l.topic = $1 COLLATE "C" AND l.source = $12 AND l.partition = d.partition
            AND l."offset" = d."offset"
            AND CASE WHEN l.mended_at IS NULL THEN l.payload ELSE l.original_payload END
                IS NOT DISTINCT FROM d.payload)
    RETURNING partition, "offset")sql"};

// A database of version 1.1 or 1.2 has only the source `default`, and its table has no columns for headers
// and conflicts.
Statement insert_old_dead_letters = {{TEXTOID, INT4ARRAYOID, INT8ARRAYOID, BYTEAARRAYOID, BYTEAARRAYOID,
                                      TIMESTAMPTZARRAYOID, TEXTARRAYOID, TEXTARRAYOID},
                                     R"sql(
    INSERT INTO @extschema@.heartbeat_dead_letters (
        topic, partition, "offset", key, payload, kafka_timestamp, error_code, error_text)
    SELECT $1, d.*
    FROM unnest($2, $3, $4, $5, $6, $7, $8) AS d (
        partition, "offset", key, payload, kafka_timestamp, error_code, error_text)
    WHERE NOT EXISTS (
        SELECT FROM @extschema@.heartbeat_dead_letters l
        WHERE l.topic = $1 COLLATE "C" AND l.partition = d.partition AND l."offset" = d."offset"
            AND CASE WHEN l.mended_at IS NULL THEN l.payload ELSE l.original_payload END
                IS NOT DISTINCT FROM d.payload)
    RETURNING partition, "offset")sql"};

int32_t partition_of(const Batch *batch, const BatchMessage &message) {
    return batch->partitions[message.partition_index].partition;
}

struct Place {
    int32_t partition;
    int64_t offset;

    bool operator<(const Place &other) const {
        return partition != other.partition ? partition < other.partition : offset < other.offset;
    }
};

// Returns the Kafka partition and the offset of each row that the last statement has inserted. The result is
// in the order of these two numbers.
Place *stored_places(uint64_t count) {
    auto *places = static_cast<Place *>(palloc(sizeof(Place) * (count + 1)));
    for (uint64_t r = 0; r < count; r++)
        places[r] = {statement_int4(r, 1), statement_int8(r, 2)};
    std::sort(places, places + count);
    return places;
}

// Returns how many of the messages go into the next statement.
size_t count_at_once(const Batch *batch, const uint32_t *indexes, size_t left) {
    size_t count = 0, bytes = 0;
    for (; count < left && count < letters_at_once; count++) {
        const BatchMessage &message = batch->messages[indexes[count]];
        bytes += static_cast<size_t>(std::max(message.payload.size, 0)) +
                 static_cast<size_t>(std::max(message.key.size, 0)) +
                 static_cast<size_t>(conflicts_of(batch, message)) * bytes_of_conflict;
        if (count > 0 && bytes > bytes_at_once)
            break;
    }
    return count;
}

const char *text_of_array(Datum array) {
    return OidOutputFunctionCall(F_ARRAY_OUT, array);
}

// header_names() and header_values() return the names and the values of the message's headers, as arrays in
// the text form of PostgreSQL, or nullptr if the message has no headers.
const char *header_names(const Batch *batch, const BatchMessage &message) {
    const BatchHeader *headers = batch->headers.data() + message.first_header;
    if (message.headers == 0)
        return nullptr;
    return text_of_array(
        array_of_shown_text(batch, message.headers, [=](size_t i) { return headers[i].name; }));
}

const char *header_values(const Batch *batch, const BatchMessage &message) {
    const BatchHeader *headers = batch->headers.data() + message.first_header;
    if (message.headers == 0)
        return nullptr;
    return text_of_array(array_of_bytea(batch, message.headers, [=](size_t i) { return headers[i].value; }));
}

const char *readings_of(const Batch *batch, const BatchMessage &message) {
    return message.is_dead_letter() ? nullptr : conflicts_json(batch, message);
}

const char *error_text(const Batch *batch, const BatchMessage &message) {
    if (!message.is_dead_letter())
        return conflicts_text(batch, message);
    return text_from_utf8(batch->at(message.error_text),
                          static_cast<size_t>(std::max(message.error_text.size, 0)));
}

// If `is_new` is false, the table already had the row of the message, so heartbeat has already counted the
// message.
void count_letter(const Batch *batch, const BatchMessage &message, bool is_new, PartitionCounts *counts) {
    PartitionCounts &partition = counts[message.partition_index];
    int64_t conflicts = conflicts_of(batch, message);
    if (message.is_dead_letter()) {
        partition.dead_letters += is_new;
        partition.dead_letters_again += !is_new;
    } else if (is_new) {
        partition.conflict_letters++;
    } else {
        partition.conflicts -= conflicts;
        partition.duplicates += conflicts;
    }
}

void store_some(const Batch *batch, const Source &source, const uint32_t *indexes, size_t count,
                PartitionCounts *counts) {
    auto at = [&](size_t i) -> const BatchMessage & { return batch->messages[indexes[i]]; };
    Datum values[insert_types.count] = {
        CStringGetTextDatum(source.topic),
        array_of_fixed<int32_t>(count, INT4OID, [&](size_t i) { return partition_of(batch, at(i)); }),
        array_of_int8(count, [&](size_t i) { return at(i).offset; }),
        array_of_bytea(batch, count, [&](size_t i) { return at(i).key; }),
        array_of_bytea(batch, count, [&](size_t i) { return at(i).payload; }),
        array_of_timestamptz_or_null(
            count, [&](size_t i) { return at(i).kafka_time < 0; },
            [&](size_t i) { return at(i).kafka_time * 1000; }),
        array_of_names(count, [&](size_t i) { return dead_letters_error_code(at(i)); }),
        array_of_names(count, [&](size_t i) { return error_text(batch, at(i)); }),
        array_of_names(count, [&](size_t i) { return header_names(batch, at(i)); }),
        array_of_names(count, [&](size_t i) { return header_values(batch, at(i)); }),
        array_of_names(count, [&](size_t i) { return readings_of(batch, at(i)); }),
        CStringGetTextDatum(source.name),
    };
    uint64_t stored =
        statement_execute(offsets_have_sources() ? &insert_dead_letters : &insert_old_dead_letters, values,
                          nullptr, SPI_OK_INSERT_RETURNING);
    const Place *places = stored_places(stored);
    for (size_t i = 0; i < count; i++) {
        Place place = {partition_of(batch, at(i)), at(i).offset};
        count_letter(batch, at(i), std::binary_search(places, places + stored, place), counts);
    }
    SPI_freetuptable(SPI_tuptable);
}

// Returns the indexes of the messages to store: first the dead letters of the batch, then the messages with a
// reading in conflict.
uint32_t *messages_to_store(const Batch *batch, const PartitionCounts *counts, size_t *count) {
    auto *indexes = static_cast<uint32_t *>(palloc(sizeof(uint32_t) * (batch->messages.size() + 1)));
    *count = batch->dead_letters.size();
    std::copy(batch->dead_letters.begin(), batch->dead_letters.end(), indexes);
    bool conflicts = std::any_of(counts, counts + batch->partitions.size(),
                                 [](const PartitionCounts &partition) { return partition.conflicts > 0; });
    for (size_t i = 0; conflicts && i < batch->messages.size(); i++)
        if (conflicts_of(batch, batch->messages[i]) > 0)
            indexes[(*count)++] = static_cast<uint32_t>(i);
    return indexes;
}

} // namespace

const char *dead_letters_error_code(const BatchMessage &message) {
    if (message.sqlstate[0] != '\0')
        return message.sqlstate;
    return message.error == DecodeErrorCode::none ? conflict_code : decode_error_name(message.error);
}

void dead_letters_store(const Batch *batch, const Source &source, PartitionCounts *counts) {
    size_t left;
    const uint32_t *indexes = messages_to_store(batch, counts, &left);
    MemoryContext context =
        AllocSetContextCreate(CurrentMemoryContext, "heartbeat dead letters", ALLOCSET_DEFAULT_SIZES);
    MemoryContext before = MemoryContextSwitchTo(context);
    for (size_t count; left > 0; left -= count, indexes += count) {
        count = count_at_once(batch, indexes, left);
        store_some(batch, source, indexes, count, counts);
        MemoryContextReset(context);
    }
    MemoryContextSwitchTo(before);
    MemoryContextDelete(context);
}

} // namespace heartbeat
