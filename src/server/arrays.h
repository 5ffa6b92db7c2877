// Makes one-dimensional arrays for the parameters of statements. Each batch needs large arrays of numbers,
// times and customers. To save time, the functions build these arrays directly, and not from an array of
// Datums. Most callers are files of src/store.
#pragma once

#include "server/server.h"

#include "decode/batch.h"
#include "server/text.h"

extern "C" {
#include "catalog/pg_type.h"
#include "utils/array.h"
}

namespace heartbeat {

// Returns a text of a batch in the database's encoding, and sets *size to the text's number of bytes. `piece`
// is the position of the text in the batch. Raises an error if the text has a character that the database's
// encoding cannot represent.
const char *array_server_text(const Batch *batch, BatchBytes piece, int *size);

// Allocates an array for `count` elements whose data takes `data_size` bytes. The caller writes the data.
ArrayType *array_allocate(size_t count, size_t data_size, Oid element_type);

// Makes an array of elements of eight or four bytes. value_at(i) returns element i.
template <typename Value, typename ValueAt>
Datum array_of_fixed(size_t count, Oid element_type, ValueAt value_at) {
    ArrayType *array = array_allocate(count, count * sizeof(Value), element_type);
    Value *values = reinterpret_cast<Value *>(ARR_DATA_PTR(array));
    for (size_t i = 0; i < count; i++)
        values[i] = value_at(i);
    return PointerGetDatum(array);
}

template <typename ValueAt> Datum array_of_int8(size_t count, ValueAt value_at) {
    return array_of_fixed<int64_t>(count, INT8OID, value_at);
}

template <typename ValueAt> Datum array_of_timestamptz(size_t count, ValueAt unix_microseconds_at) {
    return array_of_fixed<TimestampTz>(count, TIMESTAMPTZOID,
                                       [=](size_t i) { return to_timestamptz(unix_microseconds_at(i)); });
}

// Makes an array of text from texts of the batch. piece_at(i) returns the position of text i in the batch. No
// text may be NULL.
template <typename PieceAt> Datum array_of_text(const Batch *batch, size_t count, PieceAt piece_at) {
    size_t data_size = 0;
    int size;
    for (size_t i = 0; i < count; i++) {
        array_server_text(batch, piece_at(i), &size);
        data_size += INTALIGN(VARHDRSZ + static_cast<size_t>(size));
    }
    ArrayType *array = array_allocate(count, data_size, TEXTOID);
    char *to = ARR_DATA_PTR(array);
    for (size_t i = 0; i < count; i++) {
        const char *from = array_server_text(batch, piece_at(i), &size);
        SET_VARSIZE(to, VARHDRSZ + size);
        memcpy(VARDATA(to), from, static_cast<size_t>(size));
        to += INTALIGN(VARHDRSZ + static_cast<size_t>(size));
    }
    return PointerGetDatum(array);
}

// The functions below are slower, because they first build an array of Datums. Use them for small arrays,
// such as the dead letters and offsets of a batch.

// Makes an array of text from C strings. If name_at(i) returns nullptr, element i is NULL.
template <typename NameAt> Datum array_of_names(size_t count, NameAt name_at) {
    Datum *values = static_cast<Datum *>(palloc(sizeof(Datum) * count));
    bool *nulls = static_cast<bool *>(palloc(sizeof(bool) * count));
    for (size_t i = 0; i < count; i++) {
        const char *name = name_at(i);
        nulls[i] = name == nullptr;
        values[i] = nulls[i] ? 0 : CStringGetTextDatum(name);
    }
    int dimension = static_cast<int>(count), lower = 1;
    return PointerGetDatum(
        construct_md_array(values, nulls, 1, &dimension, &lower, TEXTOID, -1, false, TYPALIGN_INT));
}

// Makes an array of text from UTF-8 texts of the batch. text_from_utf8() converts each text, and replaces the
// characters that the database's encoding does not have.
template <typename PieceAt> Datum array_of_shown_text(const Batch *batch, size_t count, PieceAt piece_at) {
    return array_of_names(count, [=](size_t i) {
        BatchBytes piece = piece_at(i);
        return text_from_utf8(batch->at(piece), static_cast<size_t>(std::max(piece.size, 0)));
    });
}

template <typename PieceAt> Datum array_of_bytea(const Batch *batch, size_t count, PieceAt piece_at) {
    Datum *values = static_cast<Datum *>(palloc(sizeof(Datum) * count));
    bool *nulls = static_cast<bool *>(palloc(sizeof(bool) * count));
    for (size_t i = 0; i < count; i++) {
        BatchBytes piece = piece_at(i);
        nulls[i] = piece.size < 0;
        values[i] = nulls[i] ? 0 : PointerGetDatum(cstring_to_text_with_len(batch->at(piece), piece.size));
    }
    int dimension = static_cast<int>(count), lower = 1;
    return PointerGetDatum(
        construct_md_array(values, nulls, 1, &dimension, &lower, BYTEAOID, -1, false, TYPALIGN_INT));
}

// If null_at(i) returns true, element i is NULL. Otherwise unix_microseconds_at(i) returns element i.
template <typename NullAt, typename ValueAt>
Datum array_of_timestamptz_or_null(size_t count, NullAt null_at, ValueAt unix_microseconds_at) {
    Datum *values = static_cast<Datum *>(palloc(sizeof(Datum) * count));
    bool *nulls = static_cast<bool *>(palloc(sizeof(bool) * count));
    for (size_t i = 0; i < count; i++) {
        nulls[i] = null_at(i);
        values[i] = TimestampTzGetDatum(nulls[i] ? 0 : to_timestamptz(unix_microseconds_at(i)));
    }
    int dimension = static_cast<int>(count), lower = 1;
    return PointerGetDatum(construct_md_array(values, nulls, 1, &dimension, &lower, TIMESTAMPTZOID,
                                              sizeof(int64), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
}

} // namespace heartbeat
