// Finds and compiles schemas. A source has few schemas, and consecutive messages usually have the same
// schema. So the cache first looks at the schema that the previous search found.
#include "decode/schema_cache.h"

#include <chrono>

namespace heartbeat {

namespace {

int64_t seconds_now() noexcept {
    return std::chrono::duration_cast<std::chrono::seconds>(
               std::chrono::steady_clock::now().time_since_epoch())
        .count();
}

} // namespace

std::unique_ptr<const SchemaReader> schema_compile(MessageFormat format, const WantedValue &wanted,
                                                   const SchemaTexts &schema, bool is_framed,
                                                   SchemaError *error) {
    return std::unique_ptr<const SchemaReader>(
        format == MessageFormat::protobuf
            ? protobuf_reader(schema.texts[schema.count - 1], is_framed, wanted, error)
            : avro_reader({schema.texts, schema.texts + schema.count}, wanted, error));
}

SchemaCache::Entry *SchemaCache::entry(SchemaKey key) noexcept {
    const auto is_it = [&](const Entry &one) { return one.key.id == key.id && one.key.part == key.part; };
    size_t &last = last_[static_cast<size_t>(key.part)];
    if (last < entries_.size() && is_it(entries_[last]))
        return &entries_[last];
    for (size_t i = 0; i < entries_.size(); i++) {
        if (!is_it(entries_[i]))
            continue;
        last = i;
        return &entries_[i];
    }
    return nullptr;
}

const SchemaReader *SchemaCache::find(SchemaKey key, DecodeError *error) noexcept {
    Entry *const found = entry(key);
    error->code = DecodeErrorCode::none;
    if (found != nullptr && found->reader != nullptr)
        return found->reader.get();
    if (found != nullptr && found->forgotten_at == after_first_use)
        found->forgotten_at = seconds_now() + unknown_schema_seconds;
    if (found != nullptr && (found->forgotten_at == never || found->forgotten_at > seconds_now()))
        *error = found->error;
    else
        wanted_ = key;
    return nullptr;
}

// Damaged messages can contain many schema ids that no registry has. The cache keeps each such id as a
// refused schema, so a full cache forgets the refused schemas first. A message can need two schemas, one for
// its value and one for its key. So when the cache adds a schema for values, it keeps the last schema that it
// found for a key, even if both schemas together are too large. The same is true for a new schema for keys,
// and the last schema for a value. Without this rule, the two schemas would replace each other again and
// again, and the message would never be decoded.
void SchemaCache::make_room(const Entry &added) noexcept {
    const auto is_full = [&] {
        size_t sum = added.bytes;
        for (const Entry &entry : entries_)
            sum += entry.bytes;
        return entries_.size() >= schemas_max || (added.bytes > 0 && sum > schema_bytes_kept);
    };
    if (!is_full())
        return;
    const size_t last = last_[1 - static_cast<size_t>(added.key.part)];
    const SchemaKey kept = last < entries_.size() ? entries_[last].key : added.key;
    std::erase_if(entries_, [](const Entry &entry) { return entry.reader == nullptr; });
    if (is_full())
        std::erase_if(entries_, [&](const Entry &entry) {
            return entry.key.part == added.key.part || entry.key.id != kept.id || entry.key.part != kept.part;
        });
    entry(kept); // the entry has another index now
}

bool SchemaCache::add_entry(Entry added) noexcept {
    try {
        if (Entry *const known = entry(added.key); known != nullptr) {
            *known = std::move(added);
            return true;
        }
        make_room(added);
        entries_.push_back(std::move(added));
        return true;
    } catch (...) {
        return false;
    }
}

bool SchemaCache::add(SchemaKey key, const SchemaTexts &schema) noexcept {
    SchemaError wrong = {};
    Entry added = {key, nullptr, 0, never, {}};
    for (size_t i = 0; i < schema.count; i++)
        added.bytes += schema.texts[i].size();
    try {
        added.reader =
            schema_compile(format_, wanted_values_[static_cast<size_t>(key.part)], schema, true, &wrong);
    } catch (...) {
        return false;
    }
    if (added.reader == nullptr && wrong.out_of_memory)
        return false;
    if (added.reader == nullptr)
        decode_fail(&added.error, message_format_error(format_), "schema %d cannot be used: %.200s", key.id,
                    wrong.text);
    return add_entry(std::move(added));
}

bool SchemaCache::refuse(SchemaKey key, DecodeErrorCode code, const char *text) noexcept {
    const bool is_unknown = code == DecodeErrorCode::unknown_schema;
    Entry refused = {key, nullptr, 0, is_unknown ? after_first_use : never, {}};
    decode_fail(&refused.error, code, "%.250s", text);
    return add_entry(std::move(refused));
}

} // namespace heartbeat
