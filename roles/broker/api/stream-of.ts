/**
 * A body of the pieces that `source` gives, each asked for when its reader wants more; text goes out as UTF-8.
 *
 * When the reader goes away the source is returned from, so that its `finally` runs. What the source throws breaks the body.
 */
export function streamOf(source: AsyncGenerator<Uint8Array | string>): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  return new ReadableStream({
    async pull(controller) {
      const { done, value } = await source.next();
      if (done) controller.close();
      else controller.enqueue(typeof value === "string" ? encoder.encode(value) : value);
    },
    async cancel() {
      await source.return(undefined);
    },
  });
}
