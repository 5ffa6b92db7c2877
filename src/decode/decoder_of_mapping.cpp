// Makes a Decoder from a mapping and a mapped decoder. All decoders of a thread share one MappedMemory. A
// process can have hundreds of sources, and each MappedMemory stays as large as its largest message needed.
#include "decode/decoder_of_mapping.h"

#include "decode/decoder_of_heartbeat.h"
#include "decode/mapped_decoder.h"

#include <memory>
#include <new>

namespace heartbeat {

namespace {

struct DestroyMapping {
    void operator()(const Mapping *mapping) const noexcept { mapping_destroy(mapping); }
};
using MappingPointer = std::unique_ptr<const Mapping, DestroyMapping>;

class MappingDecoder final : public Decoder {
  public:
    explicit MappingDecoder(MappingPointer mapping)
        : Decoder(mapping->reads_headers, !mapping->each.empty()), mapping_(std::move(mapping)),
          decoder_(*mapping_, nullptr) {}

    DecodeResult decode(const MessageView &message, Decoded *decoded) noexcept override {
        thread_local MappedMemory memory;
        decoder_.use(&memory);
        const DecodeResult result = decoder_.decode(message, &decoded->error);
        decoded->readings = memory.readings.data();
        decoded->count = memory.readings.size();
        return result;
    }

  private:
    MappingPointer mapping_;
    MappedDecoder decoder_;
};

} // namespace

Decoder *decoder_of_mapping(std::string_view json, MappingError *error) noexcept {
    MappingPointer mapping(mapping_compile(json, error));
    if (mapping == nullptr)
        return nullptr;
    try {
        return new MappingDecoder(std::move(mapping));
    } catch (...) {
        *error = {true, "", "cannot be read: out of memory", ""};
        return nullptr;
    }
}

void decoder_destroy(Decoder *decoder) noexcept {
    if (decoder != decoder_of_heartbeat())
        delete decoder;
}

} // namespace heartbeat
