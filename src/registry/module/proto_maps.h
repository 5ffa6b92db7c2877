// Gives all maps of a .proto text the same form. Each map field has a nested message, the map entry, with the
// key and the value. The text can declare the field as map<K, V>: then libprotobuf's parser adds the map
// entry. Or the text contains the map entry, with the option map_entry. Confluent's serializers and registry
// write the second form when they convert descriptors to text. proto_compile.cpp calls this code.
#pragma once

#include <google/protobuf/descriptor.pb.h>

namespace heartbeat {

// Changes a file that libprotobuf's parser has read from a text. May throw std::bad_alloc.
void proto_set_maps(google::protobuf::FileDescriptorProto *file);

} // namespace heartbeat
