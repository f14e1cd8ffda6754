/** The bounds of evaluation jobs: `limits.jobs`. */
export const jobLimits = {
  /** Bytes of a job request with its inline archives. */
  request_bytes_max: 64 * 1_048_576,
  /** Time for a job request, from its first byte to its last. */
  request_ms_max: 120_000,
  /** Bytes of all challenges' job requests that are held in memory at once. */
  held_bytes_max: 192 * 1_048_576,
  /** Time to store one blob, from its first byte on. A blob is an upload, an output or a log. */
  blob_ms_max: 600_000,
  /** Bytes of an uploaded input archive, compressed. */
  blob_bytes_max: 268_435_456,
  /**
   * Bytes that one writable mount may hold when the job ends. No file that a job writes may be larger (RLIMIT_FSIZE). A job
   * that asked for a larger tmpfs may write files as large as that tmpfs. A tmpfs is memory, so the memory limit holds as well.
   */
  output_bytes_max: 268_435_456,
  /** Names that are reported of outputs that no archive may hold: for each mount, and for the whole job. */
  skipped_told_max: 5,
  /** Bytes of a log that are stored: its head and its tail together. */
  log_bytes_max: 16 * 1_048_576,
  /** Bytes of `log_bytes_max` that belong to the tail. */
  log_tail_bytes: 4 * 1_048_576,
  /** Lines of a tail held in memory. Where a log cannot be read to its end in time, only these last lines are read. */
  log_tail_lines: 50_000,
  /** Lines of the head that are held in memory when a log is read after its end. */
  log_lines_max: 1_000_000,
  /**
   * Size and number of the files in which the engine keeps a log. The engine deletes the oldest file as a whole. So only four
   * of the five files are sure to stay: 256 MiB. An entry of the `local` driver has up to 30 bytes beside its text. The four files
   * therefore hold 16 MiB of lines of one letter (8,388,608 entries of 31 bytes, 248 MiB). A worker's disk must have
   * 320 MiB for a job's log.
   */
  log_file_mib: 64,
  log_files: 5,
  log_read_ms_max: 10_000,
  follow: {
    /** Jobs whose logs are followed at once. The logs of other jobs are read when they end. */
    jobs_max: 500,
    /** A follow that brings nothing for this long is opened again. Each silent follow doubles the time, up to the maximum. */
    silence_ms: 30_000,
    silence_ms_max: 300_000,
    /** First pause before a follow is opened again. It doubles with each silent follow, up to `silence_ms`. */
    again_ms: 1_000,
    /** How long the log of a stopped job is still followed. Its container is gone, so a later read finds nothing. */
    drain_ms: 500,
    /** A log whose reading is cut short is read again, at most this many times in all. */
    readings_max: 3,
  },
  /** Pause before a failed inspection, or the storing of a log, is tried again. */
  finish_again_ms: 2_000,
  /** Clients of all challenges that read logs and artifacts at once. One that stops reading costs about 120 KiB. */
  readers_max: 1_000,
  /** Bytes of stdout, and of stderr, in an answer of the compatible run route. */
  tail_bytes: 64_000,
  /** A waiting client of the compatible run route is sent something at least this often. */
  drip_ms: 5_000,
  dispatch: {
    /** Pause between two looks at the Swarm while a change is expected. */
    tick_ms: 100,
    /** The same pause while no change is expected. */
    idle_tick_ms: 1_000,
    /** Longest such pause while jobs only run and a look costs much CPU time. */
    watching_tick_ms_max: 2_000,
    /** The leader looks at the Swarm at least this often, even when it knows of nothing to do. */
    idle_look_ms: 30_000,
    /** How often the leader looks for leftover services and networks of jobs that are already cleaned up. */
    tidy_ms: 60_000,
    /** While jobs only run, the pause is this many times the CPU time of the last look. */
    pause_per_cpu_ms: 40,
    /** Waiting jobs that a tick considers of each challenge and worker class. */
    waiting_max: 32,
    /** Jobs that a tick takes from each list of jobs to end or to clean up. */
    rows_max: 500,
    /** Age of the last confirmation of the lead. If it is older, the leader confirms it again before it creates a service. */
    create_window_ms_max: 3_000,
    /** How long a worker gets no job after its disk was full. */
    full_node_ms: 300_000,
    /** A full disk explains a job's end if it was seen after the end, or at most this long before. The platform is then at fault. */
    full_disk_window_ms: 60_000,
    /** How long a task may be missing from the Swarm's list before its job counts as failed. */
    task_missing_ms_max: 15_000,
  },
  queued_ms_max: 3_600_000,
  staging_ms_max: 300_000,
  starting_ms_max: 900_000,
  collecting_ms_max: 300_000,
  node_lost_ms: 60_000,
  /** The supervisor acts on an order to a worker when the order is this old. By then the broker knows of it. */
  order_settle_ms: 5_000,
  /** The supervisor stops a job this long after the deadline of its state. A broker that runs has ended it before. */
  reap_ms: 120_000,
  inspect_ms_max: 10_000,
  /** A new leader looks this long for a service that the former leader meant to create. Then it ends the job. */
  intent_ms_max: 10_000,
  finished_ms_max: 7 * 86_400_000,
  /** How long the volumes of a finished job stay. */
  volume_ms_max: 120_000,
  /** Jobs whose remains one run of the janitor removes. */
  sweep_jobs_max: 500,
  /** Time for one run of the janitor. A longer run is given up. */
  janitor_ms_max: 120_000,
  /** How long the janitor waits after a job's end. A stager that started late has appeared by then. */
  sweep_after_ms: 15_000,
  /** Pause before the janitor is sent again after it failed or found something in use. */
  sweep_again_ms: 10_000,
  /** How long a blob that no job uses is kept. */
  unused_blob_ms_max: 86_400_000,
  /** How long a file in the blob store is kept when no database row names it. */
  unnamed_file_ms_max: 3_600_000,
  retention_ms: 600_000,
  /** Bytes that must be free on a worker's disk, and on the disk of the blobs. */
  free_bytes_min: 512 * 1_048_576,
  /** Files that there must be room for. An archive brings at most 20,000 files. */
  free_inodes_min: 20_000,
  /** The pace of a queue is measured by its starts in the last `pace_ms`, but by no more than the last `pace_starts_max`. */
  pace_ms: 600_000,
  pace_starts_max: 200,
  /** Age of the challenges' job policies when the place of a queued job is told. Older ones are read again. */
  policies_ms: 2_000,
  /** Highest place in the queue that is told. A job further back is told this place too. */
  queue_position_max: 1_000,
  wait_seconds_max: 60,
  page_max: 200,
  idempotency_key_chars_max: 255,
} as const;
