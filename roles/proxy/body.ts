import { limits } from "#shared/schemas/limits.ts";
import { type Call, letSend } from "./call.ts";

/** The whole body, or null when it is longer than `bytes_max`: nothing beyond that is kept, and no more is read than came already. */
export async function readBody(call: Call, bytes_max: number): Promise<Buffer | null> {
  const { head } = call;
  if (head.body_bytes !== null && head.body_bytes > bytes_max) return null;
  letSend(call);
  const pieces: Buffer[] = [];
  let bytes = 0;
  const is_whole = await consume(call, (piece) => {
    bytes += piece.length;
    if (bytes <= bytes_max) pieces.push(piece);
    else pieces.length = 0;
    return bytes <= bytes_max;
  });
  return is_whole ? Buffer.concat(pieces) : null;
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

/** Nobody is left to answer. */
export class ClientGoneError extends Error {
  override readonly name = "ClientGoneError";
}
