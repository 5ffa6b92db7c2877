--
-- heartbeat's own triggers
--

CREATE TRIGGER heartbeat_dead_letters_mended BEFORE UPDATE OF payload ON heartbeat_dead_letters
    FOR EACH ROW WHEN (OLD.mended_at IS NULL AND OLD.payload IS DISTINCT FROM NEW.payload)
    EXECUTE FUNCTION heartbeat_keep_original();
CREATE TRIGGER heartbeat_dead_letters_deleted AFTER DELETE ON heartbeat_dead_letters
    REFERENCING OLD TABLE AS deleted_letters FOR EACH STATEMENT EXECUTE FUNCTION heartbeat_count_deleted();
CREATE TRIGGER heartbeat_dead_letters_truncated AFTER TRUNCATE ON heartbeat_dead_letters
    FOR EACH STATEMENT EXECUTE FUNCTION heartbeat_count_deleted();
CREATE TRIGGER heartbeat_source_definitions_default BEFORE INSERT ON heartbeat_source_definitions
    FOR EACH ROW WHEN (NEW.name = 'default') EXECUTE FUNCTION heartbeat_replace_default();
ALTER TABLE heartbeat_source_definitions ENABLE ALWAYS TRIGGER heartbeat_source_definitions_default; -- this trigger also runs on a subscriber
CREATE TRIGGER heartbeat_alert_rules_changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON heartbeat_alert_rules
    FOR EACH STATEMENT EXECUTE FUNCTION heartbeat_rules_changed();
