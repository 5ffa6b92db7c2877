// Storage wing: a piece of work that may fail without failing its transaction.
#pragma once

namespace heartbeat {

// Runs work(argument) in a subtransaction. An error with the expected SQLSTATE undoes the work and returns false; any
// other error is raised on.
bool subtransaction_try(void (*work)(void *argument), void *argument, int expected_sqlstate);

} // namespace heartbeat
