// Reads the headers of a message. src/kafka implements this interface. librdkafka allocates memory for the
// headers, so pipeline.cpp calls read() only if the decoder or the batch needs the headers. Only src/kafka
// and src/decode include this file: read() may throw, and no exception may reach code that calls the server.
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
