// Inserts rows into heartbeat_dead_letters, and counts the unresolved dead letters. If the rows have many
// bytes, it uses several statements. store.cpp and batch_cycle.cpp call it.
#include "server/server.h"

#include "server/arrays.h"
#include "server/settings.h"
#include "server/statement.h"
#include "store/dead_letters.h"
#include "store/offsets.h"

extern "C" {
#include "utils/memutils.h"
}

namespace heartbeat {

namespace {

// The limit of bytes for one statement. It exists because the server makes several copies of all bytes. A
// single message can be larger.
constexpr size_t bytes_at_once = size_t{1} << 20;
constexpr size_t letters_at_once = 1000;

// To find duplicates, the statement also compares the payload, because a topic that was recreated has other
// messages at the same offsets.
constexpr Statement::Types insert_types = {TEXTOID,       INT4ARRAYOID,  INT8ARRAYOID,
                                           BYTEAARRAYOID, BYTEAARRAYOID, TIMESTAMPTZARRAYOID,
                                           TEXTARRAYOID,  TEXTARRAYOID,  TEXTOID};
constexpr const char *insert_dead_letters_sql = R"sql(
    INSERT INTO @extschema@.heartbeat_dead_letters (
        topic, partition, "offset", key, payload, kafka_timestamp, error_code, error_text@column@)
    SELECT $1, d.*@value@
    FROM unnest($2, $3, $4, $5, $6, $7, $8) AS d (
        partition, "offset", key, payload, kafka_timestamp, error_code, error_text)
    WHERE NOT EXISTS (
        SELECT FROM @extschema@.heartbeat_dead_letters l
        WHERE l.topic = $1 COLLATE "C"@source@ AND l.partition = d.partition AND l."offset" = d."offset"
            AND CASE WHEN l.mended_at IS NULL THEN l.payload ELSE l.original_payload END
                IS NOT DISTINCT FROM d.payload)
    RETURNING partition, "offset")sql";

// A database of version 1.1 or 1.2 has only the source default.
constexpr StatementPart of_source = {"@source@", R"sql( AND l.source = $9)sql"};
constexpr StatementPart of_any = {"@source@", R"sql( AND $9 = 'default')sql"};
constexpr StatementPart source_column = {"@column@", R"sql(, source)sql"};
constexpr StatementPart source_value = {"@value@", R"sql(, $9)sql"};
constexpr StatementPart no_column = {"@column@", R"sql()sql"};
constexpr StatementPart no_value = {"@value@", R"sql()sql"};

Statement insert_dead_letters = {
    insert_types, {source_column, source_value, of_source}, insert_dead_letters_sql};
Statement insert_old_dead_letters = {insert_types, {no_column, no_value, of_any}, insert_dead_letters_sql};

// Uses the counters of heartbeat_offsets, so its cost does not depend on the number of dead letters.
constexpr const char *count_unresolved_sql = R"sql(
    SELECT greatest(least(coalesce(sum(dead_letters::numeric - dead_letters_deleted), 0),
        9223372036854775807), 0)::bigint
    FROM @extschema@.heartbeat_offsets
    WHERE @source@)sql";
constexpr StatementPart where_source = {"@source@", R"sql(source = $1)sql"};
constexpr StatementPart where_any = {"@source@", R"sql($1 = 'default')sql"};
Statement count_unresolved = {{TEXTOID}, {where_source}, count_unresolved_sql};
Statement count_old_unresolved = {{TEXTOID}, {where_any}, count_unresolved_sql};

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

// Returns the rows of the last statement, sorted.
Place *stored_places(uint64_t count) {
    auto *places = static_cast<Place *>(palloc(sizeof(Place) * (count + 1)));
    for (uint64_t r = 0; r < count; r++)
        places[r] = {statement_int4(r, 1), statement_int8(r, 2)};
    std::sort(places, places + count);
    return places;
}

// Returns how many dead letters go into the next statement. The first of them is at index `first`.
size_t count_at_once(const Batch *batch, size_t first) {
    size_t count = 0, bytes = 0;
    for (size_t i = first; i < batch->dead_letters.size() && count < letters_at_once; i++, count++) {
        const BatchMessage &message = batch->messages[batch->dead_letters[i]];
        bytes += static_cast<size_t>(std::max(message.payload.size, 0)) +
                 static_cast<size_t>(std::max(message.key.size, 0));
        if (count > 0 && bytes > bytes_at_once)
            break;
    }
    return count;
}

void store_some(const Batch *batch, const Source &source, const uint32_t *indexes, size_t count,
                PartitionCounts *counts) {
    auto at = [&](size_t i) -> const BatchMessage & { return batch->messages[indexes[i]]; };
    Datum values[9] = {
        CStringGetTextDatum(source.topic),
        array_of_fixed<int32_t>(count, INT4OID, [&](size_t i) { return partition_of(batch, at(i)); }),
        array_of_int8(count, [&](size_t i) { return at(i).offset; }),
        array_of_bytea(batch, count, [&](size_t i) { return at(i).key; }),
        array_of_bytea(batch, count, [&](size_t i) { return at(i).payload; }),
        array_of_timestamptz_or_null(
            count, [&](size_t i) { return at(i).kafka_time < 0; },
            [&](size_t i) { return at(i).kafka_time * 1000; }),
        array_of_names(count, [&](size_t i) { return dead_letters_error_code(at(i)); }),
        array_of_shown_text(batch, count, [&](size_t i) { return at(i).error_text; }),
        CStringGetTextDatum(source.name),
    };
    uint64_t stored =
        statement_execute(offsets_have_sources() ? &insert_dead_letters : &insert_old_dead_letters, values,
                          nullptr, SPI_OK_INSERT_RETURNING);
    const Place *places = stored_places(stored);
    for (size_t i = 0; i < count; i++) {
        PartitionCounts &partition = counts[at(i).partition_index];
        if (std::binary_search(places, places + stored, Place{partition_of(batch, at(i)), at(i).offset}))
            partition.dead_letters++;
        else
            partition.dead_letters_again++;
    }
    SPI_freetuptable(SPI_tuptable);
}

} // namespace

const char *dead_letters_error_code(const BatchMessage &message) {
    return message.sqlstate[0] != '\0' ? message.sqlstate : decode_error_name(message.error);
}

bool dead_letters_beyond_limit(const Source &source, const Batch *batch, const PartitionCounts *counts,
                               int64_t *unresolved) {
    if (settings.dead_letter_limit == 0 ||
        std::all_of(counts, counts + batch->partitions.size(),
                    [](const PartitionCounts &partition) { return partition.dead_letters == 0; }))
        return false;
    Datum name = CStringGetTextDatum(source.name);
    statement_execute(offsets_have_sources() ? &count_unresolved : &count_old_unresolved, &name, nullptr,
                      SPI_OK_SELECT);
    *unresolved = statement_int8(0, 1);
    return *unresolved >= settings.dead_letter_limit;
}

void dead_letters_store(const Batch *batch, const Source &source, PartitionCounts *counts) {
    MemoryContext context =
        AllocSetContextCreate(CurrentMemoryContext, "heartbeat dead letters", ALLOCSET_DEFAULT_SIZES);
    MemoryContext before = MemoryContextSwitchTo(context);
    for (size_t first = 0; first < batch->dead_letters.size();) {
        size_t count = count_at_once(batch, first);
        store_some(batch, source, batch->dead_letters.data() + first, count, counts);
        MemoryContextReset(context);
        first += count;
    }
    MemoryContextSwitchTo(before);
    MemoryContextDelete(context);
}

} // namespace heartbeat
