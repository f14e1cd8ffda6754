import { jobLimits } from "./job-limits.ts";

/**
 * Every bound of the platform, in one place, grouped by subject. The unit is the last word of a name before `_max`.
 * Deployments change some of them by configuration; these are the defaults and the hard ceilings.
 */
export const limits = {
  http: {
    /** A JSON request body of an administrative route. */
    json_bytes_max: 1_048_576,
    /** How long a client may take to send the body of an administrative route. */
    request_ms_max: 30_000,
    /** How long a client may send nothing of a body that is waited for. */
    body_silence_ms_max: 10_000,
    /** What a refused client may still send before its connection is closed. */
    drain_bytes_max: 536_870_912,
    drain_ms_max: 10_000,
    /** Of one whose connection closes with the answer's end. */
    drain_silence_ms_max: 500,
    /** Longest accepted X-Request-Id of a caller. */
    request_id_chars_max: 64,
    /** For how long one answer to an anonymous read serves all who ask. */
    public_read_ms: 500,
  },
  process: {
    /** From SIGTERM to exit. */
    shutdown_ms_max: 10_000,
    /** Open connections to a loopback port that leads to a socket. */
    loopback_connections_max: 256,
    /** One dependency probe of --check or /readyz. */
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
    /** How often a follower asks for the lead, and a leader makes sure of it at least. */
    lead_heartbeat_ms: 2_000,
    /** First pause after a failure to ask for the lead; doubles up to the maximum. */
    lead_retry_ms: 1_000,
    lead_retry_ms_max: 15_000,
    /** How long a role waits for the schema version it needs before it gives up. */
    schema_wait_ms_max: 120_000,
  },
  engine: {
    /** One call to the Engine API that is not a stream. */
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
    /** One readiness probe: both questions together, and the bytes of one answer. */
    probe_ms_max: 5_000,
    probe_bytes_max: 65_536,
  },
  weights: {
    /** A challenge's answer to get_weights, decompressed. */
    answer_bytes_max: 1_048_576,
    /**
     * Hotkeys in one challenge's answer: the most that the challenge SDK answers, and that the aggregator takes. An epoch of 64
     * challenges with so many each takes 8 s on two busy cores and 400 MiB, of the 512 MiB that the aggregator's container has;
     * 16 challenges with 100,000 each would take 1.8 GB. `answer_bytes_max` holds so many at their longest.
     */
    hotkeys_max: 10_000,
    hotkey_chars_max: 64,
    /** Characters of a challenge's failure that are kept and published. */
    error_chars_max: 200,
    /** From the question to the last byte of the answer. */
    answer_ms_max: 30_000,
    /** How long a challenge may fail and still be counted by its last good weights. */
    stale_epochs_max: 10,
    /** Sealed epochs that are kept, their inputs with them. */
    epochs_kept_max: 2_000,
    /** An older metagraph is not sealed with. */
    metagraph_age_ms_max: 86_400_000,
    /** Pause before an epoch that could not be sealed is tried again. */
    seal_again_ms: 5_000,
  },
  challenge_sdk: {
    /** What a submission may weigh; the proxy's own bound is 7,500,000. */
    submission_bytes_max: 8_000_000,
    /** From a submission's first byte to its last. */
    submission_ms_max: 60_000,
    /** What a submission that is an archive may hold, expanded: it is checked in memory. */
    archive_bytes_max: 67_108_864,
    /** Unfinished submissions of one hotkey; more are refused with 429. */
    pending_per_hotkey_max: 32,
    /** Submissions a challenge keeps; at this many, new ones are refused with 503. */
    submissions_max: 200_000,
    /** How long a finished submission is kept, unless it is its hotkey's best. */
    retention_ms_max: 90 * 86_400_000,
    /** How long the bytes of a finished submission are kept. */
    content_retention_ms_max: 7 * 86_400_000,
    retention_every_ms: 3_600_000,
    /** Jobs a submission may get when its own fault did not end them. */
    attempts_max: 3,
    /** First pause between two attempts; doubles. */
    attempt_pause_ms: 5_000,
    /** From the arrival of a submission, or the end of its last job, to the broker's acceptance of a job. */
    received_ms_max: 24 * 3_600_000,
    /** All deadlines of a job's states together (queued, staging, starting, collecting), and scoring; its own timeout comes on top. */
    evaluating_ms_max: 100 * 60_000,
    /** What a submission is given at least to go on after a restart, though its deadline is past. */
    last_chance_ms: 60_000,
    broker_call_ms_max: 60_000,
    broker_wait_ms: 30_000,
    /** A broker's JSON answer. */
    broker_json_bytes_max: 1_048_576,
    /** A score's details as JSON. */
    details_bytes_max: 65_536,
  },
  proxy: {
    /** A signed upload's body; the contract's default. */
    submission_bytes_max: 7_500_000,
    /** Bytes and time spent on reading what a refused client still sends, so that it sees the refusal. */
    drain_bytes_max: 67_108_864,
    drain_ms_max: 30_000,
    /** A refused client that sends nothing for so long waits for the refusal. */
    drain_silence_ms_max: 5_000,
    /** How long a client may leave an answer unread that waits for it. */
    unsent_ms_max: 300_000,
    /** How long a connection that we ended stays for its client to read the last answer. */
    linger_ms_max: 2_000,
    /** What it may still send in that time. */
    linger_bytes_max: 1_048_576,
    /** How far an upload's timestamp may be from now, either way. */
    signature_age_ms_max: 300_000,
    /** How long a used nonce is remembered. */
    nonce_kept_ms: 86_400_000,
    submission_record_kept_ms: 2_592_000_000,
    retention_every_ms: 600_000,
    retention_batch_rows_max: 10_000,
    /** An older metagraph counts as none. */
    metagraph_age_ms_max: 86_400_000,
    /**
     * What is held in memory for clients at once: bodies of uploads, heads that have not ended, requests that wait behind another.
     * With all of it held the process stays under half of its container's 512 MiB.
     */
    held_bytes_max: 67_108_864,
    /** Of that, one address's share: three uploads of the largest size. */
    held_bytes_per_address_max: 25_165_824,
    /** The least that must come of an upload in each such time: 16 KiB a second. */
    upload_pace_bytes_min: 163_840,
    upload_pace_every_ms: 10_000,
    /** Requests from their head to the end of their answer, WebSockets too: in all, of one address, to one challenge. */
    in_flight_max: 2_048,
    in_flight_per_address_max: 256,
    in_flight_per_challenge_max: 1_024,
    connections_max: 10_000,
    connections_per_address_max: 4_000,
    /** A request's line and headers together. */
    head_bytes_max: 32_768,
    /** A line between the chunks of a body, and all lines behind its last chunk. */
    chunk_line_bytes_max: 1_024,
    trailer_bytes_max: 8_192,
    head_ms_max: 15_000,
    /** A whole request, from its first byte to its last. */
    request_ms_max: 300_000,
    /** An idle connection between two requests. */
    keep_alive_ms_max: 30_000,
    connection_check_every_ms: 1_000,
    /** How long a record of the registry is believed. */
    registry_cache_ms_max: 1_000,
    registry_cache_entries_max: 1_000,
    upstream_lookup_ms_max: 2_000,
    upstream_connect_ms_max: 5_000,
    /** From a request's last byte to the head of its answer. */
    upstream_head_ms_max: 300_000,
    upstream_head_bytes_max: 65_536,
    /** Shorter than the 5 s after which common Python servers close an idle connection. */
    upstream_idle_ms_max: 2_000,
    /** The same for a request that cannot be made again when the other side had just closed it. */
    upstream_idle_once_ms_max: 500,
    upstream_idle_connections_max: 64,
    uploads_per_minute_per_hotkey: 600,
    uploads_per_minute_per_address: 6_000,
    /** Addresses or hotkeys whose rates are remembered. */
    rate_keys_max: 50_000,
    certificate_check_every_ms: 5_000,
  },
  archive: {
    /** Input archives and what jobs leave behind; see `ArchiveLimits`. */
    compressed_bytes_max: 268_435_456,
    expanded_bytes_max: 1_073_741_824,
    ratio_max: 200,
    ratio_free_bytes_max: 16_777_216,
    entries_max: 20_000,
    /** As many as `name_bytes_max` holds: the bytes are the bound. */
    depth_max: 512,
    name_bytes_max: 1_024,
    header_bytes_max: 65_536,
    held_bytes_max: 33_554_432,
    copied_bytes_max: 67_108_864,
    /** `xz -9`, and zstd to level 20. */
    window_bytes_max: 67_108_864,
  },
  chain: {
    /** Opening a connection, metadata included. */
    connect_ms_max: 30_000,
    /** One read: a storage query or runtime call. */
    call_ms_max: 30_000,
    endpoints_max: 16,
    /** Blocks an extrinsic stays valid; the deadline of its watch. */
    era_blocks: 16,
    /** Blocks beyond its era that an extrinsic may take to become final before its watch ends. */
    finality_blocks_max: 16,
    /** Blocks searched for an extrinsic whose nonce is used. */
    search_blocks_max: 64,
    /** `MAX_CRV3_COMMIT_SIZE_BYTES` of the runtime. */
    commit_bytes_max: 5_000,
    /** A sealed weight vector fetched from the platform. */
    vector_bytes_max: 4_194_304,
    vector_fetch_ms_max: 15_000,
    /** How far a vector's time may lie ahead of our clock. */
    vector_clock_skew_ms_max: 120_000,
  },
} as const;
