// Storage wing: the source that COPY FROM reads. Its callback takes no argument, so there is a current one.
#include "server.h"

#include "storage/copy.h"

#include <cstring>

extern "C" {
#include "access/xact.h"
#include "commands/copy.h"
#include "mb/pg_wchar.h"
#include "nodes/makefuncs.h"
#include "parser/parse_node.h"
#include "parser/parse_relation.h"
#include "port/pg_bswap.h"
#include "utils/acl.h"
#include "utils/rel.h"
#include "utils/rls.h"
}

namespace heartbeat {

namespace {

// Signature, no flags, no extension of the header.
constexpr char header[] = "PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0";
constexpr int header_size = sizeof(header) - 1;
static_assert(header_size == 11 + 4 + 4);
constexpr int16_t trailer = -1;

struct Stream {
    CopySource source;
    size_t next_row;
    bool ended;
    StringInfoData piece; // what comes next; COPY may take it in parts
};

Stream *stream = nullptr; // within copy_rows

template <typename Integer> void put_integer(StringInfo to, Integer value) {
    appendBinaryStringInfo(to, reinterpret_cast<const char *>(&value), sizeof(value));
}

void put_size(StringInfo to, int size) {
    put_integer(to, pg_hton32(static_cast<uint32>(size)));
}

void put_count(StringInfo to, int16_t count) {
    put_integer(to, pg_hton16(static_cast<uint16>(count)));
}

// False at the end.
bool next_piece() {
    if (stream->ended)
        return false;
    resetStringInfo(&stream->piece);
    stream->ended = stream->next_row == stream->source.rows;
    if (stream->ended) {
        put_count(&stream->piece, trailer);
        return true;
    }
    put_count(&stream->piece, static_cast<int16_t>(stream->source.fields));
    stream->source.put_row(stream->source.argument, stream->next_row++, &stream->piece);
    return true;
}

int give(void *to, int /*minimum*/, int maximum) {
    int given = 0;
    while (given < maximum && (stream->piece.cursor < stream->piece.len || next_piece())) {
        int size = std::min(maximum - given, stream->piece.len - stream->piece.cursor);
        memcpy(static_cast<char *>(to) + given, stream->piece.data + stream->piece.cursor,
               static_cast<size_t>(size));
        stream->piece.cursor += size;
        given += size;
    }
    return given;
}

List *binary_format() {
    return list_make1(
        makeDefElem(pstrdup("format"), reinterpret_cast<Node *>(makeString(pstrdup("binary"))), -1));
}

} // namespace

bool copy_is_like_insert(Relation table) {
    Oid oid = RelationGetRelid(table);
    return pg_get_client_encoding() == GetDatabaseEncoding() && table->rd_rules == nullptr &&
           pg_class_aclcheck(oid, GetUserId(), ACL_INSERT) == ACLCHECK_OK &&
           check_enable_rls(oid, InvalidOid, true) != RLS_ENABLED;
}

void copy_put_text(StringInfo to, const char *text, int size) {
    put_size(to, size);
    appendBinaryStringInfo(to, text, size);
}

void copy_put_float8(StringInfo to, double value) {
    uint64 bits;
    memcpy(&bits, &value, sizeof(bits));
    put_size(to, sizeof(bits));
    put_integer(to, pg_hton64(bits));
}

void copy_put_timestamptz(StringInfo to, int64_t value) {
    put_size(to, sizeof(value));
    put_integer(to, pg_hton64(static_cast<uint64>(value)));
}

uint64_t copy_rows(Relation table, List *columns, const CopySource &source) {
    Stream own = {source, 0, false, {}};
    initStringInfo(&own.piece);
    appendBinaryStringInfo(&own.piece, header, header_size);
    ParseState *parse = make_parsestate(nullptr);
    addRangeTableEntryForRelation(parse, table, RowExclusiveLock, nullptr, false, false);

    uint64_t stored;
    Stream *outer = stream; // a user's trigger may have come back to here
    stream = &own;
    PG_TRY();
    {
        CopyFromState copy =
            BeginCopyFrom(parse, table, nullptr, nullptr, false, give, columns, binary_format());
        stored = CopyFrom(copy);
        EndCopyFrom(copy);
    }
    PG_FINALLY();
    { stream = outer; }
    PG_END_TRY();
    free_parsestate(parse);
    pfree(own.piece.data);
    CommandCounterIncrement(); // for those who look next
    return stored;
}

} // namespace heartbeat
