-- Run once, by the image's entrypoint, in a database that has just been made. The workers begin as soon as it commits.
CREATE EXTENSION heartbeat;
CREATE ROLE heartbeat_owner;
SELECT heartbeat_set_owner('heartbeat_owner');
