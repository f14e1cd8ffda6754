import type { WsProvider } from "@polkadot/api";
import type { Clock } from "#shared/time/clock.ts";
import { pause } from "#shared/time/pause.ts";

/** How watching ended. `error`: the node refused the submission itself. `lost`: nobody can tell from this connection. */
export type WatchEnd =
  | { readonly kind: "finalized"; readonly block_hash: string }
  | { readonly kind: "error"; readonly error: Error }
  | { readonly kind: "lost"; readonly reason: string };

export interface WatchOptions {
  readonly clock: Clock;
  readonly deadline_ms: number;
  /** Called when a block holds the extrinsic; that block may still be undone. */
  included(block_hash: string): void;
}

/** After these states the node reports nothing more, and the extrinsic is not final. */
const lostStates = new Set(["dropped", "invalid", "usurped", "finalityTimeout"]);

/**
 * Submits an extrinsic and watches it on this connection until it is final. It ends when the connection does, and after
 * `deadline_ms` at the latest: the library's own watching can stay silent for ever after a reconnect. Never rejects.
 */
export async function watchExtrinsic(
  provider: WsProvider,
  extrinsic_hex: string,
  { clock, deadline_ms, included }: WatchOptions,
): Promise<WatchEnd> {
  const end = Promise.withResolvers<WatchEnd>();
  const lose = (reason: string): void => end.resolve({ kind: "lost", reason });
  const done = new AbortController();
  void pause(clock, deadline_ms, done.signal).then(() => lose("not final within the era"));
  const stopListening = provider.on("disconnected", () => lose("disconnected"));
  const onStatus = (error: Error | null, status: unknown): void => {
    const { name, hash } = readStatus(status);
    if (error !== null) lose(error.message);
    else if (name === "inBlock") included(hash);
    else if (name === "finalized") end.resolve({ kind: "finalized", block_hash: hash });
    else if (lostStates.has(name)) lose(name);
  };
  provider.subscribe("author_extrinsicUpdate", "author_submitAndWatchExtrinsic", [extrinsic_hex], onStatus).then(
    (id) =>
      void end.promise
        .then(() => provider.unsubscribe("author_extrinsicUpdate", "author_unwatchExtrinsic", id))
        .catch(() => undefined),
    (error: Error) => (isConnectionLoss(error) ? lose("disconnected") : end.resolve({ kind: "error", error })),
  );
  try {
    return await end.promise;
  } finally {
    done.abort();
    stopListening();
  }
}

function readStatus(status: unknown): { readonly name: string; readonly hash: string } {
  if (typeof status === "string") return { name: status, hash: "" };
  const [name = "", hash] = Object.entries(status as Record<string, unknown>)[0] ?? [];
  return { name, hash: typeof hash === "string" ? hash : "" };
}

function isConnectionLoss(error: Error & { readonly code?: unknown }): boolean {
  return typeof error.code !== "number";
}
