/** The part of a logger that it needs. */
interface Log {
  error(fields: object, line: string): void;
  info(line: string): void;
}

/** Logs for work that repeats: a failure when it begins and when its cause changes, and once that the work succeeds again. */
export class RepeatedWork {
  readonly #log: Log;
  readonly #what: string;
  #cause: string | null = null;

  /** @param what the subject of the log lines: "reconciling" makes "reconciling fails: …" and "reconciling works again" */
  constructor(log: Log, what: string) {
    this.#log = log;
    this.#what = what;
  }

  failed(error: unknown): void {
    const cause = error instanceof Error ? error.message : String(error);
    if (cause !== this.#cause) this.#log.error({ err: error }, `${this.#what} fails; it is tried again until it works`);
    this.#cause = cause;
  }

  worked(): void {
    if (this.#cause !== null) this.#log.info(`${this.#what} works again`);
    this.#cause = null;
  }
}
