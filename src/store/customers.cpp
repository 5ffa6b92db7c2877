// Keeps a hash table of the customers whose readings this process has stored. Each process has its own hash
// table, and clears this hash table when a transaction fails. rollup_append.cpp calls this file.
#include "server/server.h"

#include "server/extension.h"
#include "store/customers.h"

extern "C" {
#include "access/xact.h"
#include "common/hashfn.h"
#include "miscadmin.h"
#include "utils/memutils.h"
}

namespace heartbeat {

namespace {

// An entry of the hash table `known`: a customer whose rows this process has written. A customer with
// readings in several sources has an entry for each of these sources. The hash table consists of sets of
// known_ways entries. If a set is full, a new customer replaces an old customer of this set.
struct Customer {
    uint64_t hash;
    uint32_t more_hash; // the entry is empty if both hashes are 0
    uint32_t
        noted_until; // heartbeat_arrivals needs no new row until this time; in seconds of the monotonic clock

    bool is(const Customer &other) const { return hash == other.hash && more_hash == other.more_hash; }
};
constexpr size_t known_max = size_t{1} << 20; // 16 MiB
constexpr size_t known_min = size_t{1} << 12;
constexpr size_t known_ways = 4;
Customer *known = nullptr;
size_t known_size = 0;
size_t known_count = 0;
uint64_t known_generation;
// the nesting level of the deepest open transaction or subtransaction that has changed `known`; 0: none
int known_level = 0;

void forget_known() {
    if (known != nullptr)
        memset(known, 0, sizeof(Customer) * known_size);
    known_count = 0;
}

void transaction_ended(XactEvent event, void * /*argument*/) {
    if (event == XACT_EVENT_ABORT)
        forget_known();
    if (event == XACT_EVENT_ABORT || event == XACT_EVENT_COMMIT)
        known_level = 0;
}

// Forgets all customers if a subtransaction that has added a customer is undone. A user's trigger can store
// readings in such a subtransaction. The subtransactions of a batch add no customer, so this function does
// nothing when they end.
void subtransaction_ended(SubXactEvent event, SubTransactionId /*own*/, SubTransactionId /*parent*/,
                          void * /*argument*/) {
    int level = GetCurrentTransactionNestLevel();
    if (event != SUBXACT_EVENT_COMMIT_SUB && event != SUBXACT_EVENT_ABORT_SUB)
        return;
    if (known_level < level)
        return;
    if (event == SUBXACT_EVENT_ABORT_SUB)
        forget_known();
    known_level = level - 1;
}

void allocate_known(size_t size) {
    known = static_cast<Customer *>(
        MemoryContextAllocExtended(TopMemoryContext, sizeof(Customer) * size, MCXT_ALLOC_ZERO));
    known_size = size;
    known_count = 0;
}

// Returns the entry of the customer. If the table already has the entry, *found becomes true. If not, the
// function adds the entry, which replaces an old entry if the set is full.
Customer *put_known(const Customer &customer, bool *found) {
    size_t sets = std::max(known_size / known_ways, size_t{1});
    Customer *set = known + customer.hash % sets * known_ways;
    for (size_t way = 0; way < known_ways; way++) {
        *found = set[way].is(customer);
        if (*found)
            return &set[way];
        if (set[way].is({})) {
            set[way] = customer;
            known_count++;
            return &set[way];
        }
    }
    *found = false;
    Customer *replaced = &set[customer.more_hash % known_ways];
    *replaced = customer;
    return replaced;
}

void grow_known() {
    Customer *old = known;
    size_t old_size = known_size;
    allocate_known(old_size * 2);
    for (size_t i = 0; i < old_size; i++)
        if (bool found; !old[i].is({}))
            put_known(old[i], &found);
    pfree(old);
}

} // namespace

CustomerNews customers_meet(const Batch *batch, BatchBytes customer_id, int32_t source_id, uint32_t now,
                            uint32_t note_until) {
    if (MyBackendType != B_BG_WORKER)
        return {false, false};
    if (known == nullptr) {
        RegisterXactCallback(transaction_ended, nullptr);
        RegisterSubXactCallback(subtransaction_ended, nullptr);
        allocate_known(known_min);
        known_generation = extension_generation();
    }
    if (known_generation !=
        extension_generation()) // the extension may have been recreated; its tables are then empty
        forget_known();
    known_generation = extension_generation();
    if (known_count > known_size / 2 && known_size < known_max)
        grow_known();
    const auto *bytes = reinterpret_cast<const unsigned char *>(batch->at(customer_id));
    auto more =
        static_cast<uint32_t>(hash_bytes_extended(bytes, customer_id.size, UINT64CONST(0x9e3779b97f4a7c15)));
    bool found;
    auto seed = static_cast<uint64_t>(source_id);
    Customer *customer = put_known({hash_bytes_extended(bytes, customer_id.size, seed), more, 0}, &found);
    CustomerNews news = {found, customer->noted_until <= now};
    if (news.to_note)
        customer->noted_until = note_until;
    if (!news.known || news.to_note)
        known_level = std::max(known_level, GetCurrentTransactionNestLevel());
    return news;
}

} // namespace heartbeat
