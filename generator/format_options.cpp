// Generator, options: adds the options of the formats of messages.
#include "format_options.h"

#include "option_checks.h"

namespace heartbeat::generator {

namespace {

constexpr char group[] = "Format of the messages";
constexpr uint64_t largest_id = INT32_MAX;

void add_schema_options(CLI::App *app, Options *options) {
    app->add_option(
           "--schema", options->schema_file,
           "write the values of --format avro with the Avro schema of this file. Each field gets the "
           "member with its name. Without this option the generator derives a schema from the layout")
        ->type_name("FILE")
        ->group(group);
    app->add_option("--key-schema", options->key_schema_file,
                    "write the keys of --format avro with the Avro schema of this file. Without this option "
                    "the keys are text, but the keys of the presets radar, radar-garmin and radar-polar are "
                    "Avro")
        ->type_name("FILE")
        ->group(group);
    app->add_flag("--print-schema", options->print_schema, "print the schema of the values, and end")
        ->check(check_switch())
        ->group(group);
}

} // namespace

void add_format_options(CLI::App *app, Options *options) {
    app->add_option("--format", options->format,
                    "json, json-schema, avro or protobuf. Without --schema-registry and --schema-id, the "
                    "messages have no frame that names a schema. Without this option: json, or avro for the "
                    "presets radar, radar-garmin and radar-polar")
        ->check(check_format())
        ->type_name("NAME")
        ->group(group);
    CLI::Option *registry =
        app->add_option("--schema-registry", options->schema_registry,
                        "register the schema as TOPIC-value at this schema registry, and put the id of the "
                        "schema before each message. Several addresses have commas between them. The "
                        "password and the certificates are properties, such as "
                        "schema.registry.basic.auth.user.info: docs/generator.md lists them")
            ->check(check_registry())
            ->type_name("URL,...")
            ->group(group);
    CLI::Option *id = app->add_option("--schema-id", options->schema_id,
                                      "put this id of a schema before each message, without a registry")
                          ->check(check_integer(0, largest_id))
                          ->excludes(registry)
                          ->type_name("NUMBER")
                          ->group(group);
    app->add_option("--key-schema-id", options->key_schema_id,
                    "put this id of a schema before each key that is Avro")
        ->check(check_integer(0, largest_id))
        ->needs(id)
        ->type_name("NUMBER")
        ->group(group);
    add_schema_options(app, options);
}

} // namespace heartbeat::generator
