// Goes once through the bytes of a message, and notes where each field of its plan is. protobuf_tree.cpp
// calls it for each message and for each entry of a map.
#pragma once

#include "decode/protobuf_plan.h"

namespace heartbeat {

struct ProtobufFault {
    const char *text; // what is wrong
    const char *at;   // the byte where it is wrong
};

// If other pieces follow `piece`, the message is all of these pieces one after the other. The function fills
// in the slots from memory->slots[first] on, which must be zero before the call. It adds pieces to
// memory->pieces. If it returns false, *fault is filled in. May throw std::bad_alloc.
bool protobuf_scan(const ProtobufPlan &plan, const ProtobufPlanMessage &message, ProtobufPiece piece,
                   size_t first, ProtobufMemory *memory, ProtobufFault *fault);

} // namespace heartbeat
