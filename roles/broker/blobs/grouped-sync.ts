import { open } from "node:fs/promises";

/**
 * Makes renames in a directory durable. Calls that arrive while an fsync runs share the next one. So however many writers
 * there are, at most two fsyncs are pending.
 */
export class GroupedSync {
  readonly #directory: string;
  #running: Promise<void> | null = null;
  #next: Promise<void> | null = null;

  constructor(directory: string) {
    this.#directory = directory;
  }

  /** Resolves when everything renamed before the call is on disk. */
  sync(): Promise<void> {
    if (this.#running === null) return this.#start();
    // The running fsync may have begun before the caller's rename, so it does not count.
    const ended = this.#running.then(nothing, nothing);
    this.#next ??= ended.then(() => this.#start());
    return this.#next;
  }

  #start(): Promise<void> {
    this.#next = null;
    const run = syncDirectory(this.#directory).finally(() => {
      if (this.#running === run) this.#running = null;
    });
    this.#running = run;
    return run;
  }
}

const nothing = () => undefined;

async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
