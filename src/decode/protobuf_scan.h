// Reads the bytes of a message once, and stores the position of each field that is in the plan.
// protobuf_tree.cpp calls protobuf_scan() for each message and for each entry of a map.
#pragma once

#include "decode/protobuf_plan.h"

namespace heartbeat {

struct ProtobufFault {
    const char *text; // what is wrong
    const char *at;   // the position of the fault
};

// If `piece` has next pieces, the message consists of all these pieces together. The function fills in the
// slots from memory->slots[first] on. These slots must be zero before the call. The function adds pieces to
// memory->pieces. If it fails, it fills in *fault and returns false. May throw std::bad_alloc.
bool protobuf_scan(const ProtobufPlan &plan, const ProtobufPlanMessage &message, ProtobufPiece piece,
                   size_t first, ProtobufMemory *memory, ProtobufFault *fault);

} // namespace heartbeat
