import type { Static, TSchema } from "@sinclair/typebox";
import { Value } from "@sinclair/typebox/value";
import { ProblemError } from "#shared/http/problem.ts";
import { valid } from "#shared/http/valid.ts";
import { readJson } from "#shared/json/read-json.ts";
import { JobRequest } from "#shared/schemas/job.ts";
import { parseJobRequest } from "../admission/job-request.ts";

type Fields = Record<string, unknown>;

/** Members that the first generation accepted as numbers or as numeric text. */
const numeric = { top: ["timeout_seconds"], limits: ["cpus", "pids_limit"] } as const;

/**
 * The body of `POST /v1/docker/run` as a job request (contract §4). Unknown members are ignored. Numbers may be numeric
 * strings, except `gpu_count`.
 *
 * @throws ProblemError 400 or 422
 */
export function parseRunRequest(text: string): JobRequest {
  const body = parseJson(text);
  if (!isFields(body)) return parseJobRequest(body);
  const limits = isFields(body["limits"]) ? withNumbers(body["limits"], numeric.limits) : body["limits"];
  const request = Value.Clean(JobRequest, { ...withNumbers(body, numeric.top), ...(limits ? { limits } : {}) });
  checkSources(request as Fields);
  return parseJobRequest(request);
}

/** Refuses `1.0` as an integer, though JavaScript reads it as one. */
function parseJson(text: string): unknown {
  const reviver = (name: string, value: unknown, context?: { readonly source?: string }) =>
    name === "gpu_count" && typeof value === "number" && !/^-?\d+$/.test(context?.source ?? "0") ? Number.NaN : value;
  try {
    return JSON.parse(text, reviver);
  } catch (cause) {
    throw notJson(cause);
  }
}

/** The body of the routes beside it. @throws ProblemError 422 */
export function parseFirstGenerationBody<S extends TSchema>(schema: S, text: string): Static<S> {
  const body = readJson(text);
  if (body === undefined) throw notJson();
  return valid(schema, body);
}

/** The first generation's schema stood before everything else, and found this out too. */
function notJson(cause?: unknown): ProblemError {
  return new ProblemError(422, "invalid_request", "body: expected JSON", { cause });
}

function withNumbers(fields: Fields, names: readonly string[]): Fields {
  const read = names.flatMap((name) => {
    const value = fields[name];
    const isNumeric = typeof value === "string" && /^[+-]?\d+(\.\d+)?(e[+-]?\d+)?$/i.test(value.trim());
    return isNumeric ? [[name, Number(value)] as const] : [];
  });
  return { ...fields, ...Object.fromEntries(read) };
}

/** Refusals with the contract's own sentences. They come before the schema's. */
function checkSources({ mounts }: Fields): void {
  for (const mount of Array.isArray(mounts) ? mounts : []) {
    if (!isFields(mount) || typeof mount["target"] !== "string") continue;
    const { source_type = "directory", target } = mount as { source_type?: unknown; target: string };
    if (typeof source_type === "string" && source_type !== "directory" && source_type !== "file") {
      throw new ProblemError(400, "unsupported_mount_source", `unsupported mount source type: ${target.slice(0, 255)}`);
    }
  }
}

function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
