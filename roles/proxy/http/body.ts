import { createHash } from "node:crypto";
import { ProblemError } from "#shared/http/problem.ts";
import { limits } from "#shared/schemas/limits.ts";
import type { Clock } from "#shared/time/clock.ts";
import { pause } from "#shared/time/pause.ts";
import type { ByteBudget } from "../bounds/byte-budget.ts";
import { HeldBytes } from "../bounds/held-bytes.ts";
import { type Call, letSend } from "./call.ts";

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
  /** Gives its memory back. The pieces must not be used after that. */
  release(): void;
}

interface BodyBounds {
  readonly bytes_max: number;
  readonly memory: ByteBudget;
  /** Whose share of the memory the body takes; null for a trusted proxy. */
  readonly share: string | null;
}

/**
 * Reads the body and keeps it. When its length is known, the memory for it is taken before the first byte.
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
 * Reads the body and keeps its digest alone: the request will be refused, and the digest decides for which reason.
 *
 * @throws ProblemError 413 beyond `bytes_max`, 408 when it comes too slowly
 */
export async function digestBody(call: Call, bytes_max: number): Promise<ReadBody> {
  return await readBody(call, bytes_max, () => undefined);
}

/**
 * Reads and drops what the client still sends, within bounds of bytes and time. Clients that write their whole body before they read
 * would see a broken pipe instead of the answer. One that waits for `100 Continue`, or falls silent, is sending nothing.
 */
export async function drain(call: Call): Promise<void> {
  if (call.isWaiting || call.body.isComplete) return;
  let bytes = 0;
  const stop = new AbortController();
  const { promise: enough, resolve } = Promise.withResolvers<void>();
  const read = consume(call, stop.signal, (piece) => {
    bytes += piece.length;
    if (bytes >= proxy.drain_bytes_max) resolve();
  });
  const late = pause(call.clock, proxy.drain_ms_max, stop.signal);
  const pace = { bytes_min: 1, every_ms: proxy.drain_silence_ms_max };
  try {
    await Promise.race([read, enough, late, untilSlow(call.clock, pace, () => bytes, stop.signal)]);
  } finally {
    stop.abort();
  }
}

/** Feeds the body to `take`, which may throw. A client that is slower than the least pace is given up. */
async function readBody(call: Call, bytes_max: number, take: (piece: Buffer) => void): Promise<ReadBody> {
  if ((call.head.body_bytes ?? 0) > bytes_max) throw tooLarge();
  letSend(call);
  const hash = createHash("sha256");
  let bytes = 0;
  const [stop, ended] = [new AbortController(), new AbortController()];
  const pace = { bytes_min: proxy.upload_pace_bytes_min, every_ms: proxy.upload_pace_every_ms };
  void untilSlow(call.clock, pace, () => bytes, ended.signal).then(() =>
    stop.abort(new ProblemError(408, "upload_too_slow", "The upload came too slowly.")),
  );
  try {
    await consume(call, stop.signal, (piece) => {
      bytes += piece.length;
      if (bytes > bytes_max) throw tooLarge();
      hash.update(piece);
      take(piece);
    });
  } finally {
    ended.abort();
  }
  return { bytes, sha256: hash.digest("hex") };
}

interface Pace {
  readonly bytes_min: number;
  readonly every_ms: number;
}

/** Resolves when fewer than `bytes_min` have come in a time of `every_ms`, or when `signal` is aborted. */
async function untilSlow(clock: Clock, pace: Pace, bytesNow: () => number, signal: AbortSignal): Promise<void> {
  for (let bytes_before = 0; !signal.aborted; ) {
    await pause(clock, pace.every_ms, signal);
    if (bytesNow() - bytes_before < pace.bytes_min) return;
    bytes_before = bytesNow();
  }
}

/**
 * Feeds the body to `take` until it has ended.
 *
 * @throws what `take` throws, the signal's reason, ClientGoneError
 */
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

/** The client has closed its connection: nobody is left to answer. */
export class ClientGoneError extends Error {
  override readonly name = "ClientGoneError";
}
