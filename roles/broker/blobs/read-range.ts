import type { FileHandle } from "node:fs/promises";

const chunk_bytes = 64 * 1024;

/** Streams `[start, end)` of a file as its reader asks for it, and closes it at the end, on error and on cancel. */
export function readRange(file: FileHandle, start: number, end: number): ReadableStream<Uint8Array<ArrayBuffer>> {
  let at = start;
  return new ReadableStream<Uint8Array<ArrayBuffer>>(
    {
      async pull(controller) {
        try {
          const chunk = new Uint8Array(Math.min(chunk_bytes, Math.max(0, end - at)));
          const { bytesRead } = chunk.length === 0 ? { bytesRead: 0 } : await file.read(chunk, 0, chunk.length, at);
          if (bytesRead > 0) {
            at += bytesRead;
            controller.enqueue(chunk.subarray(0, bytesRead));
          }
          if (at < end && bytesRead > 0) return;
          await file.close();
          if (at < end) controller.error(new Error("the file is shorter than it was"));
          else controller.close();
        } catch (error) {
          await file.close();
          controller.error(error);
        }
      },
      async cancel() {
        await file.close();
      },
    },
    { highWaterMark: 0 },
  );
}
