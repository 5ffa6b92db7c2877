// Checks whether the workers' role (heartbeat.role, or the extension's owner) is a superuser. status.cpp
// calls role_hint_append().
#include "server/server.h"

#include "monitor/role_hint.h"
#include "server/extension.h"
#include "server/settings.h"
#include "server/text.h"

extern "C" {
#include "utils/acl.h"
}

namespace heartbeat {

void role_hint_append(char *hint, size_t size) {
    Extension extension;
    if (!extension_find(&extension))
        return;
    Oid role = settings.role[0] == '\0' ? extension.owner : get_role_oid(settings.role, true);
    if (!OidIsValid(role) || !superuser_arg(role))
        return;
    const char *name = GetUserNameFromId(role, true);
    text_add_sentence(hint, size,
                      psprintf("The workers act as the superuser \"%s\": set heartbeat.role to a role that "
                               "has only the rights of the workers.",
                               name == nullptr ? "" : name));
}

} // namespace heartbeat
