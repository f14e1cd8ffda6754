import { Type } from "@sinclair/typebox";
import { Value } from "@sinclair/typebox/value";
import { readJson } from "#shared/json/read-json.ts";
import { Problem, problemSentence } from "#shared/schemas/problem.ts";

/** The broker refused for good: asking again would give the same answer. */
export class BrokerRefusal extends Error {
  override readonly name = "BrokerRefusal";
  readonly status: number;
  readonly code: string;
  constructor(status: number, code: string, detail: string) {
    super(detail);
    this.status = status;
    this.code = code;
  }
}

/** The broker cannot answer now: it is away or overloaded, or the token is being rotated. */
export class BrokerUnavailable extends Error {
  override readonly name = "BrokerUnavailable";
  readonly retry_after_ms: number;
  constructor(detail: string, options: { readonly cause?: unknown; readonly retry_after_ms?: number } = {}) {
    super(detail, { cause: options.cause });
    this.retry_after_ms = options.retry_after_ms ?? 0;
  }
}

/** A rotated token (401) and every answer about load or health may be another one soon. */
const passing = new Set([401, 408, 425, 429, 500, 502, 503, 504, 507]);

/** The error that an unsuccessful answer stands for. */
export async function refusalOf(response: Response): Promise<BrokerRefusal | BrokerUnavailable> {
  const problem = await problemIn(response);
  const code = String(problem.code ?? response.status);
  const detail = problemSentence(problem);
  if (!passing.has(response.status)) return new BrokerRefusal(response.status, code, detail);
  const seconds = Number(response.headers.get("retry-after") ?? 0);
  const retry_after_ms = Number.isFinite(seconds) && seconds > 0 ? Math.min(seconds, 300) * 1_000 : 0;
  return new BrokerUnavailable(`the broker answered ${response.status}: ${detail}`, { retry_after_ms });
}

async function problemIn(response: Response): Promise<Partial<Problem>> {
  const problem = readJson((await response.text()).slice(0, 8_192));
  return Value.Check(Type.Partial(Problem), problem) ? problem : { detail: "no problem document" };
}
