// Makes decoders and parsers that have the schemas of the samples.
#include "decode/sample_schemas.h"

#include "decode/confluent_frame.h"
#include "decode/decoder_of_mapping.h"
#include "decode/json_tree.h"
#include "decode/sample_schema_set.h"
#include "decode/schema_message_parser.h"

#include <algorithm>
#include <new>

namespace heartbeat {

namespace {

// The largest number of levels in a place of a suggested mapping.
constexpr int levels_max = 16;

std::vector<std::string> copy(const SchemaTexts &schema) {
    return {schema.texts, schema.texts + schema.count};
}

std::vector<std::string_view> views(const std::vector<std::string> &texts) {
    return {texts.begin(), texts.end()};
}

// suggest() reads all values of a message. Each value can be the time of a reading, so the Protobuf reader
// converts every google.protobuf.Timestamp to a time.
WantedValue all_values() {
    WantedValue all;
    WantedValue *level = &all;
    for (int i = 0; i < levels_max; i++) {
        level->whole = level->is_time = true;
        level->others = std::make_unique<WantedValue>();
        level = level->others.get();
    }
    level->whole = true;
    return all;
}

} // namespace

void SampleSchemas::add(int32_t id, const SchemaTexts &schema) {
    schemas_.push_back({id, copy(schema)});
}

void SampleSchemas::set_bare(const SchemaTexts &schema) {
    bare_ = copy(schema);
}

void SampleSchemas::add_to(SchemaCache *cache) const {
    if (cache == nullptr)
        return;
    for (const Schema &schema : schemas_) {
        const std::vector<std::string_view> texts = views(schema.texts);
        for (const MessagePart part : {MessagePart::value, MessagePart::key})
            if (!cache->add({schema.id, part}, {texts.data(), texts.size()}))
                throw std::bad_alloc();
    }
}

std::unique_ptr<Decoder, void (*)(Decoder *)> SampleSchemas::decoder(const std::string &mapping) const {
    MappingError error = {};
    SchemaError wrong = {};
    const std::vector<std::string_view> bare = views(bare_);
    std::unique_ptr<Decoder, void (*)(Decoder *)> made(
        bare.empty() ? decoder_of_mapping(mapping, &error, format)
                     : decoder_of_schema(mapping, format, {bare.data(), bare.size()}, &error, &wrong),
        decoder_destroy);
    if (error.out_of_memory || wrong.out_of_memory)
        throw std::bad_alloc();
    if (made != nullptr)
        add_to(made->schema_cache());
    return made;
}

std::unique_ptr<MessageParser> SampleSchemas::parser() const {
    if (!message_format_needs_schema(format))
        return json_message_parser_make(format);
    if (bare_.empty()) {
        auto framed = std::make_unique<FramedMessageParser>(format, all_values(), all_values());
        add_to(framed->schemas());
        return framed;
    }
    SchemaError wrong = {};
    const std::vector<std::string_view> bare = views(bare_);
    auto reader = schema_compile(format, all_values(), {bare.data(), bare.size()}, false, &wrong);
    if (reader == nullptr && wrong.out_of_memory)
        throw std::bad_alloc();
    return reader == nullptr ? nullptr : std::make_unique<BareMessageParser>(format, std::move(reader));
}

SampleSchemas *sample_schemas_create(MessageFormat format) noexcept {
    return new (std::nothrow) SampleSchemas(format);
}

void sample_schemas_destroy(SampleSchemas *schemas) noexcept {
    delete schemas;
}

bool sample_schemas_add(SampleSchemas *schemas, int32_t id, const SchemaTexts &schema) noexcept {
    try {
        schemas->add(id, schema);
        return true;
    } catch (...) {
        return false;
    }
}

bool sample_schemas_set_bare(SampleSchemas *schemas, const SchemaTexts &schema) noexcept {
    try {
        schemas->set_bare(schema);
        return true;
    } catch (...) {
        return false;
    }
}

size_t sample_schema_ids(const MessageSamples *samples, int32_t *ids, size_t max, size_t *framed,
                         size_t *framed_json) noexcept {
    size_t count = 0;
    JsonTree json;
    *framed = *framed_json = 0;
    const auto note = [&](const MessageBytes &bytes, ConfluentFrame *frame) {
        DecodeError ignored;
        if (bytes.data == nullptr ||
            !confluent_frame_read({static_cast<const char *>(bytes.data), bytes.size}, "",
                                  DecodeErrorCode::none, frame, &ignored))
            return false;
        if (count < max && std::find(ids, ids + count, frame->schema_id) == ids + count)
            ids[count++] = frame->schema_id;
        return true;
    };
    for (size_t i = 0; i < message_samples_count(samples); i++) {
        const MessageView view = message_samples_view(samples, i);
        ConfluentFrame frame;
        DecodeError ignored;
        if (note(view.payload, &frame)) {
            ++*framed;
            *framed_json += json.parse(frame.body, "", &ignored);
        }
        note(view.key, &frame);
    }
    return count;
}

} // namespace heartbeat
