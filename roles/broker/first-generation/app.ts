import { createHttpApp } from "#shared/http/app.ts";
import type { Challenge } from "#shared/schemas/challenge.ts";
import { limits } from "#shared/schemas/limits.ts";
import { label } from "#shared/swarm/labels.ts";
import { jobName } from "#shared/swarm/names.ts";
import { prepareJob } from "../admission/accept-job.ts";
import { authorize } from "../api/authorization.ts";
import { CleanupRequest, describedDocker, ListRequest } from "../api/document.ts";
import { withText } from "../api/read-body.ts";
import type { ApiWorld } from "../api/world.ts";
import type { Job } from "../job/job.ts";
import { jobLabels } from "../swarm/job-service-spec.ts";
import { parseFirstGenerationBody, parseRunRequest } from "./run-request.ts";
import { DockerRuns } from "./waiting-calls.ts";

/** The routes of the first generation's clients, a thin layer over jobs (contract §4). */
export function createDockerApp(world: ApiWorld) {
  const { store } = world;
  const runs = new DockerRuns(world);
  /** Authenticates the caller before its body is read. Of a refused caller's body nothing is kept. */
  const reading = async <T>(request: Request, use: (text: string, challenge: Challenge) => Promise<T>): Promise<T> => {
    const challenge = await authorize(request.headers, world.challenges, world.master_key);
    return await withText(request, challenge.spec.slug, world.held_bytes, (text) => use(text, challenge));
  };

  return createHttpApp(world.log)
    .post(
      "/v1/docker/run",
      async ({ request }) => {
        const prepared = await reading(request, (text, challenge) =>
          prepareJob(world, challenge, parseRunRequest(text), null),
        );
        const job = (await runs.takeOver(prepared)) ?? (await runs.acceptNew(prepared));
        return await runs.answerWhenEnded(job, request);
      },
      { parse: "none", ...describedDocker.run },
    )
    .post(
      "/v1/docker/list",
      ({ request }) =>
        reading(request, async (text, { spec: { slug } }) => {
          const { job_id } = parseFirstGenerationBody(ListRequest, text);
          const jobs = await store.live(slug, job_id ?? null, limits.jobs.page_max);
          return { containers: jobs.map(containerOf) };
        }),
      { parse: "none", ...describedDocker.list },
    )
    .post(
      "/v1/docker/cleanup",
      ({ request }) =>
        reading(request, async (text, { spec: { slug } }) => {
          await store.askCancelGroup(slug, parseFirstGenerationBody(CleanupRequest, text).job_id);
          world.wake();
          return { status: "ok" };
        }),
      { parse: "none", ...describedDocker.cleanup },
    );
}

const dockerStatus: Readonly<Record<string, string>> = { running: "running", collecting: "exited" };

/** A live job as the first generation showed a container. Before it has a container, the job's id takes its place. */
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
      [label.job]: job_id,
      ...(task_id ? { [label.task]: task_id } : {}),
    },
  };
}
