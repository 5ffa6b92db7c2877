// The working memory of the Protobuf reader. This memory is a part of ReaderMemory. The decoder keeps its
// ReaderMemory for the next messages.
#pragma once

#include "decode/mapping_limits.h"

#include <cstdint>
#include <string_view>
#include <vector>

namespace heartbeat {

inline constexpr uint32_t no_piece = UINT32_MAX;

// Bytes of one field of a message. If a message has a field several times, the pieces of the field form a
// linked list.
struct ProtobufPiece {
    const char *data;
    uint32_t size;
    uint32_t next; // the index of the next piece, or no_piece

    std::string_view bytes() const { return {data, size}; }
};

// The content of one field of a message: the pieces of the field, or a number.
struct ProtobufSlot {
    ProtobufPiece piece; // the first piece
    uint64_t value;      // the number, if the content is a number
    uint32_t last;       // the index of the last piece, or no_piece if the field has only one piece
    uint32_t count;      // the number of pieces; 0: the message does not have the field
    bool has_unknown;    // the message has a value that is not in the closed enum of the field
};

struct ProtobufKey { // the key of a map's entry
    std::string_view name;
    uint32_t number;  // the position of the entry in the map: 0, 1, ...
    uint32_t message; // the index of the plan of the entry's value, if the value is a message
    bool is_replaced; // a later entry has the same key
    ProtobufPiece entry;
};

// Each vector is a stack. The elements for an outer message come first, and then the elements for the
// messages inside it.
struct ProtobufMemory {
    // Forgets the last message. If it was a giant message, also frees the memory that usual messages do not
    // need.
    void clear() noexcept {
        forget(&slots);
        forget(&pieces);
        forget(&keys);
        group_bytes = 0;
        used_slots = 0;
    }

    std::vector<ProtobufSlot> slots;
    std::vector<ProtobufPiece> pieces;
    std::vector<ProtobufKey> keys;
    uint64_t group_bytes = 0;
    // the number of slots that the message and its nested messages have used since clear()
    uint64_t used_slots = 0;

  private:
    template <typename Element> static void forget(std::vector<Element> *stack) noexcept {
        if (stack->capacity() > message_values_kept)
            std::vector<Element>().swap(*stack);
        stack->clear();
    }
};

} // namespace heartbeat
