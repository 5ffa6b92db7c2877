// Librdkafka's properties that the user's file may not have, and those that it may. What
// heartbeat sets itself is in kafka_config.cpp, with the values.
#pragma once

namespace heartbeat {

// What else is not the file's to say: settings of the extension, where positions are kept, where errors go,
// signals, and brokers that librdkafka would play itself.
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

// These load a library into the server or run a command as its user. Who may write the file may choose whom
// the worker talks to, and no more.
inline constexpr const char *code_names[] = {
    "plugin.library.paths", "ssl.engine.location",     "ssl.engine.id",
    "ssl.providers",        "sasl.kerberos.kinit.cmd", "interceptors",
};

// Properties whose value is a text, of librdkafka 2.0 to 2.15: those that run no code, load none, write no
// file and listen nowhere. A newer librdkafka may bring one that does, so one that is not listed is refused
// unless its value is a number, true or false, which can name neither a command nor a file.
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
