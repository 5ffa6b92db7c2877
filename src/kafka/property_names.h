// This file has lists of librdkafka's properties: the properties that the user's file must not set, and the
// text properties that the user's file may set. kafka_config.cpp checks the user's file with these lists. The
// list of the properties that heartbeat sets is in kafka_config.cpp.
#pragma once

namespace heartbeat {

// The file must not set these properties. The extension has its own settings for some of these properties.
// The other properties set where librdkafka stores positions, where it reports errors, which signals it uses,
// and which mock brokers it starts.
inline constexpr const char *own_names[] = {
    "bootstrap.servers",
    "metadata.broker.list",
    "group.id",
    "group.instance.id",
    "client.id",
    "auto.commit.enable",
    "offset.store.method",
    "offset.store.path",
    "offset.store.sync.interval.ms",
    "enabled_events",
    "test.mock.num.brokers",
    "test.mock.broker.rtt",
    "internal.termination.signal",
};

// These properties load a library into the server, or run a command as the server's user. The author of the
// file may choose how the worker connects to Kafka, but must not run code in the server.
inline constexpr const char *code_names[] = {
    "plugin.library.paths", "ssl.engine.location",     "ssl.engine.id",
    "ssl.providers",        "sasl.kerberos.kinit.cmd", "interceptors",
};

// The safe text properties of librdkafka 2.0 to 2.15. A safe property runs and loads no code, writes no file
// and listens on no port. A newer librdkafka can have new properties that are not safe. So if a property is
// not in this list, heartbeat refuses a text as its value. heartbeat does not refuse a number or a Boolean
// value, because such a value cannot name a command or a file.
inline constexpr const char *text_names[] = {
    "broker.address.family",
    "broker.version.fallback",
    "client.dns.lookup",
    "client.rack",
    "client.software.name",
    "client.software.version",
    "compression.codec",
    "compression.type",
    "debug",
    "group.protocol",
    "group.protocol.type",
    "group.remote.assignor",
    "https.ca.location",
    "https.ca.pem",
    "metadata.recovery.strategy",
    "partition.assignment.strategy",
    "partitioner",
    "queuing.strategy",
    "sasl.kerberos.keytab",
    "sasl.kerberos.principal",
    "sasl.kerberos.service.name",
    "sasl.mechanism",
    "sasl.mechanisms",
    "sasl.oauthbearer.assertion.algorithm",
    "sasl.oauthbearer.assertion.claim.aud",
    "sasl.oauthbearer.assertion.claim.iss",
    "sasl.oauthbearer.assertion.claim.sub",
    "sasl.oauthbearer.assertion.file",
    "sasl.oauthbearer.assertion.jwt.template.file",
    "sasl.oauthbearer.assertion.private.key.file",
    "sasl.oauthbearer.assertion.private.key.passphrase",
    "sasl.oauthbearer.assertion.private.key.pem",
    "sasl.oauthbearer.client.credentials.client.id",
    "sasl.oauthbearer.client.credentials.client.secret",
    "sasl.oauthbearer.client.id",
    "sasl.oauthbearer.client.secret",
    "sasl.oauthbearer.config",
    "sasl.oauthbearer.extensions",
    "sasl.oauthbearer.grant.type",
    "sasl.oauthbearer.metadata.authentication.type",
    "sasl.oauthbearer.method",
    "sasl.oauthbearer.scope",
    "sasl.oauthbearer.sub.claim.name",
    "sasl.oauthbearer.token.endpoint.url",
    "sasl.password",
    "sasl.username",
    "security.protocol",
    "share.acknowledgement.mode",
    "ssl.ca.certificate.stores",
    "ssl.ca.location",
    "ssl.ca.pem",
    "ssl.certificate.location",
    "ssl.certificate.pem",
    "ssl.cipher.suites",
    "ssl.crl.location",
    "ssl.curves.list",
    "ssl.endpoint.identification.algorithm",
    "ssl.key.location",
    "ssl.key.password",
    "ssl.key.pem",
    "ssl.keystore.location",
    "ssl.keystore.password",
    "ssl.sigalgs.list",
    "topic.blacklist",
    "transactional.id",
};

} // namespace heartbeat
