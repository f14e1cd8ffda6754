import { createHash } from "node:crypto";
import { ProblemError } from "#shared/http/problem.ts";
import { limits } from "#shared/schemas/limits.ts";
import type { ByteBudget } from "./byte-budget.ts";
import { type Call, letSend } from "./call.ts";
import { HeldBytes } from "./held-bytes.ts";

const { proxy } = limits;

/** A body that was read to its end. */
export interface ReadBody {
  readonly bytes: number;
  /** Lower case hex. */
  readonly sha256: string;
}

/** A body that was read to its end and is held in memory. */
export interface HeldBody extends ReadBody {
  readonly pieces: readonly Buffer[];
  /** Gives its memory back: the pieces are not used after that. */
  release(): void;
}

interface BodyBounds {
  readonly bytes_max: number;
  readonly memory: ByteBudget;
  /** Whose share of the memory it takes. */
  readonly share: string | null;
}

/**
 * Reads the body and keeps it, in memory that is taken before the first byte when its length is known.
 *
 * @throws ProblemError 413 beyond `bytes_max`, 503 when there is no memory for it, 408 when it comes too slowly
 */
export async function holdBody(call: Call, { bytes_max, memory, share }: BodyBounds): Promise<HeldBody> {
  const held = new HeldBytes(memory, share);
  try {
    held.reserve(call.head.body_bytes ?? 0);
    const read = await readBody(call, bytes_max, (piece) => held.add(piece));
    const pieces = held.pieces();
    const release = () => {
      pieces.length = 0;
      held.release();
    };
    return { ...read, pieces, release };
  } catch (error) {
    held.release();
    throw error;
  }
}

/**
 * Reads the body and keeps nothing but its digest: of a request that is refused whatever it holds, but perhaps for another reason.
 *
 * @throws ProblemError 413 beyond `bytes_max`, 408 when it comes too slowly
 */
export async function digestBody(call: Call, bytes_max: number): Promise<ReadBody> {
  return await readBody(call, bytes_max, () => undefined);
}

/**
 * Reads and drops what the client still sends, within bounds of bytes and time: clients that write their whole body before they read
 * would see a broken pipe instead of the answer. One that waits for `100 Continue`, or falls silent, is sending nothing.
 */
export async function drain(call: Call): Promise<void> {
  if (call.is_waiting || call.body.isComplete) return;
  let [bytes, bytes_before] = [0, 0];
  const { promise: enough, resolve } = Promise.withResolvers<void>();
  const late = setTimeout(resolve, proxy.drain_ms_max);
  const silence = setInterval(() => {
    if (bytes === bytes_before) resolve();
    bytes_before = bytes;
  }, proxy.drain_silence_ms_max);
  const stop = new AbortController();
  const read = consume(call, stop.signal, (piece) => {
    bytes += piece.length;
    if (bytes >= proxy.drain_bytes_max) resolve();
  });
  try {
    await Promise.race([read, enough]);
  } finally {
    clearTimeout(late);
    clearInterval(silence);
    stop.abort();
  }
}

/** Feeds the body to `take`, which may throw; a client that is slower than the least pace is given up. */
async function readBody(call: Call, bytes_max: number, take: (piece: Buffer) => void): Promise<ReadBody> {
  if ((call.head.body_bytes ?? 0) > bytes_max) throw tooLarge();
  letSend(call);
  const hash = createHash("sha256");
  let bytes = 0;
  let bytes_before = 0;
  const stop = new AbortController();
  const pace = setInterval(() => {
    const isSlow = bytes - bytes_before < proxy.upload_pace_bytes_min;
    bytes_before = bytes;
    if (isSlow) stop.abort(new ProblemError(408, "upload_too_slow", "The upload came too slowly."));
  }, proxy.upload_pace_every_ms);
  try {
    await consume(call, stop.signal, (piece) => {
      bytes += piece.length;
      if (bytes > bytes_max) throw tooLarge();
      hash.update(piece);
      take(piece);
    });
  } finally {
    clearInterval(pace);
  }
  return { bytes, sha256: hash.digest("hex") };
}

/** Feeds the body to `take` until it has ended; rejects with what `take` throws or `signal` says, and when the client goes. */
function consume({ body }: Call, signal: AbortSignal, take: (piece: Buffer) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    const finish = (settle: () => void) => {
      body.off("data", onData).off("end", onEnd).off("error", onGone).off("close", onGone);
      signal.removeEventListener("abort", onStop);
      body.pause();
      settle();
    };
    const onData = (piece: Buffer) => {
      try {
        take(piece);
      } catch (error) {
        finish(() => reject(error));
      }
    };
    const onEnd = () => finish(resolve);
    const onGone = (cause?: unknown) => finish(() => reject(new ClientGoneError("the client has gone", { cause })));
    const onStop = () => finish(() => reject(signal.reason));
    if (body.readableEnded) return finish(resolve);
    if (body.destroyed) return onGone();
    body.on("data", onData).on("end", onEnd).on("error", onGone).on("close", onGone);
    signal.addEventListener("abort", onStop, { once: true });
    body.resume();
  });
}

export function tooLarge(): ProblemError {
  return new ProblemError(413, "submission_too_large", "Submission too large");
}

/** Nobody is left to answer. */
export class ClientGoneError extends Error {
  override readonly name = "ClientGoneError";
}
