// Changes a setting of auto_explain, so that the log does not contain the parameters of statements. In a
// worker, the change lasts until the process ends. In a session, the change lasts from
// log_redaction_hide_for_now() to log_redaction_show().
#include "server/server.h"

#include "server/log_redaction.h"

extern "C" {
#include "utils/guc.h"
}

namespace heartbeat {

namespace {

constexpr char longest_parameter[] = "auto_explain.log_parameter_max_length";

// The setting longest_parameter exists from PostgreSQL 16 on, and only if auto_explain is loaded.
void hide(GucSource source, GucAction action) {
    if (GetConfigOption(longest_parameter, true, false) != nullptr)
        set_config_option(longest_parameter, "0", PGC_SUSET, source, action, true, 0, false);
}

} // namespace

void log_redaction_hide() {
    hide(PGC_S_OVERRIDE, GUC_ACTION_SET);
}

int log_redaction_hide_for_now() {
    int level = NewGUCNestLevel();
    hide(PGC_S_SESSION, GUC_ACTION_SAVE);
    return level;
}

void log_redaction_show(int level) {
    AtEOXact_GUC(true, level);
}

} // namespace heartbeat
