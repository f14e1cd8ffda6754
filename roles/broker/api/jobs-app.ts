import { createHttpApp } from "#shared/http/app.ts";
import { requestPieces } from "#shared/http/bounded-body.ts";
import { hidePluginPage } from "#shared/http/document.ts";
import { ProblemError } from "#shared/http/problem.ts";
import type { JobStateName } from "#shared/schemas/job.ts";
import { hasEnded } from "#shared/schemas/job.ts";
import { limits } from "#shared/schemas/limits.ts";
import { acceptJob, keepUpload } from "../admission/accept-job.ts";
import { parseJobRequest } from "../admission/job-request.ts";
import { createDockerApp } from "../first-generation/app.ts";
import type { Job } from "../job/job.ts";
import { resourceOf } from "../job/resource.ts";
import { authorize } from "./authorization.ts";
import { described, JobsQuery, jobApiDocument } from "./document.ts";
import { LogResponses } from "./log-response.ts";
import { queuePlace } from "./queue-place.ts";
import { parseBody, withText } from "./read-body.ts";
import type { ApiWorld } from "./world.ts";

/** The job API on the challenges' networks (jobs §1). */
export function createApp(world: ApiWorld) {
  return createHttpApp(world.log)
    .use(hidePluginPage)
    .use(createDockerApp(world))
    .use(submitRoutes(world))
    .use(jobRoutes(world))
    .get("/health", () => ({ status: "ok" }), described.health)
    .use(jobApiDocument());
}

/** The job as its challenge sees it; a queued job has its place in the queue. */
async function show(world: Pick<ApiWorld, "store" | "clock" | "policies">, job: Job) {
  return resourceOf(job, job.state === "queued" ? await queuePlace(world, job) : null);
}

/** The routes that take jobs and inputs, and list jobs. */
function submitRoutes(world: ApiWorld) {
  const { store } = world;
  const caller = (request: Request) => authorize(request.headers, world.challenges, world.master_key);
  return createHttpApp(world.log)
    .post(
      "/v1/jobs",
      async ({ request }) => {
        const challenge = await caller(request);
        const key = idempotencyKey(request.headers);
        const { job, isNew } = await withText(request, challenge.spec.slug, world.held_bytes, (text) =>
          acceptJob(world, challenge, parseJobRequest(parseBody(text)), key),
        );
        world.wake();
        return Response.json(await show(world, job), {
          status: isNew ? 202 : 200,
          headers: { location: `/v1/jobs/${job.id}` },
        });
      },
      { parse: "none", ...described.submit },
    )
    .get(
      "/v1/jobs",
      async ({ request, query }) => {
        const { spec } = await caller(request);
        const limit = Math.min(Number(query.limit ?? 50), limits.jobs.page_max);
        const { state, job_id, cursor } = query;
        const found = await store.list({
          challenge: spec.slug,
          state: state as JobStateName | undefined,
          job_id,
          cursor,
          limit: limit + 1,
        });
        const page = found.slice(0, limit);
        return {
          items: page.map((job) => resourceOf(job, null)),
          next_cursor: found.length > limit ? (page.at(-1)?.id ?? null) : null,
        };
      },
      { query: JobsQuery, ...described.list },
    )
    .put(
      "/v1/blobs",
      async ({ request }) => {
        const challenge = await caller(request);
        if (!request.body) throw new ProblemError(400, "invalid_mount_archive", "invalid mount archive");
        const body = requestPieces(request, { bytes_max: limits.jobs.blob_bytes_max });
        const { digest, size_bytes, isKnown } = await keepUpload(world, challenge, body);
        return Response.json({ sha256: digest, size_bytes }, { status: isKnown ? 200 : 201 });
      },
      { parse: "none", ...described.upload },
    );
}

/** The routes of one job: read it, cancel it, read its log and artifacts. */
function jobRoutes(world: ApiWorld) {
  const { store } = world;
  const logs = new LogResponses(world);
  const caller = (request: Request) => authorize(request.headers, world.challenges, world.master_key);
  const owned = async (request: Request, id: string): Promise<Job> => {
    const { spec } = await caller(request);
    const job = await store.byId(spec.slug, id);
    if (!job) throw new ProblemError(404, "job_not_found", "There is no such job.");
    return job;
  };

  return createHttpApp(world.log)
    .get(
      "/v1/jobs/:id",
      async ({ request, params, query }) => {
        const job = await owned(request, params.id);
        const wait_ms = parseWait(query["wait"]);
        return await show(world, wait_ms > 0 ? await changedJob(world, job, wait_ms, request.signal) : job);
      },
      described.show,
    )
    .delete(
      "/v1/jobs/:id",
      async ({ request, params }) => {
        const job = await owned(request, params.id);
        await store.askCancel(job.challenge, job.id);
        world.wake();
        return await show(world, (await store.byId(job.challenge, job.id)) ?? job);
      },
      described.cancel,
    )
    .get(
      "/v1/jobs/:id/logs",
      async ({ request, params, query }) => logs.respond(await owned(request, params.id), query, request),
      described.log,
    )
    .get(
      "/v1/jobs/:id/artifacts/:mount",
      async ({ request, params }) => {
        const job = await owned(request, params.id);
        const artifact = job.artifacts.find(({ mount }) => String(mount) === params.mount);
        const reading = artifact ? await world.blobs.open(artifact.digest) : null;
        if (!artifact || !reading) throw new ProblemError(404, "artifact_not_found", "There is no such artifact.");
        const headers = {
          "content-type": "application/x-tar",
          "content-length": String(reading.size_bytes),
          etag: `"${artifact.digest}"`,
        };
        return new Response(logs.counted(job, reading.stream), { headers });
      },
      described.artifact,
    );
}

/** Waits until the job's state is another one. It also polls, because another broker process may write the state. */
async function changedJob(
  { clock, changes, store }: ApiWorld,
  seen: Job,
  wait_ms: number,
  signal: AbortSignal,
): Promise<Job> {
  const end = clock.monotonic() + wait_ms;
  let job = seen;
  while (!hasEnded(job) && job.state === seen.state && !signal.aborted) {
    const left = end - clock.monotonic();
    if (left <= 0) break;
    await changes.next(job.id, Math.min(left, 1_000), signal);
    job = (await store.byId(job.challenge, job.id)) ?? job;
  }
  return job;
}

function idempotencyKey(headers: Headers): string | null {
  const key = headers.get("idempotency-key");
  if (key === null) return null;
  if (key.length === 0 || key.length > limits.jobs.idempotency_key_chars_max) {
    throw new ProblemError(
      400,
      "invalid_idempotency_key",
      `Idempotency-Key must have 1 to ${limits.jobs.idempotency_key_chars_max} characters.`,
    );
  }
  return key;
}

function parseWait(text: string | undefined): number {
  const match = /^(\d{1,4})s?$/.exec(text ?? "");
  return match ? Math.min(Number(match[1]), limits.jobs.wait_seconds_max) * 1_000 : 0;
}
