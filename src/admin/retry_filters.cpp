// Refuses arguments of heartbeat_retry_dead_letters() that can match no dead letter. Without this check, a
// call with a misspelled error code would find no dead letter, as if all dead letters were resolved.
// retry.cpp calls this file first.
#include "server/server.h"

#include "admin/retry_filters.h"
#include "decode/decode_error.h"
#include "store/conflicts.h"

extern "C" {
#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"
}

namespace heartbeat {

namespace {

constexpr size_t sqlstate_size = 5;

bool is_sqlstate(const char *text) {
    return strlen(text) == sqlstate_size &&
           strspn(text, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ") == sqlstate_size;
}

// Returns nullptr if the text is an error code. For any other text, returns a list of all error codes, which
// an error message shows: "INVALID_JSON, MISSING_FIELD" and so on.
const char *codes_unless_one_is(const char *text) {
    StringInfoData codes;
    initStringInfo(&codes);
    for (DecodeErrorCode code : stored_decode_errors) {
        const char *name = decode_error_name(code);
        if (strcmp(name, text) == 0)
            return nullptr;
        appendStringInfo(&codes, "%s, ", name);
    }
    appendStringInfoString(&codes, conflict_code);
    return strcmp(conflict_code, text) == 0 ? nullptr : codes.data;
}

void check_error_code(const char *given) {
    if (is_sqlstate(given))
        return;
    const char *codes = codes_unless_one_is(given);
    if (codes != nullptr)
        ereport(ERROR,
                (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("there is no error code \"%s\"", given),
                 errhint("Give NULL for all dead letters, an SQLSTATE of five characters, or one of %s.",
                         codes)));
}

} // namespace

void retry_filters_check(const NullableDatum *filters) {
    const NullableDatum &code = filters[error_code_filter], &partition = filters[partition_filter],
                        &since = filters[arrived_since_filter], &until = filters[arrived_until_filter];
    if (!code.isnull)
        check_error_code(TextDatumGetCString(code.value));
    if (!partition.isnull && DatumGetInt32(partition.value) < 0)
        ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                        errmsg("partition %d is below 0", DatumGetInt32(partition.value)),
                        errhint("NULL means all partitions.")));
    if (!since.isnull && !until.isnull &&
        DatumGetTimestampTz(since.value) >= DatumGetTimestampTz(until.value))
        ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                        errmsg("arrived_until is not later than arrived_since"),
                        errhint("Give arrived_since the earlier time, and arrived_until the later time.")));
}

} // namespace heartbeat
