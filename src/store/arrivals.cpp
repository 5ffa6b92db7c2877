// Writes and reads heartbeat_arrivals. A database with version 1.1 of the extension does not have this table.
// In such a database the functions of this file do nothing.
#include "server/server.h"

#include "server/arrays.h"
#include "server/extension.h"
#include "server/own_objects.h"
#include "server/statement.h"
#include "server/transaction.h"
#include "store/arrivals.h"

extern "C" {
#include "access/xact.h"
#include "utils/lsyscache.h"
}

namespace heartbeat {

namespace {

constexpr TimestampTz noted_for_min = 2 * USECS_PER_SEC;
constexpr TimestampTz noted_for_max = USECS_PER_MINUTE;
constexpr TimestampTz notes_per_period = 5;

Statement insert_arrivals = {{TEXTARRAYOID, TIMESTAMPTZOID, TEXTOID}, R"sql(
    INSERT INTO @extschema@.heartbeat_arrivals (customer_id, heard_until, source)
    SELECT c, $2, $3 FROM unnest($1) c)sql"};

// A database with version 1.2 of the extension has only one source.
Statement insert_old_arrivals = {{TEXTARRAYOID, TIMESTAMPTZOID}, R"sql(
    INSERT INTO @extschema@.heartbeat_arrivals (customer_id, heard_until)
    SELECT c, $2 FROM unnest($1) c)sql"};

constexpr OwnFunction take = {"heartbeat_take_arrivals"};

TimestampTz noted_for = noted_for_max;

bool has_table() {
    return OidIsValid(get_relname_relid("heartbeat_arrivals", extension_known().schema));
}

} // namespace

TimestampTz arrivals_noted_for() {
    return noted_for;
}

void arrivals_use_period(uint32_t seconds) {
    noted_for = seconds == 0 ? noted_for_max
                             : std::clamp<TimestampTz>(seconds * USECS_PER_SEC / notes_per_period,
                                                       noted_for_min, noted_for_max);
}

size_t arrivals_note(const Batch *batch, const BatchBytes *customers, size_t count, TimestampTz until,
                     const char *source) {
    if (count == 0 || !has_table())
        return 0;
    Datum values[3] = {array_of_text(batch, count, [=](size_t i) { return customers[i]; }),
                       TimestampTzGetDatum(until), CStringGetTextDatum(source)};
    bool has_source = get_attnum(extension_table("heartbeat_arrivals"), "source") != InvalidAttrNumber;
    statement_execute(has_source ? &insert_arrivals : &insert_old_arrivals, values, nullptr, SPI_OK_INSERT);
    return count;
}

uint32_t arrivals_take() {
    Datum period;
    return has_table() && own_function_call(take, nullptr, nullptr, &period)
               ? static_cast<uint32_t>(DatumGetInt32(period))
               : 0;
}

uint32_t arrivals_fold() {
    Extension extension;
    if (!transaction_begin(&extension, XACT_READ_COMMITTED))
        return 0;
    uint32_t period = arrivals_take();
    transaction_commit();
    return period;
}

} // namespace heartbeat
