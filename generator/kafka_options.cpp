// Generator, options: adds the options of Kafka.
#include "kafka_options.h"

#include "option_checks.h"

namespace heartbeat::generator {

namespace {

constexpr int most_partitions = 10'000;

} // namespace

void add_kafka_options(CLI::App *app, Options *options) {
    const char *group = "Kafka";
    app->add_option("-b,--brokers", options->brokers, "bootstrap servers, host:port[,host:port...]")
        ->check(check_brokers())
        ->type_name("HOST:PORT,...")
        ->group(group);
    app->add_option("--topic", options->topic, "topic to publish to")->type_name("NAME")->group(group);
    app->add_option("--partitions", options->partitions,
                    "number of partitions, if the generator must create the topic")
        ->check(check_integer(1, most_partitions))
        ->type_name("NUMBER")
        ->group(group);
    app->add_flag("--no-create-topic", options->no_create_topic,
                  "do not create the topic: it exists, or the cluster creates it for the first message")
        ->group(group);
    app->add_option(
           "-X,--config", options->config,
           "a property of librdkafka or of the schema registry, key=value; you can repeat this option. "
           "message.timeout.ms "
           "(30000) limits "
           "how long the generator tries to deliver a message while no broker answers")
        ->check(check_property())
        ->allow_extra_args(false)
        ->type_name("KEY=VALUE")
        ->group(group);
    app->add_option(
           "--embedded-broker", options->embedded_broker,
           "run a Kafka broker in this process, on this loopback port (without a port: any free port), and "
           "publish to it instead of --brokers. After the last message the broker runs until Ctrl-C. It "
           "keeps "
           "messages in memory, and of each partition only the newest 5 MiB after compression and 100000 "
           "batches")
        ->expected(0, 1)
        ->default_str("true")
        ->transform(check_port())
        ->type_name("PORT")
        ->group(group);
}

} // namespace heartbeat::generator
