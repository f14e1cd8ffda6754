import { Type } from "@sinclair/typebox";
import { Value } from "@sinclair/typebox/value";
import { limits } from "#shared/schemas/limits.ts";
import { Sha256 } from "#shared/schemas/names.ts";
import type { Clock } from "#shared/time/clock.ts";
import type { JobSpec } from "../job-plan.ts";
import { BrokerUnavailable, refusalOf } from "./broker-error.ts";
import { Job } from "./job.ts";

const pause_ms_min = 250;
const pause_ms_max = 15_000;
const l = limits.challenge_sdk;
const StoredBlob = Type.Object({ sha256: Sha256 });

export interface BrokerOptions {
  readonly url: string;
  readonly token: string;
  readonly slug: string;
  readonly clock: Clock;
}

/**
 * The broker's job API for one challenge. Every call is tried again, with growing pauses, while the broker is not
 * reachable or says that it cannot now, until `signal` is aborted; a BrokerRefusal is final. All calls are safe to repeat.
 */
export interface Broker {
  /** Uploads an archive; answers the digest by which a job names it. */
  putArchive(archive: Uint8Array, signal: AbortSignal): Promise<string>;
  /** Asks for a job; the same key and spec again answers the same job. */
  createJob(spec: JobSpec, idempotency_key: string, signal: AbortSignal): Promise<Job>;
  /** The job, after its next change or half a minute. */
  waitForChange(id: string, signal: AbortSignal): Promise<Job>;
  cancel(id: string, signal: AbortSignal): Promise<void>;
  /** The tar of what the job left in its mount number `mount`. As hostile as the job. */
  artifact(id: string, mount: number, signal: AbortSignal): Promise<AsyncIterable<Uint8Array>>;
  health(signal: AbortSignal): Promise<void>;
}

/** A Broker over HTTP (jobs §1). */
export function createBrokerClient({ url, token, slug, clock }: BrokerOptions): Broker {
  const base = url.replace(/\/+$/, "");
  const headers = { authorization: `Bearer ${token}`, "x-platform-challenge-slug": slug };

  async function once(path: string, init: RequestInit, signal: AbortSignal): Promise<Response> {
    const late = AbortSignal.timeout(l.broker_call_ms_max);
    let response: Response;
    try {
      response = await fetch(base + path, {
        ...init,
        headers: { ...headers, ...(init.headers as Record<string, string> | undefined) },
        redirect: "error",
        signal: AbortSignal.any([signal, late]),
      });
    } catch (cause) {
      signal.throwIfAborted();
      throw new BrokerUnavailable("the broker cannot be reached", { cause });
    }
    if (response.ok) return response;
    throw await refusalOf(response);
  }

  async function retried<T>(signal: AbortSignal, run: () => Promise<T>): Promise<T> {
    for (let pause_ms = pause_ms_min; ; pause_ms = Math.min(2 * pause_ms, pause_ms_max)) {
      try {
        return await run();
      } catch (error) {
        if (!(error instanceof BrokerUnavailable)) throw error;
        await clock.sleep(Math.max(pause_ms, error.retry_after_ms), signal);
      }
    }
  }

  const job = (path: string, init: RequestInit, signal: AbortSignal) =>
    retried(signal, async () => Value.Parse(Job, await json(await once(path, init, signal), signal)));

  return {
    putArchive: (archive, signal) =>
      retried(signal, async () => {
        const init = { method: "PUT", body: archive as BodyInit, headers: { "content-type": "application/x-tar" } };
        return Value.Parse(StoredBlob, await json(await once("/v1/blobs", init, signal), signal)).sha256;
      }),
    createJob(spec, idempotency_key, signal) {
      const init = {
        method: "POST",
        body: JSON.stringify(spec),
        headers: { "content-type": "application/json", "idempotency-key": idempotency_key },
      };
      return job("/v1/jobs", init, signal);
    },
    waitForChange: (id, signal) =>
      job(`/v1/jobs/${encodeURIComponent(id)}?wait=${l.broker_wait_ms / 1_000}s`, {}, signal),
    async cancel(id, signal) {
      await retried(signal, () => once(`/v1/jobs/${encodeURIComponent(id)}`, { method: "DELETE" }, signal));
    },
    async artifact(id, mount, signal) {
      const path = `/v1/jobs/${encodeURIComponent(id)}/artifacts/${mount}`;
      const response = await retried(signal, () => once(path, {}, signal));
      return response.body ?? new Blob([]).stream();
    },
    async health(signal) {
      await (await once("/health", {}, signal)).body?.cancel();
    },
  };
}

/** A body that breaks off is a broker that went away; one that is no JSON of its schema is a defect, and final. */
async function json(response: Response, signal: AbortSignal): Promise<unknown> {
  let text: string;
  try {
    text = await response.text();
  } catch (cause) {
    signal.throwIfAborted();
    throw new BrokerUnavailable("the broker's answer broke off", { cause });
  }
  if (text.length > l.broker_json_bytes_max) throw new Error("the broker's answer is too long");
  return JSON.parse(text) as unknown;
}
