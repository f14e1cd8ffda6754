/** The bounds of evaluation jobs: `limits.jobs`. */
export const jobLimits = {
  /** A job request with its inline archives. */
  request_bytes_max: 64 * 1_048_576,
  /** From its first byte to its last. */
  request_ms_max: 120_000,
  /** Job requests that are held in memory at once, of all challenges. */
  held_bytes_max: 192 * 1_048_576,
  /** Storing one blob, from its first byte on: an upload, an output, a log. */
  blob_ms_max: 600_000,
  /** An uploaded input archive, compressed. */
  blob_bytes_max: 268_435_456,
  /**
   * What one writable mount may hold when the job ends. No file that a job writes may be larger (RLIMIT_FSIZE), unless it asked
   * for a larger tmpfs, which is memory: then as large as that, within its memory limit.
   */
  output_bytes_max: 268_435_456,
  /** Of what a job left that no archive may hold, so many names are told: of each mount, and of the job. */
  skipped_told_max: 5,
  /** Of a log, what is stored: its head and its tail. */
  log_bytes_max: 16 * 1_048_576,
  log_tail_bytes: 4 * 1_048_576,
  /** Lines by which the tail is asked for where a log cannot be read to its end in time; and that are held of a tail. */
  log_tail_lines: 50_000,
  /** Lines that are held in memory when a log is read after its end, before those of the tail. */
  log_lines_max: 1_000_000,
  /**
   * The engine's files of a log. A full file is thrown away whole, so that the last `files - 1` are kept for sure: 256 MiB. An
   * entry of the `local` driver has up to 30 bytes beside its text, so they hold 16 MiB of lines of one letter (8,388,608
   * entries of 31 bytes, 248 MiB). A worker's disk must have 320 MiB for a job's log.
   */
  log_file_mib: 64,
  log_files: 5,
  log_read_ms_max: 10_000,
  follow: {
    /** Jobs whose logs are followed at once; those of others are read at their end. */
    jobs_max: 500,
    /** A follow that says nothing for so long is opened anew, later and later up to the maximum. */
    silence_ms: 30_000,
    silence_ms_max: 300_000,
    again_ms: 1_000,
    /** How long the follow of a job that was stopped is heard on: its container is gone then. */
    drain_ms: 500,
    /** A log whose reading is cut is read anew so often. */
    readings_max: 3,
  },
  /** Pause before a log that could not be stored, or an inspection that failed, is tried again. */
  finish_again_ms: 2_000,
  /** Clients that read logs and artifacts at once, of all challenges. One that does not go on reading costs about 120 KiB. */
  readers_max: 1_000,
  /** stdout and stderr of the compatible run route, each. */
  tail_bytes: 64_000,
  /** A waiting client of the compatible run route hears something at least this often. */
  drip_ms: 5_000,
  dispatch: {
    /** Pause between two looks at the Swarm while something is about to change. */
    tick_ms: 100,
    /** While nothing is. */
    idle_tick_ms: 1_000,
    /** While jobs do nothing but run and looking costs much. */
    watching_tick_ms_max: 2_000,
    /** How often it looks at the Swarm though it knows of nothing to do. */
    idle_look_ms: 30_000,
    /** How often it looks for services and networks that nobody knows of. */
    tidy_ms: 60_000,
    /** What looking may cost while jobs only run: the pause is so many times the CPU time of the last look. */
    pause_per_cpu_ms: 40,
    /** Of each challenge's queue, and class, what a tick considers. */
    waiting_max: 32,
    /** Of what is to be ended or cleaned, what a tick takes up. */
    rows_max: 500,
    /** A lead is confirmed anew before a service is created when the last confirmation is older. */
    create_window_ms_max: 3_000,
    /** A worker whose disk was full gets no job for so long. */
    full_node_ms: 300_000,
    /** So long before a job's end, or since, its worker's disk must have been seen full for the end to be the platform's fault. */
    full_disk_window_ms: 60_000,
    /** How long a task may be missing from the Swarm's list before its job counts as failed. */
    task_missing_ms_max: 15_000,
  },
  queued_ms_max: 3_600_000,
  staging_ms_max: 300_000,
  starting_ms_max: 900_000,
  collecting_ms_max: 300_000,
  node_lost_ms: 60_000,
  /** An order to a worker is this old before the supervisor acts on it: by then the broker knows of it. */
  order_settle_ms: 5_000,
  /** Past its state's deadline by so much a job is stopped by the supervisor: the broker does not. */
  reap_ms: 120_000,
  inspect_ms_max: 10_000,
  /** A successor looks this long for the service of an intent before it ends the job. */
  intent_ms_max: 10_000,
  finished_ms_max: 7 * 86_400_000,
  /** Volumes of a finished job stay this long. */
  volume_ms_max: 120_000,
  /** Jobs that one run of the janitor cleans up after. */
  sweep_jobs_max: 500,
  /** A janitor that has not ended by then is given up. */
  janitor_ms_max: 120_000,
  /** After a job's end nothing that was asked for can come any more: only then the janitor looks. */
  sweep_after_ms: 15_000,
  /** Pause before a janitor that found something in use, or failed, is sent again. */
  sweep_again_ms: 10_000,
  /** A blob that no job uses. */
  unused_blob_ms_max: 86_400_000,
  /** A blob's file that no row names. */
  unnamed_file_ms_max: 3_600_000,
  retention_ms: 600_000,
  /** What must be free of a worker's disk, and of the blobs'. An archive brings at most 20,000 files. */
  free_bytes_min: 512 * 1_048_576,
  free_inodes_min: 20_000,
  /** The pace of a queue is that of its starts in the last `pace_ms`, and of not more than these. */
  pace_ms: 600_000,
  pace_starts_max: 200,
  /** What challenges may use is read anew for the place of a queued job when it is older. */
  policies_ms: 2_000,
  /** A place in the queue that is further back is said to be this one. */
  queue_position_max: 1_000,
  wait_seconds_max: 60,
  page_max: 200,
  idempotency_key_chars_max: 255,
} as const;
