// Makes a row for each reading, each error and each suggestion. If the database's encoding cannot represent a
// text of a message, the row of the message shows an error. An ingest worker would make a dead letter of this
// message.
#include "server/server.h"

#include "admin/schema_session.h"
#include "admin/try_rows.h"
#include "decode/classify.h"
#include "server/text.h"

extern "C" {
#include "catalog/namespace.h"
#include "mb/pg_wchar.h"
#include "utils/jsonb.h"
#include "utils/memutils.h"
#include "utils/tuplestore.h"
}

namespace heartbeat {

namespace {

constexpr int reading_columns = 9;
constexpr int suggestion_columns = 5;

// Sets *text to the text in the database's encoding. Returns false if the encoding cannot represent the text.
bool convert(const char *utf8, size_t size, text **text) {
    if (GetDatabaseEncoding() == PG_UTF8) {
        *text = cstring_to_text_with_len(utf8, static_cast<int>(size));
        return true;
    }
    Oid conversion = FindDefaultConversionProc(PG_UTF8, GetDatabaseEncoding());
    size_t room = size * MAX_CONVERSION_GROWTH + 1;
    if (!OidIsValid(conversion) || !AllocSizeIsValid(room))
        return false;
    char *converted = static_cast<char *>(palloc(room));
    char *source = pnstrdup(utf8, size);
    int done = pg_do_encoding_conversion_buf(
        conversion, PG_UTF8, GetDatabaseEncoding(), reinterpret_cast<unsigned char *>(source),
        static_cast<int>(size), reinterpret_cast<unsigned char *>(converted), static_cast<int>(room), true);
    *text = cstring_to_text(converted);
    pfree(source);
    pfree(converted);
    return static_cast<size_t>(done) == size;
}

struct Row {
    Datum values[reading_columns];
    bool nulls[reading_columns];
};

Row begin_row(const MessageView &message) {
    Row row = {};
    row.values[0] = Int32GetDatum(message.partition);
    row.values[1] = Int64GetDatum(message.offset);
    for (int i = 2; i < reading_columns; i++)
        row.nulls[i] = true;
    return row;
}

void set(Row *row, int column, Datum value) {
    row->values[column] = value;
    row->nulls[column] = false;
}

void put(Row *row, ReturnSetInfo *result) {
    tuplestore_putvalues(result->setResult, result->setDesc, row->values, row->nulls);
}

void put_error(const MessageView &message, const char *code, const char *text, ReturnSetInfo *result) {
    Row row = begin_row(message);
    set(&row, 7, CStringGetTextDatum(code));
    set(&row, 8, CStringGetTextDatum(text_from_utf8(text)));
    put(&row, result);
}

// Returns false if the database cannot represent a text of the reading.
bool make_row(const MessageView &message, const ReadingView &reading, Row *row) {
    text *customer, *device;
    if (!convert(reading.customer_id.data(), reading.customer_id.size(), &customer) ||
        !convert(reading.device_id.data(), reading.device_id.size(), &device))
        return false;
    *row = begin_row(message);
    set(row, 2, PointerGetDatum(customer));
    set(row, 3, PointerGetDatum(device));
    set(row, 4, Float8GetDatum(reading.heart_rate));
    set(row, 5, TimestampTzGetDatum(to_timestamptz(reading.event_time)));
    set(row, 6, CStringGetTextDatum(heart_rate_class_name(classify_heart_rate(reading.heart_rate))));
    return true;
}

void put_decoded(const MessageView &message, const Decoded &decoded, ReturnSetInfo *result) {
    if (decoded.count == 0)
        return put_error(message, "NO_READING", "the message can be decoded, but has no reading", result);
    Row row;
    for (size_t i = 0; i < decoded.count; i++) // ingest stores either all readings of a message or no reading
        if (GetDatabaseEncoding() != PG_UTF8 && !make_row(message, decoded.readings[i], &row))
            return put_error(message, unpack_sql_state(ERRCODE_UNTRANSLATABLE_CHARACTER),
                             "the database's encoding cannot represent a text of the message", result);
    for (size_t i = 0; i < decoded.count; i++)
        if (make_row(message, decoded.readings[i], &row))
            put(&row, result);
}

// A message can need two schemas: one for its value, and one for its key.
DecodeResult decode(const Source &source, Decoder *decoder, const MessageView &message, Decoded *decoded) {
    for (;;) {
        const DecodeResult result = decoder->decode(message, decoded);
        if (result != DecodeResult::needs_schema)
            return result;
        schema_session_load(source, decoder);
    }
}

} // namespace

void try_rows_put(const Source &source, Decoder *decoder, const MessageView &message, ReturnSetInfo *result) {
    MemoryContext context =
        AllocSetContextCreate(CurrentMemoryContext, "heartbeat try", ALLOCSET_DEFAULT_SIZES);
    MemoryContext before = MemoryContextSwitchTo(context);
    Decoded decoded;
    switch (decode(source, decoder, message, &decoded)) {
    case DecodeResult::decoded:
        put_decoded(message, decoded, result);
        break;
    case DecodeResult::ignored:
        put_error(message, "IGNORED", "the conditions of the mapping (when) leave the message out", result);
        break;
    case DecodeResult::failed:
        if (decoded.error.code == DecodeErrorCode::out_of_memory)
            ereport(ERROR, (errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory")));
        put_error(message, decode_error_name(decoded.error.code), decoded.error.text, result);
        break;
    case DecodeResult::needs_schema: // decode() never returns needs_schema
        break;
    }
    MemoryContextSwitchTo(before);
    MemoryContextDelete(context);
}

void suggestion_rows_put(const Suggestion &suggestion, size_t of, ReturnSetInfo *result) {
    Datum values[suggestion_columns] = {CStringGetTextDatum(suggestion.format), 0, 0,
                                        Int32GetDatum(static_cast<int32>(suggestion.fits)),
                                        Int32GetDatum(static_cast<int32>(of))};
    bool nulls[suggestion_columns] = {false, suggestion.preset == nullptr, suggestion.mapping == nullptr,
                                      false, false};
    if (suggestion.preset != nullptr)
        values[1] = CStringGetTextDatum(suggestion.preset);
    if (suggestion.mapping != nullptr) {
        text *mapping;
        if (!convert(suggestion.mapping, strlen(suggestion.mapping), &mapping))
            return; // the database cannot represent the mapping
        values[2] = DirectFunctionCall1(jsonb_in, CStringGetDatum(text_to_cstring(mapping)));
    }
    tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

} // namespace heartbeat
