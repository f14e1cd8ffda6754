/**
 * Yields the pieces of `source` until `late` is aborted, then throws `failure`, even when the source never answers. So a
 * writer of the pieces closes its file in time.
 */
export async function* untilLate<T>(
  source: AsyncIterable<T>,
  late: AbortSignal,
  failure: () => Error,
): AsyncGenerator<T, void, undefined> {
  const pieces = source[Symbol.asyncIterator]();
  const end = Promise.withResolvers<never>();
  const onLate = () => end.reject(failure());
  end.promise.catch(() => undefined);
  late.addEventListener("abort", onLate, { once: true });
  try {
    for (;;) {
      if (late.aborted) throw failure();
      const { done, value } = await Promise.race([pieces.next(), end.promise]);
      if (done) return;
      yield value;
    }
  } finally {
    if (!late.aborted) await Promise.race([pieces.return?.(), end.promise]);
    late.removeEventListener("abort", onLate);
  }
}
