// Generator, options: the layout of --help. The build makes the manual page and the completions from the
// output of --help.
#include "help.h"

#include <algorithm>
#include <cctype>
#include <sstream>

namespace heartbeat::generator {

namespace {

constexpr size_t indent = 30;
constexpr size_t line_width = 100;

// Returns the text that the help shows for the value of the option, such as " FILE". For an optional value,
// the text is in brackets. For a switch, the text is empty.
std::string value_of(const CLI::Option &option) {
    if (option.get_type_size() == 0 || option.get_type_name().empty())
        return "";
    const std::string &name = option.get_type_name();
    return option.get_expected_min() == 0 ? " [" + name + "]" : " " + name;
}

std::string notes_of(const CLI::Option &option) {
    std::string notes;
    const std::string &value = option.get_default_str();
    // Do not print the default of an option whose value is optional. This default applies only if the user
    // gives the option without a value, but a reader of the help would expect it without the option.
    if (option.get_type_size() != 0 && option.get_expected_min() > 0 && !value.empty() && value != "[]" &&
        value != "{}") // some versions of CLI11 write an empty list as "[]", others as "{}"
        notes += " [default: " + value + "]";
    const std::string variable = variable_of(option.get_single_name());
    if (!variable.empty())
        notes += " [env: " + variable + "]";
    for (const CLI::Option *other : option.get_excludes())
        notes += " (not with " + other->get_name() + ")";
    return notes;
}

} // namespace

std::string variable_of(const std::string &option) {
    if (option == "help" || option == "version")
        return "";
    std::string name = "HEARTBEAT_" + option;
    std::replace(name.begin(), name.end(), '-', '_');
    std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return std::toupper(c); });
    return name;
}

// Replaces CLI11's own make_help(), which adds line breaks to the description and the footer in version 2.4
// and newer. Both texts already have line breaks.
std::string HelpFormatter::make_help(const CLI::App *app, std::string name,
                                     CLI::AppFormatMode /*mode*/) const {
    std::string help = app->get_description() + "\nUsage: " + name + " [OPTIONS]\n";
    for (const std::string &group : app->get_groups()) {
        // CLI11 2.5 and newer write the name of the default group in capitals
        help += '\n' + (group == "OPTIONS" ? "Options" : group) + ":\n";
        for (const CLI::Option *option :
             app->get_options([&group](const CLI::Option *o) { return o->get_group() == group; }))
            help += make_option(option, false);
    }
    return help + app->get_footer();
}

std::string HelpFormatter::make_option(const CLI::Option *option, bool /*is_positional*/) const {
    std::string line =
        "  " + CLI::detail::find_and_replace(option->get_name(false, true), ",", ", ") + value_of(*option);
    std::ostringstream out;
    if (line.size() >= indent - 1) {
        out << line << '\n';
        line.clear();
    }
    line.resize(indent, ' ');
    std::istringstream words(option->get_description() + notes_of(*option));
    for (std::string word; words >> word;) {
        const bool first = line.back() == ' ';
        if (!first && line.size() + 1 + word.size() > line_width) {
            out << line << '\n';
            line.assign(indent, ' ');
        } else if (!first) {
            line += ' ';
        }
        line += word;
    }
    out << line << '\n';
    return out.str();
}

} // namespace heartbeat::generator
