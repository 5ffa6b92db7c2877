// Reads the headers of a message only when they are needed, because librdkafka allocates memory for them.
// src/kafka implements the interface, and the pipeline calls it. read() may throw, so only these two folders
// include this header.
#pragma once

#include "decode/message_view.h"

namespace heartbeat {

class HeaderReader {
  public:
    // Sets the view's headers. May throw std::bad_alloc.
    virtual void read(MessageView *view) const = 0;

  protected:
    ~HeaderReader() = default;
};

} // namespace heartbeat
