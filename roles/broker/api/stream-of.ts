/**
 * A body of the pieces that `source` gives, each asked for when its reader wants more; text goes out as UTF-8.
 *
 * When the reader goes away the source is returned from, so that its `finally` runs. What the source throws breaks the body.
 * `ended` is called once, however it ends, also where nobody ever read of it.
 */
export function streamOf(
  source: AsyncGenerator<Uint8Array | string> | AsyncIterableIterator<Uint8Array>,
  ended: () => void = () => undefined,
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
