// Generator: a source of messages. This source encodes the readings of the simulator. make_source.cpp uses
// this source for heartbeat's own layout.
#pragma once

#include "message.h"
#include "simulate.h"

namespace heartbeat::generator {

class SimulatedSource : public Source {
  public:
    explicit SimulatedSource(const SimulationSettings &settings) : simulator_(settings) {}

    SourceState next(Message *message) override;

  private:
    Simulator simulator_;
    Reading reading_;
    std::string payload_;
};

} // namespace heartbeat::generator
