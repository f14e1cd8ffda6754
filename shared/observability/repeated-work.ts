import type { Logger } from "./logger.ts";

/** Work that is done again and again: its failure is logged when it begins and when its cause changes, its end once. */
export class RepeatedWork {
  readonly #log: Logger;
  readonly #what: string;
  #cause: string | null = null;

  /** @param what a noun, as in "reconciling": log lines say that it fails, and that it works again */
  constructor(log: Logger, what: string) {
    this.#log = log;
    this.#what = what;
  }

  failed(error: unknown): void {
    const cause = error instanceof Error ? error.message : String(error);
    if (cause !== this.#cause) this.#log.error({ err: error }, `${this.#what} fails: it is tried again until it works`);
    this.#cause = cause;
  }

  worked(): void {
    if (this.#cause !== null) this.#log.info(`${this.#what} works again`);
    this.#cause = null;
  }
}
