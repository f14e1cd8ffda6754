import type { Logger } from "../observability/logger.ts";
import type { Probe } from "../observability/ops.ts";
import { limits } from "../schemas/limits.ts";
import type { Clock } from "../time/clock.ts";
import { connectDatabase, type Database, type Transaction } from "./database.ts";

const { lead_heartbeat_ms, lead_retry_ms, lead_retry_ms_max } = limits.database;

/** A task that one process at a time may do: the lock, and the row that holds the fencing number. */
export interface Seat {
  /** The name of the connection in Postgres. */
  readonly name: string;
  /** Key of the advisory lock: one number, or two. */
  readonly lock: readonly [number] | readonly [number, number];
  readonly table: string;
  readonly key_column: string;
  readonly key: number;
}

/** Another process leads, or may lead by now: this one must stop acting. */
export class LeadLostError extends Error {
  override readonly name = "LeadLostError";
}

export interface Lead {
  /** Higher than the number of every former leader. A leader's writes carry it. */
  readonly fencing: number;
  /** To be called in each transaction that writes: see {@link guardFencing}. */
  guard(tx: Transaction): Promise<void>;
  /** Makes sure of the lock, unless that was done within `age_ms_max`. @throws LeadLostError when the lock's connection is gone */
  confirm(age_ms_max?: number): Promise<void>;
  /** Gives the lead up. */
  release(): Promise<void>;
}

export interface CandidateOptions {
  readonly database_url: string;
  readonly seat: Seat;
  readonly clock: Clock;
  readonly log: Logger;
}

/** A process that wants to lead. The lock has a connection of its own: when the connection is lost, the lead is lost. */
export class Candidate {
  readonly #options: CandidateOptions;
  #standing: "asking" | "leads" | "follows" | "cannot lead" = "asking";
  /** Why it cannot lead. */
  #reason = "the lock was not asked for yet";
  #failures = 0;

  constructor(options: CandidateOptions) {
    this.#options = options;
  }

  /**
   * Waits until this process leads. While another holds the lock it asks again at every heartbeat. Any other failure is logged
   * once and tried again, each time after a longer pause.
   *
   * @throws the signal's reason when it is aborted
   */
  async take(signal: AbortSignal): Promise<Lead> {
    for (;;) {
      signal.throwIfAborted();
      const lead = await this.#try();
      if (typeof lead !== "number") return lead;
      await this.#options.clock.sleep(lead, signal);
    }
  }

  /** For `/readyz`: `leads` or `follows`; fails with the cause while this process can do neither. */
  get probe(): Probe {
    return {
      name: "lead",
      run: async () => {
        if (this.#standing === "leads" || this.#standing === "follows") return this.#standing;
        throw new Error(`cannot lead: ${this.#reason}`);
      },
    };
  }

  /** The lead, or how many milliseconds to wait before the next try. */
  async #try(): Promise<Lead | number> {
    const { database_url, seat, clock, log } = this.#options;
    const sql = connectDatabase(database_url, `${seat.name}-lead`, { connections_max: 1, isKept: true });
    try {
      const lead = await tryLead(sql, seat, clock);
      this.#failures = 0;
      if (!lead) await sql.end({ timeout: 1 });
      if (this.#standing !== "follows" && !lead) log.info(`another ${seat.name} leads; this one follows`);
      if (lead) log.info({ fencing: lead.fencing }, `this ${seat.name} leads`);
      this.#standing = lead ? "leads" : "follows";
      return lead ? { ...lead, release: () => this.#release(lead) } : lead_heartbeat_ms;
    } catch (error) {
      await sql.end({ timeout: 1 });
      return this.#fail(error);
    }
  }

  #fail(error: unknown): number {
    const { seat, log } = this.#options;
    const reason = error instanceof Error ? error.message : String(error);
    const isKnown = this.#standing === "cannot lead" && this.#reason === reason;
    this.#standing = "cannot lead";
    this.#reason = reason;
    if (!isKnown) log.error({ err: error }, `the ${seat.name} cannot take the lead; it tries again until it can`);
    this.#failures += 1;
    return Math.min(lead_retry_ms * 2 ** (this.#failures - 1), lead_retry_ms_max);
  }

  async #release(lead: Lead): Promise<void> {
    this.#standing = "asking";
    this.#reason = "the lead was given up and not taken again yet";
    await lead.release();
  }
}

/** Null when another process holds the lock. */
async function tryLead(sql: Database, seat: Seat, clock: Clock): Promise<Lead | null> {
  let confirmed_ms = clock.monotonic();
  const [first, second] = seat.lock;
  const key = second === undefined ? sql`${first}` : sql`${first}, ${second}`;
  const [row] = await sql`select pg_try_advisory_lock(${key}) as is_held, pg_backend_pid() as pid`;
  if (row?.["is_held"] !== true) return null;
  const table = sql(seat.table);
  const column = sql(seat.key_column);
  const [lead] = await sql`insert into ${table} (${column}, fencing) values (${seat.key}, 1)
    on conflict (${column}) do update set fencing = ${table}.fencing + 1 returning fencing::int`;
  const fencing = lead?.["fencing"] as number;
  return {
    fencing,
    guard: (tx) => guardFencing(tx, seat, fencing),
    async confirm(age_ms_max = 0) {
      const asked_ms = clock.monotonic();
      if (asked_ms - confirmed_ms < age_ms_max) return;
      // The library reconnects by itself. The new session has another backend, and not the lock.
      const [now] = await sql`select pg_backend_pid() as pid`.catch((cause: unknown) => {
        throw new LeadLostError("the lock's connection is gone", { cause });
      });
      if (now?.["pid"] !== row["pid"]) throw new LeadLostError("the lock's connection was replaced");
      confirmed_ms = asked_ms;
    },
    release: () => sql.end({ timeout: 1 }),
  };
}

/**
 * Makes sure that no later leader of `seat` wrote, and lets none write until the transaction ends.
 *
 * @throws LeadLostError when a later leader has written
 */
export async function guardFencing(tx: Transaction, seat: Seat, fencing: number): Promise<void> {
  const [current] = await tx`
    select fencing::int from ${tx(seat.table)} where ${tx(seat.key_column)} = ${seat.key} for share`;
  if (current?.["fencing"] !== fencing) throw new LeadLostError("a later leader has written");
}
