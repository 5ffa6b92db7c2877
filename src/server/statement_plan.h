// The plan that is kept with a statement.
#pragma once

#include "server/sql.h"

namespace heartbeat {

// Parses the statement anew, with the extension's schema of now. The server plans it when it is executed.
void statement_plan(Statement *statement);

} // namespace heartbeat
