import { BodyError, textWithin } from "#shared/http/bounded-body.ts";
import { readJson } from "#shared/json/read-json.ts";
import { type Challenge, internalBaseUrl } from "#shared/schemas/challenge.ts";
import { limits } from "#shared/schemas/limits.ts";

export type Fetch = (url: string, init: RequestInit) => Promise<Response>;

/**
 * Why the challenge is not ready (contract §1); null when it is. Of what the challenge sent, the sentence quotes only versions
 * and capabilities, shortened.
 */
export async function probeChallenge(
  { spec }: Pick<Challenge, "spec">,
  fetch: Fetch,
  baseUrl = internalBaseUrl,
): Promise<string | null> {
  const signal = AbortSignal.timeout(limits.challenge.probe_ms_max);
  try {
    const base = baseUrl(spec);
    const [health, version] = await Promise.all(
      ["/health", "/version"].map((path) => readObject(`${base}${path}`, fetch, signal)),
    );
    return healthProblem(health ?? {}, spec) ?? versionProblem(version ?? {}, spec);
  } catch (error) {
    if (error instanceof NotReady) return error.message;
    return signal.aborted ? `no answer within ${limits.challenge.probe_ms_max} ms` : "it cannot be reached";
  }
}

class NotReady extends Error {}

function healthProblem(health: Record<string, unknown>, spec: Challenge["spec"]): string | null {
  if (health["status"] !== "ok") return "its health is not ok";
  const slug = health["slug"];
  return slug === undefined || slug === null || slug === spec.slug ? null : "it says it is another challenge";
}

function versionProblem(version: Record<string, unknown>, spec: Challenge["spec"]): string | null {
  if (version["api_version"] !== spec.api_version) {
    return `its api_version is ${short(version["api_version"])}, expected ${spec.api_version}`;
  }
  if (spec.version !== null && version["challenge_version"] !== spec.version) {
    return `its challenge_version is ${short(version["challenge_version"])}, expected ${spec.version}`;
  }
  const has = Array.isArray(version["capabilities"]) ? version["capabilities"] : [];
  const missing = spec.required_capabilities.filter((capability) => !has.includes(capability));
  return missing.length > 0 ? `it lacks ${missing.join(", ")}` : null;
}

function short(value: unknown): string {
  return typeof value === "string" ? value.replaceAll(/[^\w.+-]/g, "?").slice(0, 32) : "not given";
}

async function readObject(url: string, fetch: Fetch, signal: AbortSignal): Promise<Record<string, unknown>> {
  const path = new URL(url).pathname;
  const response = await fetch(url, {
    headers: { accept: "application/json", "accept-encoding": "identity" },
    redirect: "manual",
    keepalive: false,
    signal,
  });
  if (response.status !== 200) {
    await response.body?.cancel();
    throw new NotReady(`${path} answered ${response.status}`);
  }
  const value = readJson(await textOf(response, path));
  if (value === undefined) throw new NotReady(`${path} did not answer JSON`);
  if (typeof value === "object" && value !== null) return value as Record<string, unknown>;
  throw new NotReady(`${path} did not answer an object`);
}

async function textOf({ body }: Response, path: string): Promise<string> {
  try {
    return await textWithin(body, { bytes_max: limits.challenge.probe_bytes_max });
  } catch (cause) {
    if (cause instanceof BodyError) throw new NotReady(`${path} answered too much`, { cause });
    throw cause;
  }
}
