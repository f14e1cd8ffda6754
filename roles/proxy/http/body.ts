import { ProblemError } from "#shared/http/problem.ts";
import { limits } from "#shared/schemas/limits.ts";
import type { ByteBudget } from "./byte-budget.ts";
import { type Call, letSend } from "./call.ts";

/**
 * Runs `use` with the whole body, or with null when it is longer than `bytes_max`: then no more is read than came already.
 *
 * @throws ProblemError 503 when `memory` has no room for it
 */
export async function withBody(
  call: Call,
  bytes_max: number,
  memory: ByteBudget,
  use: (body: Buffer | null) => Promise<void>,
): Promise<void> {
  if ((call.head.body_bytes ?? 0) > bytes_max) return await use(null);
  letSend(call);
  const pieces: Buffer[] = [];
  let bytes = 0;
  try {
    let has_room = true;
    const is_whole = await consume(call, (piece) => {
      if (bytes + piece.length > bytes_max) return false;
      has_room = memory.take(piece.length);
      if (!has_room) return false;
      bytes += piece.length;
      pieces.push(piece);
      return true;
    });
    if (!has_room) throw busy();
    await use(is_whole ? Buffer.concat(pieces) : null);
  } finally {
    memory.give(bytes);
  }
}

/**
 * Reads and drops what the client still sends, within bounds of bytes and time: clients that write their whole body before they read
 * would see a broken pipe instead of the answer. One that waits for `100 Continue` has sent nothing.
 */
export async function drain(call: Call): Promise<void> {
  if (call.is_waiting || call.message.complete) return;
  let left = limits.proxy.drain_bytes_max;
  await consume(
    call,
    (piece) => {
      left -= piece.length;
      return left > 0;
    },
    limits.proxy.drain_ms_max,
  );
}

/** Feeds the body to `take` until it has ended (true), `take` wants no more or `ms_max` have passed (false); rejects when the client goes. */
function consume({ message }: Call, take: (piece: Buffer) => boolean, ms_max?: number): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const finish = (settle: () => void) => {
      clearTimeout(timer);
      message.off("data", onData).off("end", onEnd).off("error", onGone).off("close", onGone);
      message.pause();
      settle();
    };
    const onData = (piece: Buffer) => {
      if (!take(piece)) finish(() => resolve(false));
    };
    const onEnd = () => finish(() => resolve(true));
    const onGone = (cause?: unknown) => finish(() => reject(new ClientGoneError("the client has gone", { cause })));
    const timer = ms_max === undefined ? undefined : setTimeout(() => finish(() => resolve(false)), ms_max);
    if (message.readableEnded) return finish(() => resolve(true));
    if (message.destroyed) return onGone();
    message.on("data", onData).on("end", onEnd).on("error", onGone).on("close", onGone);
    message.resume();
  });
}

function busy(): ProblemError {
  const headers = { "retry-after": "1" };
  return new ProblemError(503, "busy", "Too many uploads at once; try again.", { headers });
}

/** Nobody is left to answer. */
export class ClientGoneError extends Error {
  override readonly name = "ClientGoneError";
}
