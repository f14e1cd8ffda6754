import { limits } from "#shared/schemas/limits.ts";
import { pause } from "#shared/time/pause.ts";
import type { DispatchWorld } from "../lifecycle/world.ts";
import { readFinally } from "./final-reading.ts";
import { asRecord, isGap, LogCursor, type LogRecord, linesOf, parseRecords, recordBytes } from "./job-log.ts";
import { StreamBytes } from "./stream-bytes.ts";

type FollowWorld = Pick<DispatchWorld, "clock" | "logs" | "log" | "changed"> & {
  readonly engine: Pick<DispatchWorld["engine"], "taskLogs">;
};

/** The name under which `Changes` announces growth of a job's log. */
export const logChange = (id: string) => `log/${id}`;

const { follow, log_bytes_max, log_tail_bytes } = limits.jobs;
/** Pieces that wait to be written; more are not read before they are. */
const pending_max = 4_096;
/** A follow brings the head of a log; the tail is read at its end. */
const head_bytes_max = log_bytes_max - log_tail_bytes;

/** Collects one job's log: follows it while the job runs, and reads it whole after the end. */
class JobLog {
  readonly #world: FollowWorld;
  readonly #id: string;
  readonly #task_id: string;
  readonly #streams = new StreamBytes();
  #cursor = new LogCursor();
  #hasGap = false;
  #isWriting = false;
  readonly #over = new AbortController();
  #attempt = new AbortController();
  #pending: LogRecord[] = [];
  #bytes = 0;
  #loading: Promise<void> | null = null;
  #writing: Promise<void> = Promise.resolve();
  #following: Promise<void> | null = null;
  /** How many times the log was read after the task's end. */
  #readings = 0;

  constructor(world: FollowWorld, id: string, taskId: string) {
    this.#world = world;
    this.#id = id;
    this.#task_id = taskId;
  }

  follow(): void {
    this.#following ??= this.#follow();
  }

  /** Opens the follow anew, because after a cut a follow hangs without ending (jobs §7). */
  reopen(): void {
    this.#attempt.abort(new Error("reopened"));
  }

  /** Stops the follow. Resolves when nothing more is written. */
  async stop(): Promise<void> {
    this.#over.abort(new Error("stopped"));
    this.#attempt.abort(new Error("stopped"));
    await this.#following;
    await this.#writing;
  }

  /**
   * Reads the rest once the task is over, because a follow does not tell when it has everything. Stopping a job removes its
   * container, and any output that the follow had not received.
   *
   * @returns whether nothing is missing
   * @throws Error when the read was cut, and another read may succeed
   */
  async finish(wasStopped: boolean): Promise<boolean> {
    const { engine, clock } = this.#world;
    if (wasStopped && this.#following) await clock.sleep(follow.drain_ms);
    await this.stop();
    await this.#load();
    const stored = { bytes: this.#bytes, streams: this.#streams, hasGap: this.#hasGap, cursor: this.#cursor };
    const { records, cursor, isComplete, isCut } = await readFinally({ engine, clock }, this.#task_id, stored);
    this.#readings += 1;
    if (isCut && !wasStopped && this.#readings < follow.readings_max) throw new Error("the log was cut");
    this.#cursor = cursor;
    for (const record of records) this.#keep(record);
    await this.#flush();
    return isComplete && !wasStopped;
  }

  async #follow(): Promise<void> {
    const { clock, log } = this.#world;
    let silence_ms: number = follow.silence_ms;
    let again_ms: number = follow.again_ms;
    while (!this.#over.signal.aborted && this.#bytes <= head_bytes_max) {
      try {
        await this.#load();
        const count = await this.#followOnce(silence_ms);
        silence_ms = count > 0 ? follow.silence_ms : Math.min(2 * silence_ms, follow.silence_ms_max);
        again_ms = count > 0 ? follow.again_ms : Math.min(2 * again_ms, follow.silence_ms);
      } catch (error) {
        log.debug({ err: error, job: this.#id }, "a log follow ended");
      }
      await pause(clock, again_ms, this.#over.signal);
    }
  }

  /** @returns how many new pieces came until the end of the stream, `silence_ms` without any, or a reopening */
  async #followOnce(silence_ms: number): Promise<number> {
    const { engine, clock } = this.#world;
    const attempt = new AbortController();
    this.#attempt = attempt;
    this.#cursor.startReading();
    let count = 0;
    let heard_ms = clock.monotonic();
    const done = new AbortController();
    void watchSilence();
    try {
      const options = { follow: true, since: this.#cursor.since, signal: attempt.signal };
      for await (const chunk of engine.taskLogs(this.#task_id, options)) {
        if (attempt.signal.aborted) break;
        heard_ms = clock.monotonic();
        if (this.#take(asRecord(chunk))) count += 1;
        if (this.#bytes > head_bytes_max) break;
        if (this.#pending.length > pending_max) await this.#flush();
        // A failure is met again by the next one that is awaited.
        else if (!this.#isWriting) this.#flush().catch(() => undefined);
      }
    } finally {
      done.abort();
      await this.#flush();
    }
    return count;

    async function watchSilence(): Promise<void> {
      while (!done.signal.aborted) {
        await pause(clock, silence_ms, done.signal);
        if (!done.signal.aborted && clock.monotonic() - heard_ms >= silence_ms) attempt.abort(new Error("silent"));
      }
    }
  }

  #take(record: LogRecord): boolean {
    if (this.#bytes > head_bytes_max || !this.#cursor.isNew(record)) return false;
    this.#keep(record);
    return true;
  }

  #keep(record: LogRecord): void {
    this.#count(record);
    this.#pending.push(record);
  }

  #count(record: LogRecord): void {
    if (isGap(record)) this.#hasGap = true;
    else this.#streams.push(record);
    this.#bytes += recordBytes(record);
  }

  /** What an earlier leader brought in. */
  #load(): Promise<void> {
    this.#loading ??= this.#world.logs.load(this.#id).then(
      (text) => {
        for (const record of parseRecords(text)) {
          if (!isGap(record)) this.#cursor.isNew(record);
          this.#count(record);
        }
      },
      (error: unknown) => {
        this.#loading = null;
        throw error;
      },
    );
    return this.#loading;
  }

  /** Writes one batch after another. A batch that could not be written is kept for the next write. */
  #flush(): Promise<void> {
    const written = this.#writing.then(() => this.#write());
    this.#writing = written.catch(() => undefined);
    return written;
  }

  /** Writes what waits, also what comes meanwhile. */
  async #write(): Promise<void> {
    this.#isWriting = true;
    try {
      while (this.#pending.length > 0) {
        const records = this.#pending.slice(0, pending_max);
        await this.#world.logs.append(this.#id, linesOf(records));
        this.#pending = this.#pending.slice(records.length);
        this.#world.changed(logChange(this.#id));
      }
    } finally {
      this.#isWriting = false;
    }
  }
}

/** The logs of all running jobs. At most `follow.jobs_max` are followed at once; the others are read at their end. */
export class LogFollows {
  readonly #world: FollowWorld;
  readonly #logs = new Map<string, { readonly log: JobLog; readonly node_id: string; isFollowed: boolean }>();
  readonly #away = new Set<string>();

  constructor(world: FollowWorld) {
    this.#world = world;
  }

  /** Follows the log of a running task, unless it is followed already. */
  follow(id: string, taskId: string, node_id: string): void {
    const known = this.#logs.get(id);
    if (known?.isFollowed || this.#logs.size >= follow.jobs_max || this.#away.has(node_id)) return;
    const entry = known ?? { log: new JobLog(this.#world, id, taskId), node_id, isFollowed: true };
    this.#logs.set(id, entry);
    entry.log.follow();
  }

  /** Opens follows anew whose node left Ready and came back, because that cut them. */
  seeNode(node_id: string, isReady: boolean): void {
    if (!isReady) this.#away.add(node_id);
    else if (this.#away.delete(node_id))
      for (const entry of this.#logs.values()) if (entry.node_id === node_id) entry.log.reopen();
  }

  /** Reads the whole log of an ended task. @returns whether nothing is missing @throws Error when it must be tried again */
  async finish(id: string, taskId: string, wasStopped: boolean): Promise<boolean> {
    const entry = this.#logs.get(id) ?? { log: new JobLog(this.#world, id, taskId), node_id: "", isFollowed: false };
    this.#logs.set(id, entry);
    const isComplete = await entry.log.finish(wasStopped);
    this.#logs.delete(id);
    return isComplete;
  }

  /** Stops following an ended job. */
  forget(id: string): void {
    void this.#logs.get(id)?.log.stop();
    this.#logs.delete(id);
  }

  /** Stops all follows. Resolves when no log is written any more, because a later leader uses the same files. */
  async stop(): Promise<void> {
    const logs = [...this.#logs.values()];
    this.#logs.clear();
    await Promise.all(logs.map(({ log }) => log.stop()));
  }
}
