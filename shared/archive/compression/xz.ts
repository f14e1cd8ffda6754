import { code, decoderInit, end, initModule, type LZMAModule, WasmLzmaStream } from "node-liblzma/wasm";
import createModule from "node-liblzma/wasm/liblzma.js";
import wasmFile from "node-liblzma/wasm/liblzma.wasm" with { type: "file" };
import { damagedStream, largeWindow, trailingStream, truncatedStream } from "./stream-error.ts";
import { decoderTurns } from "./turns.ts";

const form = "xz";
const piece_bytes = 64 * 1024;
/** What the decoder needs beside its window. */
const decoder_bytes = 1024 * 1024;
/** https://github.com/tukaani-project/xz/blob/v5.6.3/src/liblzma/api/lzma/base.h */
const lzma = { run: 0, finish: 3, ok: 0, stream_end: 1, memlimit_error: 6, buf_error: 10 } as const;

/**
 * The plain bytes of one xz stream, in pieces of 64 KiB. liblzma itself as WebAssembly (node-liblzma): of the packages
 * that read xz without native code it alone takes a bound for its memory and can be run step by step.
 */
export async function* unxz(bytes: Uint8Array, window_bytes_max: number): AsyncGenerator<Uint8Array, void, undefined> {
  const endTurn = await decoderTurns.take();
  try {
    yield* decode(await liblzma(), bytes, window_bytes_max);
  } finally {
    endTurn();
  }
}

async function liblzma(): Promise<LZMAModule> {
  return await initModule(async () => await createModule({ wasmBinary: await Bun.file(wasmFile).bytes() }));
}

function* decode(
  module: LZMAModule,
  bytes: Uint8Array,
  window_bytes_max: number,
): Generator<Uint8Array, void, undefined> {
  const stream = new WasmLzmaStream(module);
  // Input and output, one behind the other.
  const memory = module._malloc(2 * piece_bytes);
  try {
    decoderInit(stream, window_bytes_max + decoder_bytes);
    let at = 0;
    for (let result: number = lzma.ok; result === lzma.ok; ) {
      if (stream.availIn === 0) {
        const piece = bytes.subarray(at, at + piece_bytes);
        module.HEAPU8.set(piece, memory);
        stream.setInput(memory, piece.length);
        at += piece.length;
      }
      stream.setOutput(memory + piece_bytes, piece_bytes);
      result = code(stream, at === bytes.length ? lzma.finish : lzma.run);
      const from = memory + piece_bytes;
      const plain = module.HEAPU8.slice(from, from + piece_bytes - stream.availOut);
      if (plain.length > 0) yield plain;
      if (result !== lzma.ok && result !== lzma.stream_end) throw refusalOf(result, window_bytes_max);
    }
    if (stream.availIn > 0 || at < bytes.length) throw trailingStream(form);
  } finally {
    end(stream);
    stream.free();
    module._free(memory);
  }
}

function refusalOf(result: number, window_bytes_max: number) {
  if (result === lzma.memlimit_error) return largeWindow(form, window_bytes_max);
  return result === lzma.buf_error ? truncatedStream(form) : damagedStream(form);
}
