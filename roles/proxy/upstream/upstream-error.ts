/**
 * Why an upstream gave no answer.
 *
 * - `unresolved`, `refused`: nothing was sent, so the request may be made again.
 * - `broken`: the upstream may have received it.
 */
export class UpstreamError extends Error {
  override readonly name = "UpstreamError";
  readonly kind: "unresolved" | "refused" | "broken";

  constructor(kind: UpstreamError["kind"], message: string, cause?: unknown) {
    super(message, { cause });
    this.kind = kind;
  }
}
