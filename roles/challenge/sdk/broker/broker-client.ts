import { type Static, type TSchema, Type } from "@sinclair/typebox";
import { Value } from "@sinclair/typebox/value";
import type { Logger } from "#shared/observability/logger.ts";
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
  readonly log: Logger;
}

/**
 * The broker's job API for one challenge. A call is tried again, with growing pauses, while the broker cannot be reached or is
 * overloaded, until `signal` is aborted. All calls are safe to repeat.
 *
 * @throws BrokerRefusal, which is final
 */
export interface Broker {
  /** Uploads an archive. Resolves to the digest by which a job names it. */
  putArchive(archive: Uint8Array, signal: AbortSignal): Promise<string>;
  /** Asks for a job. The same key and spec give the same job again. */
  createJob(spec: JobSpec, idempotency_key: string, signal: AbortSignal): Promise<Job>;
  /** The job after its next change, or after half a minute. */
  waitForChange(id: string, signal: AbortSignal): Promise<Job>;
  cancel(id: string, signal: AbortSignal): Promise<void>;
  /**
   * Passes the tar of the job's mount number `mount` to `read`. The tar is as hostile as the job. When the connection breaks,
   * `read` starts again from the beginning.
   */
  artifact<T>(
    id: string,
    mount: number,
    read: (tar: AsyncIterable<Uint8Array>) => Promise<T>,
    signal: AbortSignal,
  ): Promise<T>;
  health(signal: AbortSignal): Promise<void>;
}

/** A Broker over HTTP (jobs §1). */
export function createBrokerClient({ url, token, slug, clock, log }: BrokerOptions): Broker {
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
        log.warn({ err: error, pause_ms }, "the broker did not answer the call; it is asked again");
        await clock.sleep(Math.max(pause_ms, error.retry_after_ms), signal);
      }
    }
  }

  const job = (path: string, init: RequestInit, signal: AbortSignal) =>
    retried(signal, async () => await json(Job, await once(path, init, signal), signal));

  return {
    putArchive: (archive, signal) =>
      retried(signal, async () => {
        const init = { method: "PUT", body: archive as BodyInit, headers: { "content-type": "application/x-tar" } };
        return (await json(StoredBlob, await once("/v1/blobs", init, signal), signal)).sha256;
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
    async artifact(id, mount, read, signal) {
      const path = `/v1/jobs/${encodeURIComponent(id)}/artifacts/${mount}`;
      return await retried(signal, async () => {
        const { body } = await once(path, {}, signal);
        return await read(unbroken(body ?? new Blob([]).stream(), signal));
      });
    },
    async health(signal) {
      await (await once("/health", {}, signal)).body?.cancel();
    },
  };
}

/** The answer as JSON of `schema`. A broken or unreadable answer counts as an unavailable broker, which may be under upgrade. */
async function json<T extends TSchema>(schema: T, response: Response, signal: AbortSignal): Promise<Static<T>> {
  let text = "";
  const decoder = new TextDecoder();
  for await (const chunk of unbroken(response.body ?? new Blob([]).stream(), signal)) {
    text += decoder.decode(chunk, { stream: true });
    if (text.length > l.broker_json_bytes_max) throw new BrokerUnavailable("the broker's answer is too long");
  }
  try {
    return Value.Parse(schema, JSON.parse(text));
  } catch (cause) {
    throw new BrokerUnavailable("the broker's answer is not the expected JSON", { cause });
  }
}

/** Marks a broken connection as the platform's fault. Else it would look like an archive that the miner cut off. */
async function* unbroken(source: AsyncIterable<Uint8Array>, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  try {
    yield* source;
  } catch (cause) {
    signal.throwIfAborted();
    throw new BrokerUnavailable("the broker's answer broke off", { cause });
  }
}
