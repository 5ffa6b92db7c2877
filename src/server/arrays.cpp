// The templates of arrays.h call the functions of this file. The functions convert a text of a batch to the
// database's encoding, and allocate an array.
#include "server/server.h"

#include "server/arrays.h"

#include <cstring>

extern "C" {
#include "mb/pg_wchar.h"
#include "utils/memutils.h"
}

namespace heartbeat {

const char *array_server_text(const Batch *batch, BatchBytes piece, int *size) {
    const char *text = batch->at(piece);
    *size = piece.size;
    if (GetDatabaseEncoding() == PG_UTF8)
        return text; // the decoder has checked that the text is UTF-8
    char *converted = pg_any_to_server(text, piece.size, PG_UTF8);
    if (converted != text)
        *size = static_cast<int>(strlen(converted));
    return converted;
}

ArrayType *array_allocate(size_t count, size_t data_size, Oid element_type) {
    size_t size = ARR_OVERHEAD_NONULLS(1) + data_size;
    if (!AllocSizeIsValid(size))
        ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
                        errmsg("a batch of %zu messages is too large", count),
                        errhint("Lower heartbeat.batch_size.")));
    auto *array = static_cast<ArrayType *>(palloc0(size));
    SET_VARSIZE(array, size);
    array->ndim = 1;
    array->dataoffset = 0;
    array->elemtype = element_type;
    ARR_DIMS(array)[0] = static_cast<int>(count);
    ARR_LBOUND(array)[0] = 1;
    return array;
}

} // namespace heartbeat
