import { jobLimits } from "./job-limits.ts";

/**
 * Every bound of the platform, in one place, grouped by subject. The unit is the last word of a name before `_max`.
 * These are the defaults and the hard ceilings. A deployment can change some of them by configuration.
 */
export const limits = {
  http: {
    /** Bytes of a JSON request body on an administrative route. */
    json_bytes_max: 1_048_576,
    /** How long a client may take to send the body of an administrative route. */
    request_ms_max: 30_000,
    /** How long a client may pause while its body is awaited. */
    body_silence_ms_max: 10_000,
    /** Bytes and time that a refused client may still use for sending before its connection is closed. */
    drain_bytes_max: 536_870_912,
    drain_ms_max: 10_000,
    /** How long a refused client may send nothing before its connection is closed. */
    drain_silence_ms_max: 500,
    /** Characters of an X-Request-Id that is accepted from a caller. */
    request_id_chars_max: 64,
    /** How long one answer to an anonymous read is used again for everyone who asks. */
    public_read_ms: 500,
  },
  process: {
    /** Time from SIGTERM to exit. */
    shutdown_ms_max: 10_000,
    /** Open connections to a loopback port that forwards to a socket. */
    loopback_connections_max: 256,
    /** Time for one dependency probe of --check or /readyz. */
    probe_ms_max: 5_000,
  },
  database: {
    connections_max: 10,
    statement_ms_max: 15_000,
    lock_ms_max: 10_000,
    idle_in_transaction_ms_max: 30_000,
    connect_ms_max: 10_000,
    /** An unused connection is closed after this time. */
    idle_ms_max: 60_000,
    /** A follower asks for the lead this often. A leader confirms its lead at least this often. */
    lead_heartbeat_ms: 2_000,
    /** First pause after a request for the lead failed. Each further failure doubles it, up to the maximum. */
    lead_retry_ms: 1_000,
    lead_retry_ms_max: 15_000,
    /** How long a role waits for the schema version it needs before it gives up. */
    schema_wait_ms_max: 120_000,
  },
  engine: {
    /** Time for one call to the Engine API that is not a stream. */
    call_ms_max: 30_000,
    image_load_ms_max: 300_000,
  },
  jobs: jobLimits,
  challenge: {
    name_chars_max: 100,
    description_chars_max: 2_000,
    env_entries_max: 100,
    env_value_chars_max: 32_768,
    secrets_max: 32,
    /** Accounts at image registries. */
    registries_max: 8,
    metadata_value_chars_max: 2_000,
    routes_max: 64,
    /** One readiness probe: the time for both of its requests together, and the bytes of one answer. */
    probe_ms_max: 5_000,
    probe_bytes_max: 65_536,
  },
  weights: {
    /** Bytes of a challenge's answer to get_weights, decompressed. */
    answer_bytes_max: 1_048_576,
    /**
     * Hotkeys in one challenge's answer. The challenge SDK sends no more, and the aggregator takes no more. An epoch of 64
     * challenges with this many hotkeys each takes 8 s on two busy cores. It needs 400 MiB of the 512 MiB that the aggregator's
     * container has. With 16 challenges of 100,000 hotkeys each it would need 1.8 GB. `answer_bytes_max` has room for this many
     * hotkeys at their longest.
     */
    hotkeys_max: 10_000,
    hotkey_chars_max: 64,
    /** Characters of a challenge's failure that are kept and published. */
    error_chars_max: 200,
    /** Time from the request to the last byte of the answer. */
    answer_ms_max: 30_000,
    /** Epochs for which a failing challenge is still counted with its last good weights. */
    stale_epochs_max: 10,
    /** Sealed epochs that are kept, together with their inputs. */
    epochs_kept_max: 2_000,
    /** Age of a metagraph. An older one is not used to seal an epoch. */
    metagraph_age_ms_max: 86_400_000,
    /** Pause before sealing is tried again after it failed. */
    seal_again_ms: 5_000,
  },
  challenge_sdk: {
    /** Bytes of a submission. The proxy's own bound is 7,500,000. */
    submission_bytes_max: 8_000_000,
    /** Time from a submission's first byte to its last. */
    submission_ms_max: 60_000,
    /** Bytes of a submission that is an archive, expanded. It is checked in memory. */
    archive_bytes_max: 67_108_864,
    /** Unfinished submissions of one hotkey. More are refused with 429. */
    pending_per_hotkey_max: 32,
    /** Submissions that a challenge keeps. When it has this many, new ones are refused with 503. */
    submissions_max: 200_000,
    /** How long a finished submission is kept. A hotkey's best submission is kept as long as it is the best. */
    retention_ms_max: 90 * 86_400_000,
    /** How long the bytes of a finished submission are kept. */
    content_retention_ms_max: 7 * 86_400_000,
    retention_every_ms: 3_600_000,
    /** Jobs that a submission may get when they end through no fault of its own. */
    attempts_max: 3,
    /** First pause between two attempts. Each further pause is twice as long. */
    attempt_pause_ms: 5_000,
    /** Time from a submission's arrival, or the end of its last job, until the broker accepts a job for it. */
    received_ms_max: 24 * 3_600_000,
    /** Time for scoring and the states queued, staging, starting and collecting. The job's own timeout is added. */
    evaluating_ms_max: 100 * 60_000,
    /** Least time that a submission gets after a restart, even when its deadline has passed. */
    last_chance_ms: 60_000,
    broker_call_ms_max: 60_000,
    broker_wait_ms: 30_000,
    /** Bytes of a broker's JSON answer. */
    broker_json_bytes_max: 1_048_576,
    /** Bytes of a score's details as JSON. */
    details_bytes_max: 65_536,
  },
  proxy: {
    /** Bytes of a signed upload's body. This is the contract's default. */
    submission_bytes_max: 7_500_000,
    /** Bytes and time for reading what a refused client still sends, so that it can see the refusal. */
    drain_bytes_max: 67_108_864,
    drain_ms_max: 30_000,
    /** A refused client that sends nothing for this long counts as waiting for the refusal. */
    drain_silence_ms_max: 5_000,
    /** How long a client may leave a ready answer unread. */
    unsent_ms_max: 300_000,
    /** How long a connection stays open after we ended it, so that the client can read the last answer. */
    linger_ms_max: 2_000,
    /** Bytes that the client may still send in that time. */
    linger_bytes_max: 1_048_576,
    /** How far an upload's timestamp may be from now, either way. */
    signature_age_ms_max: 300_000,
    /** How long a used nonce is remembered. */
    nonce_kept_ms: 86_400_000,
    submission_record_kept_ms: 2_592_000_000,
    retention_every_ms: 600_000,
    retention_batch_rows_max: 10_000,
    /** Age of a metagraph. An older one counts as none. */
    metagraph_age_ms_max: 86_400_000,
    /**
     * Bytes held in memory for all clients at once: bodies of uploads, unfinished heads, requests that wait behind another.
     * When all of it is in use, the process needs less than half of its container's 512 MiB.
     */
    held_bytes_max: 67_108_864,
    /** Bytes of `held_bytes_max` that one address may use: enough for three uploads of the largest size. */
    held_bytes_per_address_max: 25_165_824,
    /** Least bytes of an upload that must arrive in each `upload_pace_every_ms`: 16 KiB a second. */
    upload_pace_bytes_min: 163_840,
    upload_pace_every_ms: 10_000,
    /** Requests whose answer has not ended, WebSockets included: in all, from one address, to one challenge. */
    in_flight_max: 2_048,
    in_flight_per_address_max: 256,
    in_flight_per_challenge_max: 1_024,
    connections_max: 10_000,
    connections_per_address_max: 4_000,
    /** Bytes of a request's first line and headers together. */
    head_bytes_max: 32_768,
    /** Bytes of one line between the chunks of a body. */
    chunk_line_bytes_max: 1_024,
    /** Bytes of all lines after the last chunk of a body. */
    trailer_bytes_max: 8_192,
    head_ms_max: 15_000,
    /** Time for a whole request, from its first byte to its last. */
    request_ms_max: 300_000,
    /** How long a connection may be idle between two requests. */
    keep_alive_ms_max: 30_000,
    connection_check_every_ms: 1_000,
    /** How long a record of the registry is used before it is read again. */
    registry_cache_ms_max: 1_000,
    registry_cache_entries_max: 1_000,
    upstream_lookup_ms_max: 2_000,
    upstream_connect_ms_max: 5_000,
    /** Time from a request's last byte to the head of its answer. */
    upstream_head_ms_max: 300_000,
    upstream_head_bytes_max: 65_536,
    /** How long a connection may be idle and still be used again. Common Python servers close an idle connection after 5 s. */
    upstream_idle_ms_max: 2_000,
    /** The same for a request that cannot be repeated if the other side has just closed the connection. */
    upstream_idle_once_ms_max: 500,
    upstream_idle_connections_max: 64,
    uploads_per_minute_per_hotkey: 600,
    uploads_per_minute_per_address: 6_000,
    /** Addresses or hotkeys for which a request rate is remembered. */
    rate_keys_max: 50_000,
    certificate_check_every_ms: 5_000,
  },
  archive: {
    /** Bounds of input archives and of what jobs leave behind. `ArchiveLimits` explains each. */
    compressed_bytes_max: 268_435_456,
    expanded_bytes_max: 1_073_741_824,
    ratio_max: 200,
    ratio_free_bytes_max: 16_777_216,
    entries_max: 20_000,
    /** Parts of a name. A name of `name_bytes_max` cannot have more. */
    depth_max: 512,
    name_bytes_max: 1_024,
    header_bytes_max: 65_536,
    held_bytes_max: 33_554_432,
    copied_bytes_max: 67_108_864,
    /** Enough for `xz -9`, and for zstd up to level 20. */
    window_bytes_max: 67_108_864,
  },
  chain: {
    /** Time to open a connection and read the metadata. */
    connect_ms_max: 30_000,
    /** Time for one read: a storage query or a runtime call. */
    call_ms_max: 30_000,
    endpoints_max: 16,
    /** Blocks for which an extrinsic stays valid. They are also the deadline of its watch. */
    era_blocks: 16,
    /** Blocks beyond its era that an extrinsic may take to become final before its watch ends. */
    finality_blocks_max: 16,
    /** Blocks that are searched for an extrinsic whose nonce was already used. */
    search_blocks_max: 64,
    /** Bytes of a commit. The runtime calls this bound `MAX_CRV3_COMMIT_SIZE_BYTES`. */
    commit_bytes_max: 5_000,
    /** Bytes of a sealed weight vector that is fetched from the platform. */
    vector_bytes_max: 4_194_304,
    vector_fetch_ms_max: 15_000,
    /** How far the time of a vector may be ahead of our clock. */
    vector_clock_skew_ms_max: 120_000,
  },
} as const;
