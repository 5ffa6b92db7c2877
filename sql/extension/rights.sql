--
-- Rights: looking at heartbeat_classify is free, everything else is granted by the owner
--

REVOKE ALL ON heartbeat_records, heartbeat_records_default, heartbeat_anomalies, heartbeat_anomalies_default,
    heartbeat_rollup, heartbeat_rollup_default, heartbeat_rollup_pending, heartbeat_stale_minutes, heartbeat_customers, heartbeat_arrivals,
    heartbeat_customers_total, heartbeat_offsets, heartbeat_gaps, heartbeat_events, heartbeat_dead_letters,
    heartbeat_dead_letter_summary, heartbeat_alert_rules, heartbeat_alerts, heartbeat_control,
    heartbeat_partitions, heartbeat_status,
    vw_customer_bpm_summary, vw_recent_anomalies, vw_pipeline_summary, heartbeat_metrics FROM PUBLIC;
REVOKE ALL ON SEQUENCE heartbeat_records_id_seq, heartbeat_anomalies_id_seq, heartbeat_dead_letters_id_seq,
    heartbeat_events_id_seq, heartbeat_alerts_id_seq FROM PUBLIC;
REVOKE ALL ON FUNCTION heartbeat_make_weeks(timestamptz, timestamptz, regclass[], text[], boolean),
    heartbeat_make_partitions(timestamptz, timestamptz),
    heartbeat_summarize_partitions(), heartbeat_summarize_minute(timestamptz), heartbeat_wake_workers(),
    heartbeat_pause(text), heartbeat_resume(),
    heartbeat_move_offset(text, integer, bigint, text), heartbeat_forget_offset(text, integer),
    heartbeat_require(boolean, text, text, text), heartbeat_require_pause(), heartbeat_seek(integer, bigint),
    heartbeat_check_offset(integer, bigint), heartbeat_kafka_offsets(timestamptz, integer),
    heartbeat_seek(timestamptz, integer), heartbeat_replay(timestamptz, timestamptz, integer),
    heartbeat_keep_original(), heartbeat_count_deleted(),
    heartbeat_retry_dead_letters(text, text, integer, timestamptz, timestamptz, bigint[]),
    heartbeat_remove_old(interval, regclass, regclass, regclass, regclass, regclass, regclass, regclass, regclass, regclass,
                         regclass, regclass, regclass), heartbeat_record_retention(integer, bigint, bigint),
    heartbeat_apply_retention(), heartbeat_state(), heartbeat_partition_states(), heartbeat_batch_times(),
    heartbeat_audit(),
    heartbeat_audit_tables(), heartbeat_unproven_partitions(regclass), heartbeat_surplus_rows(),
    heartbeat_rules_changed(), heartbeat_evaluate_alerts(text, boolean), heartbeat_actor(),
    heartbeat_record_event(text, text, jsonb, timestamptz), heartbeat_newest_anomalies(regclass, timestamptz, timestamptz, interval, text, text),
    heartbeat_heard(regclass, regclass, boolean, text[], timestamptz, timestamptz), heartbeat_move_arrivals(),
    heartbeat_take_arrivals(), heartbeat_find_heard(text), heartbeat_max_clock_skew(), heartbeat_is_distributed(), heartbeat_is_spread(regclass),
    heartbeat_use_summary(boolean, regprocedure), heartbeat_check_cluster(), heartbeat_lock_control(regclass),
    heartbeat_spread(integer), heartbeat_gather(),
    heartbeat_distribute(integer), heartbeat_undistribute(),
    heartbeat_refuse_user_code(regclass[]), heartbeat_notify(text, text), heartbeat_announcements_dropped(),
    heartbeat_store_event(text, text, jsonb, timestamptz), heartbeat_store_pause(text), heartbeat_store_resume(),
    heartbeat_update_alerts(text, boolean), heartbeat_own_extension(regrole), heartbeat_own_objects(regrole, regclass[]), heartbeat_set_owner(regrole),
    heartbeat_check_objects() FROM PUBLIC;
