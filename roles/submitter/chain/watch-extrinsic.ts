import type { WsProvider } from "@polkadot/api";

/** How watching ended. `error` is the node's refusal of the submission itself. */
export type WatchEnd =
  | { readonly kind: "finalized"; readonly block_hash: string }
  | { readonly kind: "error"; readonly error: Error }
  | { readonly kind: "lost"; readonly reason: string };

/** States after which the node tells no more, without the extrinsic being final. */
const lostStates = new Set(["dropped", "invalid", "usurped", "finalityTimeout"]);

/**
 * Submits an extrinsic and watches it on this connection until it is final. The library's own watching can stay silent
 * for ever after a reconnect, so this one ends with the connection, and at `deadline_ms` in any case. Never rejects.
 */
export async function watchExtrinsic(
  provider: WsProvider,
  extrinsic_hex: string,
  options: { readonly deadline_ms: number; included(block_hash: string): void },
): Promise<WatchEnd> {
  const end = Promise.withResolvers<WatchEnd>();
  const lose = (reason: string): void => end.resolve({ kind: "lost", reason });
  const timer = setTimeout(() => lose("not final within the era"), options.deadline_ms);
  const stopListening = provider.on("disconnected", () => lose("disconnected"));
  const onStatus = (error: Error | null, status: unknown): void => {
    const { name, hash } = readStatus(status);
    if (error !== null) lose(error.message);
    else if (name === "inBlock") options.included(hash);
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
    clearTimeout(timer);
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
