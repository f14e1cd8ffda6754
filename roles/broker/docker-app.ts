import { type Static, Type } from "@sinclair/typebox";
import { Value } from "@sinclair/typebox/value";
import { createHttpApp } from "#shared/http/app.ts";
import { ProblemError, problemResponse } from "#shared/http/problem.ts";
import { limits } from "#shared/schemas/limits.ts";
import { prepareJob } from "./accept-job.ts";
import type { ApiWorld } from "./app.ts";
import { authorize } from "./authorization.ts";
import { parseRunRequest } from "./docker-request.ts";
import { lateFailure, runAnswer, runFailure } from "./docker-response.ts";
import { hasEnded, type Job } from "./job.ts";
import { jobLabels, jobName } from "./job-service-spec.ts";
import { parseBody, readText } from "./read-body.ts";

const ListRequest = Type.Object({ job_id: Type.Optional(Type.Union([Type.String({ maxLength: 128 }), Type.Null()])) });
const CleanupRequest = Type.Object({ job_id: Type.String({ minLength: 1, maxLength: 128 }) });

/** The routes of the first generation's clients, a thin layer over jobs (contract §4). */
export function createDockerApp(world: ApiWorld, drip_ms: number = limits.jobs.drip_ms) {
  const { store } = world;
  /** Jobs whose client is still there: their results belong to it. */
  const waiting = new Set<string>();
  const read = async (request: Request) => {
    const text = await readText(request);
    return { text, challenge: await authorize(request.headers, world.challenges, world.master_key) };
  };

  return createHttpApp(world.log)
    .post(
      "/v1/docker/run",
      async ({ request }) => {
        const { text, challenge } = await read(request);
        const prepared = await prepareJob(world, challenge, parseRunRequest(text), null);
        const job = (await takeKept(prepared)) ?? (await acceptNew(prepared));
        return await answerWhenEnded(job, request);
      },
      { parse: "none" },
    )
    .post(
      "/v1/docker/list",
      async ({ request }) => {
        const { text, challenge } = await read(request);
        const { job_id } = parse(ListRequest, text);
        const jobs = await store.live(challenge.spec.slug, job_id ?? null, limits.jobs.page_max);
        return { containers: jobs.map(containerOf) };
      },
      { parse: "none" },
    )
    .post(
      "/v1/docker/cleanup",
      async ({ request }) => {
        const { text, challenge } = await read(request);
        await store.askCancelGroup(challenge.spec.slug, parse(CleanupRequest, text).job_id);
        world.wake();
        return { status: "ok" };
      },
      { parse: "none" },
    );

  type Prepared = Awaited<ReturnType<typeof prepareJob>>;

  /** The finished result of the same call whose client hung up, for one client only. */
  async function takeKept({ challenge, spec, spec_digest }: Prepared): Promise<Job | null> {
    const kept = await store.undelivered(challenge, spec.job_id, spec.task_id, spec_digest);
    const free = kept.find(({ id }) => !waiting.has(id));
    if (free) waiting.add(free.id);
    return free ?? null;
  }

  async function acceptNew(prepared: Prepared): Promise<Job> {
    waiting.add(prepared.id);
    try {
      const { job } = await store.accept({ ...prepared, is_run_call: true });
      world.wake();
      return job;
    } catch (error) {
      waiting.delete(prepared.id);
      throw error;
    }
  }

  /** A quick job's answer has its own status; a slow one's client is kept waiting with spaces before the body. */
  async function answerWhenEnded(job: Job, request: Request): Promise<Response> {
    const requestId = request.headers.get("x-request-id") ?? "";
    let early: Job;
    try {
      early = await ended(job, drip_ms, request.signal);
    } catch (error) {
      waiting.delete(job.id);
      throw error;
    }
    const failure = hasEnded(early) ? runFailure(early) : null;
    if (failure) {
      await delivered(early, request.signal);
      return problemResponse(failure, requestId);
    }
    return new Response(streamOf(body(early, request.signal, requestId)), {
      headers: { "content-type": "application/json" },
    });
  }

  async function* body(job: Job, signal: AbortSignal, requestId: string): AsyncGenerator<string> {
    let current = job;
    try {
      while (!hasEnded(current)) {
        yield " ";
        current = await ended(current, drip_ms, signal);
        if (signal.aborted) return;
      }
      const failure = runFailure(current);
      if (failure) yield lateFailure(failure, requestId);
      else yield* runAnswer(world.blobs, current);
      await delivered(current, signal);
    } finally {
      waiting.delete(job.id);
    }
  }

  async function delivered(job: Job, signal: AbortSignal): Promise<void> {
    if (!signal.aborted) await store.markDelivered(job.id, world.clock.now());
    waiting.delete(job.id);
  }

  /** The job when it has ended, or as it is after `ms`. The database may be away for a while: the client need not know. */
  async function ended(job: Job, ms: number, signal: AbortSignal): Promise<Job> {
    const end = world.clock.monotonic() + ms;
    let current = job;
    while (!hasEnded(current) && !signal.aborted) {
      const left = end - world.clock.monotonic();
      if (left <= 0) break;
      const change = world.changes.next(job.id, left, signal);
      current = (await store.byId(job.challenge, job.id).catch(() => null)) ?? current;
      if (!hasEnded(current)) await change;
    }
    return current;
  }
}

function parse<S extends typeof ListRequest | typeof CleanupRequest>(schema: S, text: string): Static<S> {
  const body = parseBody(text);
  const first = Value.Errors(schema, body).First();
  if (!first) return body as Static<S>;
  const field = first.path.slice(1).replaceAll("/", ".") || "body";
  throw new ProblemError(422, "invalid_request", `${field}: ${first.message.toLowerCase()}`);
}

const dockerStatus: Readonly<Record<string, string>> = { running: "running", collecting: "exited" };

/** A live job as the first generation showed a container; before there is one, the job's id stands for it. */
function containerOf(job: Job) {
  const { id, challenge, job_id, task_id, container_id, spec, state, accepted_ms } = job;
  return {
    container_id: container_id ?? id,
    container_name: jobName(id),
    image: spec.image,
    status: dockerStatus[state] ?? "created",
    job_id,
    task_id,
    created: new Date(accepted_ms).toISOString(),
    labels: {
      ...jobLabels("job", id, challenge),
      "platform.job": job_id,
      ...(task_id ? { "platform.task": task_id } : {}),
    },
  };
}

function streamOf(pieces: AsyncGenerator<string>): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  return new ReadableStream({
    async pull(controller) {
      const { done, value } = await pieces.next();
      if (done) controller.close();
      else controller.enqueue(encoder.encode(value));
    },
    async cancel() {
      await pieces.return(undefined);
    },
  });
}
