// Reads the results of a statement. The functions check the type of each value, because a caller must not use
// a number as a pointer. The callers of statement_execute() read all values with these functions.
#include "server/server.h"

#include "server/statement.h"

extern "C" {
#include "catalog/pg_type.h"
#include "parser/parse_coerce.h"
}

namespace heartbeat {

namespace {

const char *column_name(int column) {
    return NameStr(TupleDescAttr(SPI_tuptable->tupdesc, column - 1)->attname);
}

// Accepts the expected type, and a domain over this type. If the expected type is text, also accepts varchar.
// The server stores the values of all these types in the same way.
void check_type(int column, Oid expected) {
    Oid found = TupleDescAttr(SPI_tuptable->tupdesc, column - 1)->atttypid;
    if (found == expected || IsBinaryCoercible(found, expected))
        return;
    ereport(ERROR, (errcode(ERRCODE_DATATYPE_MISMATCH),
                    errmsg("column \"%s\" of extension \"heartbeat\" is of type %s, but type %s is expected",
                           column_name(column), format_type_be(found), format_type_be(expected)),
                    errhint("Give the column its type back with ALTER TABLE.")));
}

} // namespace

void statement_check_room(uint64_t rows, uint64_t room) {
    if (rows > room)
        ereport(
            ERROR,
            (errcode(ERRCODE_CARDINALITY_VIOLATION),
             errmsg("a statement of extension \"heartbeat\" gave %llu rows, and at most %llu are expected",
                    static_cast<unsigned long long>(rows), static_cast<unsigned long long>(room))));
}

Datum statement_value(uint64_t row, int column, Oid type, bool *null) {
    if (SPI_tuptable == nullptr || row >= SPI_tuptable->numvals || column > SPI_tuptable->tupdesc->natts)
        ereport(ERROR, (errcode(ERRCODE_DATA_EXCEPTION),
                        errmsg("a statement of extension \"heartbeat\" returned no column %d of row %llu",
                               column, static_cast<unsigned long long>(row))));
    check_type(column, type);
    return SPI_getbinval(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, column, null);
}

Datum statement_value(uint64_t row, int column, Oid type) {
    bool null;
    Datum value = statement_value(row, column, type, &null);
    if (null)
        ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
                        errmsg("column \"%s\" of extension \"heartbeat\" is NULL, but a value is expected",
                               column_name(column))));
    return value;
}

bool statement_bool(uint64_t row, int column) {
    return DatumGetBool(statement_value(row, column, BOOLOID));
}

int32_t statement_int4(uint64_t row, int column) {
    return DatumGetInt32(statement_value(row, column, INT4OID));
}

int64_t statement_int8(uint64_t row, int column) {
    return DatumGetInt64(statement_value(row, column, INT8OID));
}

char *statement_text(uint64_t row, int column) {
    bool null;
    Datum value = statement_value(row, column, TEXTOID, &null);
    return null ? nullptr : TextDatumGetCString(value);
}

} // namespace heartbeat
