// Generator: the source of messages that writes the simulator's readings in heartbeat's own layout.
// make_source.cpp uses this source.
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
