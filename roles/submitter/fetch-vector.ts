import { FormatRegistry } from "@sinclair/typebox";
import { Value } from "@sinclair/typebox/value";
import { BodyError, textWithin } from "#shared/http/bounded-body.ts";
import { readJson } from "#shared/json/read-json.ts";
import { limits } from "#shared/schemas/limits.ts";
import { Vector, VectorError, type VectorTerms, verifyVector } from "./verify-vector.ts";

const rfc3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/;
FormatRegistry.Set("date-time", (text) => rfc3339.test(text) && !Number.isNaN(Date.parse(text)));

export interface VectorSource extends VectorTerms {
  readonly url: string;
  readonly fetch: (url: string, init: RequestInit) => Promise<Response>;
}

/** Fetches the sealed vector and verifies it. @throws VectorError when it cannot be fetched or must not be used */
export async function fetchVector(source: VectorSource, signal: AbortSignal): Promise<Vector> {
  const text = await download(source, signal);
  const value = readJson(text);
  if (value === undefined) throw new VectorError("malformed", "the platform's answer is not JSON");
  if (!Value.Check(Vector, value)) {
    const [first] = Value.Errors(Vector, value);
    throw new VectorError("malformed", `the vector does not match its schema at ${first?.path ?? "/"}`);
  }
  verifyVector(value, source);
  return value;
}

async function download(source: VectorSource, signal: AbortSignal): Promise<string> {
  let response: Response;
  try {
    const within = AbortSignal.any([signal, AbortSignal.timeout(limits.chain.vector_fetch_ms_max)]);
    response = await source.fetch(source.url, {
      signal: within,
      redirect: "error",
      headers: { accept: "application/json" },
    });
    if (response.status !== 200) throw new VectorError("unavailable", `the platform answers ${response.status}`);
    return await textWithin(response.body, { bytes_max: limits.chain.vector_bytes_max });
  } catch (cause) {
    if (cause instanceof VectorError) throw cause;
    if (cause instanceof BodyError)
      throw new VectorError("malformed", `the answer is longer than ${limits.chain.vector_bytes_max} bytes`, { cause });
    throw new VectorError("unavailable", "the platform does not answer", { cause });
  }
}
