-- The image's entrypoint runs this script once, in the new database. The workers start when CREATE EXTENSION commits.
CREATE EXTENSION heartbeat;
CREATE ROLE heartbeat_owner;
SELECT heartbeat_set_owner('heartbeat_owner');
