// Generator: the main function. This file has no other function, so that a test with its own main() can link
// all other files.
#include "console.h"
#include "layout.h"
#include "options.h"
#include "producer_config.h"
#include "publish.h"
#include "run.h"
#include "template_compile.h"

#include <exception>
#include <iostream>
#include <unistd.h>

int main(int argc, char **argv) {
    using namespace heartbeat::generator;
    try {
        Options options;
        if (const auto status = parse_options(argc, argv, HEARTBEAT_VERSION, &options, std::cout, std::cerr))
            return *status;
        Console console(options.quiet);
        try {
            const int status = run_generator(options, &console);
            if (publisher_left_threads())
                _exit(status);
            return status;
        } catch (const ProducerConfigError &error) {
            console.error(error.what());
            return exit_usage;
        } catch (const LayoutError &error) {
            console.error(error.what());
            return exit_usage;
        } catch (const TemplateError &error) {
            console.error(error.what());
            return exit_usage;
        } catch (const std::exception &error) {
            console.error(error.what());
            return exit_undelivered;
        }
    } catch (...) {
        return exit_undelivered; // no memory for the options or the console
    }
}
