// Implements heartbeat_mend_text(). ALTER EXTENSION heartbeat UPDATE calls this function. Versions before 1.2
// stored two kinds of texts with invalid bytes. Texts of the first kind end in the middle of a character.
// Texts of the second kind come from a broker, and were not converted to the database's encoding. The
// function writes the invalid bytes as escapes.
#include "server/server.h"

#include "server/text.h"

extern "C" {
PG_FUNCTION_INFO_V1(heartbeat_mend_text);
}

using namespace heartbeat;

extern "C" Datum heartbeat_mend_text(PG_FUNCTION_ARGS) {
    text *given = PG_GETARG_TEXT_PP(0);
    const char *mended = text_escape(text_to_cstring(given), true);
    if (mended == nullptr)
        PG_RETURN_TEXT_P(given);
    PG_RETURN_TEXT_P(cstring_to_text(mended));
}
