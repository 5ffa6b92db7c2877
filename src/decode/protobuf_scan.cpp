// Stores the fields of a message in slots. The plan of the message gives each field a slot. If the mapping
// reads a repeated field, a map or a nested message, the slot keeps the pieces of the field. For any other
// field, the slot keeps only the last value.
#include "decode/protobuf_scan.h"

namespace heartbeat {

namespace {

// Returns whether the field can be packed. One packed field contains several values.
bool may_be_packed(const ProtobufPlanField &field) {
    return field.shape == ProtobufShape::list && field.wire != WireType::bytes &&
           field.wire != WireType::group;
}

class Scanner {
  public:
    Scanner(const ProtobufPlan &plan, ProtobufSlot *slots, std::vector<ProtobufPiece> *pieces)
        : plan_(plan), slots_(slots), pieces_(*pieces) {}

    // Returns false if the message has too many pieces.
    bool store(const ProtobufPlanField &field, const WireField &found) {
        const bool is_packed = found.type == WireType::bytes && may_be_packed(field);
        if (found.type != field.wire && !is_packed)
            return true; // the wire type is wrong, so the reader ignores the field like an unknown field
        ProtobufSlot &slot = slots_[field.slot];
        const bool is_single = field.shape == ProtobufShape::single;
        if (is_single && field.is_closed &&
            plan_.enums[field.enumeration].name(static_cast<int32_t>(found.value)).data() == nullptr) {
            slot.has_unknown = true;
            return true;
        }
        if (field.oneof != no_value)
            choose(field, &slots_[field.oneof]);
        if (field.is_taken && (!is_single || protobuf_is_message(field.type)))
            return add_piece(field, found.bytes, &slot);
        slot.piece = {found.bytes.data(), static_cast<uint32_t>(found.bytes.size()), no_piece};
        slot.value = found.value;
        slot.count = 1;
        return true;
    }

  private:
    void choose(const ProtobufPlanField &field, ProtobufSlot *chosen) {
        if (chosen->count != 0 && chosen->value != field.slot)
            slots_[chosen->value] = {};
        chosen->value = field.slot;
        chosen->count = 1;
    }

    bool add_piece(const ProtobufPlanField &field, std::string_view bytes, ProtobufSlot *slot) {
        const ProtobufPiece piece{bytes.data(), static_cast<uint32_t>(bytes.size()), no_piece};
        const bool is_single = field.shape == ProtobufShape::single;
        const bool adds_nothing = bytes.empty() && (is_single ? slot->count > 0 : may_be_packed(field));
        if (adds_nothing || (!is_single && slot->count >= field.limit))
            return true;
        if (slot->count++ == 0) {
            slot->piece = piece;
            slot->last = no_piece;
            return true;
        }
        if (pieces_.size() >= message_values_max)
            return false;
        const auto index = static_cast<uint32_t>(pieces_.size());
        pieces_.push_back(piece);
        (slot->last == no_piece ? slot->piece : pieces_[slot->last]).next = index;
        slot->last = index;
        return true;
    }

    const ProtobufPlan &plan_;
    ProtobufSlot *const slots_;
    std::vector<ProtobufPiece> &pieces_;
};

} // namespace

bool protobuf_scan(const ProtobufPlan &plan, const ProtobufPlanMessage &message, ProtobufPiece piece,
                   size_t first, ProtobufMemory *memory, ProtobufFault *fault) {
    Scanner scanner(plan, memory->slots.data() + first, &memory->pieces);
    WireField found;
    for (;;) {
        WireCursor cursor(piece.bytes(), &memory->group_bytes);
        while (!cursor.at_end()) {
            if (!cursor.next(&found)) {
                *fault = {cursor.fault(), cursor.at()};
                return false;
            }
            const ProtobufPlanField *const field = message.find(found.number);
            if (field != nullptr && !scanner.store(*field, found)) {
                *fault = {"it has too many values", cursor.at()};
                return false;
            }
        }
        if (piece.next == no_piece)
            return true;
        piece = memory->pieces[piece.next];
    }
}

} // namespace heartbeat
