import type { Readable } from "node:stream";
import { EngineError, type LogChunk } from "./engine.ts";

const headerBytes = 8;
const streams = { 1: "stdout", 2: "stderr" } as const;

/**
 * Takes the Engine's multiplexed log stream apart: frames of an 8-byte header (stream, 3 × 0, length as 32-bit big endian)
 * and a payload that begins with the time stamp and a space (Engine API, "ContainerAttach", stream format).
 *
 * @throws EngineError when the stream breaks off or a frame is malformed
 */
export async function* demultiplex(source: Readable): AsyncGenerator<LogChunk> {
  let pending: Buffer = Buffer.alloc(0);
  for await (const piece of piecesOf(source)) {
    pending = pending.length === 0 ? piece : Buffer.concat([pending, piece]);
    let offset = 0;
    while (pending.length - offset >= headerBytes) {
      const stream = streams[pending[offset] as 1 | 2];
      if (!stream) throw new EngineError("unavailable", "the log stream holds a malformed frame");
      const end = offset + headerBytes + pending.readUInt32BE(offset + 4);
      if (pending.length < end) break;
      yield chunkOf(stream, pending.subarray(offset + headerBytes, end));
      offset = end;
    }
    pending = pending.subarray(offset);
  }
}

async function* piecesOf(source: Readable): AsyncGenerator<Buffer> {
  try {
    yield* source as AsyncIterable<Buffer>;
  } catch (cause) {
    throw new EngineError("unavailable", "the log stream broke off", { cause });
  }
}

/** With `timestamps` every frame starts with one; with `details` it is followed by attributes, which we do not ask for. */
function chunkOf(stream: LogChunk["stream"], payload: Buffer): LogChunk {
  const space = payload.indexOf(0x20);
  return { stream, time: payload.toString("latin1", 0, space), bytes: new Uint8Array(payload.subarray(space + 1)) };
}
