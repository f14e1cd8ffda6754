import { watch } from "node:fs";
import { join } from "node:path";

/** Writes within this time count as one change, because editors write a file more than once. */
const settle_ms = 100;

export interface Reloading {
  readonly root: string;
  /** The folders below `root` that are watched, with their subfolders. */
  readonly folders: readonly string[];
  /** Builds what is stale. @returns the names of what it built */
  build(): Promise<readonly string[]>;
  /** Updates the running platform with what was built. */
  reload(): Promise<void>;
  say(line: string): void;
  readonly signal: AbortSignal;
}

/**
 * Reloads if and only if a file below `folders` changed and the build produced something new. It builds one change at a time;
 * changes during a build are built next. If the build or the reload fails, it says so and the platform goes on as it was.
 */
export async function reloadOnChange({ root, folders, build, reload, say, signal }: Reloading): Promise<void> {
  let change = Promise.withResolvers<void>();
  const watchers = folders.map((folder) =>
    watch(join(root, folder), { recursive: true, persistent: true }, () => change.resolve()),
  );
  signal.addEventListener("abort", () => change.resolve(), { once: true });
  say(`watching ${folders.join(" and ")}`);
  try {
    for (await change.promise; !signal.aborted; await change.promise) {
      await Bun.sleep(settle_ms);
      change = Promise.withResolvers<void>();
      if (signal.aborted) change.resolve();
      await round({ build, reload, say });
    }
  } finally {
    for (const watcher of watchers) watcher.close();
  }
}

async function round({ build, reload, say }: Pick<Reloading, "build" | "reload" | "say">): Promise<void> {
  const started = performance.now();
  try {
    const made = await build();
    if (made.length === 0) return;
    await reload();
    say(`reloaded in ${((performance.now() - started) / 1_000).toFixed(1)} s: ${made.join(", ")}`);
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    say(`not reloaded, the platform goes on as it was: ${error.message}`);
  }
}
