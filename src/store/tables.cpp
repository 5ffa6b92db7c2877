// Chooses the table layout once in each transaction, and remembers the choice. While a batch is stored,
// tables_layout() is called several times. Without the remembered choice, each call would search the catalog.
#include "server/server.h"

#include "store/tables.h"

extern "C" {
#include "utils/inval.h"
}

namespace heartbeat {

namespace {

const TablesLayout *usual_layout, *other_layout;
const TablesLayout *chosen = nullptr;

void forget(Datum /*argument*/, Oid /*relation*/) {
    chosen = nullptr;
}

void watch() {
    static bool watching = false;
    if (!watching)
        CacheRegisterRelcacheCallback(forget, 0);
    watching = true;
}

} // namespace

void tables_register(const TablesLayout *usual, const TablesLayout *other) {
    usual_layout = usual;
    other_layout = other;
}

const TablesLayout &tables_layout() {
    if (chosen == nullptr) {
        watch();
        chosen = other_layout->is_in_use() ? other_layout : usual_layout;
    }
    return *chosen;
}

void tables_begin() {
    chosen = nullptr;
}

bool tables_hold_marks() {
    return tables_layout().hold_marks();
}

void tables_release_marks() {
    tables_layout().release_marks();
}

void tables_prepare_commit() {
    tables_layout().prepare_commit();
}

void tables_prepare_process() {
    usual_layout->prepare_process();
    other_layout->prepare_process();
}

void tables_recover() {
    usual_layout->recover();
    other_layout->recover();
}

const WrongServer *tables_wrong_server() {
    const WrongServer *wrong = usual_layout->wrong_server();
    return wrong != nullptr ? wrong : other_layout->wrong_server();
}

bool tables_may_be_of_row(const ErrorData *error) {
    bool usual = usual_layout->may_be_of_row(error);
    return other_layout->may_be_of_row(error) || usual; // each layout must see each error
}

} // namespace heartbeat
