import { requestPieces } from "#shared/http/bounded-body.ts";
import { ProblemError } from "#shared/http/problem.ts";
import { readJson } from "#shared/json/read-json.ts";
import { limits } from "#shared/schemas/limits.ts";
import type { FairShares } from "./fair-shares.ts";

const bounds = { bytes_max: limits.jobs.request_bytes_max, ms_max: limits.jobs.request_ms_max };

/** After a body of this size the garbage collector is run; a run takes about 20 ms. */
const large_bytes = 8 * 1_048_576;

/**
 * Runs `use` with a request's body as text. The body counts as held by the challenge until `use` ends. A declared length
 * counts before the body is read, so a client that will be refused need not send it.
 *
 * @throws ProblemError 503 "busy" when the challenge would hold more than its share; 400, 408 and 413 as `requestPieces`
 */
export async function withText<T>(
  request: Request,
  challenge: string,
  held_bytes: FairShares,
  use: (text: string) => Promise<T>,
): Promise<T> {
  let [held, arrived] = [0, 0];
  const hold = (bytes: number) => {
    if (bytes <= held) return;
    if (!held_bytes.take(challenge, bytes - held)) throw tooManyHeld();
    held = bytes;
  };
  try {
    const declared = Number(request.headers.get("content-length") ?? 0);
    if (declared <= bounds.bytes_max) hold(declared);
    const arrive = (bytes: number) => {
      arrived = bytes;
      hold(bytes);
    };
    return await use(await textOf(request, arrive));
  } finally {
    held_bytes.give(challenge, held);
    // The body is large and old garbage now. By itself the collector would free it much later.
    if (arrived >= large_bytes) Bun.gc(true);
  }
}

async function textOf(request: Request, arrive: (bytes: number) => void): Promise<string> {
  const pieces: Uint8Array[] = [];
  let bytes = 0;
  for await (const piece of requestPieces(request, bounds)) {
    bytes += piece.length;
    arrive(bytes);
    pieces.push(piece);
  }
  return Buffer.concat(pieces).toString("utf8");
}

function tooManyHeld(): ProblemError {
  const detail = "Too many job requests of this challenge are being read now; try again.";
  return new ProblemError(503, "busy", detail, { headers: { "retry-after": "2" } });
}

/** The text of a body as JSON. @throws ProblemError 400 "malformed_body" when it is not JSON */
export function parseBody(text: string): unknown {
  const body = readJson(text);
  if (body === undefined) throw new ProblemError(400, "malformed_body", "The request body is not well-formed.");
  return body;
}
