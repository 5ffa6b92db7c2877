// The reader of Avro messages owns a schema and the plan for this schema. The reader's functions throw no
// exception. The mapped decoder has one reader for each schema of a source.
#include "decode/avro_plan.h"
#include "decode/avro_schema.h"
#include "decode/avro_values.h"
#include "decode/schema_reader.h"
#include "decode/utf8_text.h"

namespace heartbeat {

namespace {

class AvroReader final : public SchemaReader {
  public:
    AvroReader(const std::vector<std::string_view> &schemas, const WantedValue &wanted)
        : schema_(avro_schema_parse(schemas)), plan_(avro_plan_compile(schema_, wanted)) {}

    bool read(std::string_view bytes, const char *what, ReaderMemory *memory, ValueTree *tree,
              DecodeError *error) const noexcept override {
        if (bytes.size() > message_bytes_max)
            return decode_fail(error, DecodeErrorCode::invalid_avro, "%s has %zu bytes; expected at most %zu",
                               what, bytes.size(), message_bytes_max);
        AvroValues values(schema_, plan_, bytes, memory, tree);
        try {
            return values.read() || explain(values, what, error);
        } catch (...) {
            return decode_fail(error, DecodeErrorCode::out_of_memory, "out of memory while reading Avro");
        }
    }

  private:
    static bool explain(const AvroValues &values, const char *what, DecodeError *error) noexcept {
        const AvroFault &fault = values.fault();
        const char *const path = values.path();
        return decode_fail(error, fault.code, "%s%s: %s at byte %zu%s%s; expected %s", what,
                           fault.code == DecodeErrorCode::invalid_avro ? " is not valid Avro" : "",
                           fault.found, fault.offset, *path == '\0' ? "" : " in ", path, fault.expected);
    }

    const AvroSchema schema_;
    const AvroPlan plan_;
};

SchemaReader *refuse(SchemaError *error, bool out_of_memory, const char *text) {
    error->out_of_memory = out_of_memory;
    ascii_copy(error->text, sizeof(error->text), text);
    return nullptr;
}

} // namespace

SchemaReader *avro_reader(const std::vector<std::string_view> &schemas, const WantedValue &wanted,
                          SchemaError *error) noexcept {
    try {
        return new AvroReader(schemas, wanted);
    } catch (const AvroSchemaFault &fault) {
        return refuse(error, fault.out_of_memory, fault.text.c_str());
    } catch (...) {
        return refuse(error, true, "out of memory while reading the schema");
    }
}

} // namespace heartbeat
