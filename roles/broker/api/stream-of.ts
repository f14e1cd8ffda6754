/**
 * A body from the pieces of `source`, each taken when the reader wants more. Text becomes UTF-8.
 *
 * When the reader goes away, `source.return()` is called, so that its `finally` runs. An error of the source breaks the
 * body. `ended` is called exactly once, even when nobody ever read the body.
 */
export function streamOf(
  source: AsyncGenerator<Uint8Array | string> | AsyncIterableIterator<Uint8Array>,
  ended: () => void,
): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          const { done, value } = await source.next();
          if (!done) return controller.enqueue(typeof value === "string" ? encoder.encode(value) : value);
          ended();
          controller.close();
        } catch (error) {
          ended();
          throw error;
        }
      },
      async cancel() {
        ended();
        await source.return?.(undefined);
      },
    },
    { highWaterMark: 0 },
  );
}
