// Reads the bytes of a message once, and stores the position of each field that is in the plan.
// protobuf_tree.cpp calls protobuf_scan() for each message and for each entry of a map.
#pragma once

#include "decode/protobuf_plan.h"

namespace heartbeat {

struct ProtobufFault {
    const char *text; // the description of the fault
    const char *at;   // the position of the fault
};

// `piece` is the first piece of the message, and `piece.next` leads to its other pieces. The function fills
// in the slots from memory->slots[first] on, and adds pieces to memory->pieces. The slots must be zero before
// the call. If the function fails, it fills in *fault and returns false. May throw std::bad_alloc.
bool protobuf_scan(const ProtobufPlan &plan, const ProtobufPlanMessage &message, ProtobufPiece piece,
                   size_t first, ProtobufMemory *memory, ProtobufFault *fault);

} // namespace heartbeat
