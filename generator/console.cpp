// Generator: writes errors and information to standard error, and on a terminal also one progress line. The
// console clears the progress line before it writes an error or information.
#include "console.h"

#include <cinttypes>
#include <unistd.h>

namespace heartbeat::generator {

namespace {

constexpr std::chrono::milliseconds progress_period(250);
constexpr char back_to_empty_line[] = "\r\033[K";

} // namespace

std::string console_counts(const Counts &counts, double per_second) {
    char text[200];
    snprintf(text, sizeof(text),
             "sent %" PRIu64 ", acknowledged %" PRIu64 ", %.1f/s, errors %" PRIu64 ", in flight %" PRIu64,
             counts.sent, counts.acknowledged, per_second, counts.failed, counts.in_flight());
    return text;
}

Console::Console(bool quiet, FILE *out)
    : out_(out), quiet_(quiet), terminal_(isatty(fileno(out)) == 1), last_time_(Clock::now()) {}

void Console::info(const std::string &text) {
    if (!quiet_)
        line(text);
}

void Console::error(const std::string &text) {
    line(text);
}

void Console::line(const std::string &text) {
    clear_progress();
    fprintf(out_, "%s\n", text.c_str());
    fflush(out_);
}

void Console::progress(const Counts &counts) {
    if (quiet_ || !terminal_)
        return;
    const auto now = Clock::now();
    const std::chrono::duration<double> elapsed = now - last_time_;
    if (elapsed < progress_period)
        return;
    const double rate = static_cast<double>(counts.acknowledged - last_acknowledged_) / elapsed.count();
    last_time_ = now;
    last_acknowledged_ = counts.acknowledged;
    fprintf(out_, "%s%s", back_to_empty_line, console_counts(counts, rate).c_str());
    fflush(out_);
    shown_ = true;
}

void Console::clear_progress() {
    if (shown_)
        fputs(back_to_empty_line, out_);
    shown_ = false;
}

} // namespace heartbeat::generator
