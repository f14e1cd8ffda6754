import { join } from "node:path";
import { connectEngine } from "#shared/engine/docker-engine.ts";
import type { Engine, ServiceSpec, Task } from "#shared/engine/engine.ts";
import { jobName } from "#shared/swarm/names.ts";
import { parseJobRequest } from "../../../roles/broker/admission/job-request.ts";
import { featuresOf } from "../../../roles/broker/swarm/engine-features.ts";
import { jobNetwork, jobService } from "../../../roles/broker/swarm/job-service-spec.ts";
import { jobImageName } from "../../lab/job-image.ts";
import { type Lab, startLab } from "../../lab/lab.ts";
import { projectRoot } from "../../support/runner/suite-list.ts";
import { waitFor } from "../../support/wait-for.ts";
import { type BenchBroker, startBenchBroker } from "./bench-broker.ts";
import { startDurablePostgres } from "./durable-postgres.ts";
import { say } from "./measures.ts";

const terminal = new Set(["complete", "shutdown", "failed", "rejected", "orphaned"]);
const look_every_ms = 50;
const bareFleet = { "platform.fleet": "bare" } as const;

/** The broker on a three-node Swarm, and that Swarm's bare Engine API beside it. */
export interface LabBench extends AsyncDisposable {
  readonly broker: BenchBroker;
  readonly raw: RawSwarm;
  /** Resolves when no job, stager or network of the last measurement is left on the Swarm. */
  quiet(): Promise<void>;
}

export const smallJob = { image: jobImageName, limits: { cpus: 0.1, memory: "32m" } };

export async function startLabBench(): Promise<LabBench> {
  const parts = new AsyncDisposableStack();
  try {
    const postgres = parts.use(await startDurablePostgres());
    const lab = parts.use(await startLab());
    const stager = join(projectRoot, "dist/images/stager.tar");
    await Promise.all(lab.workers.map((worker) => worker.loadImage(stager)));
    // With a way out, so that stagers reach the broker on this machine.
    await lab.manager.docker.createNetwork({ Name: "platform_transfer", Driver: "overlay" });
    const broker = parts.use(
      await startBenchBroker({
        database_url: await postgres.createDatabase(),
        docker_socket: lab.manager.socketPath,
        host: lab.manager.ip.replace(/\d+$/, "1"),
        policy: { networks: ["platform_transfer"] },
      }),
    );
    const engine = await connectEngine(lab.manager.socketPath);
    const raw = await rawSwarm(engine, lab);
    return { broker, raw, quiet: () => quiet(engine), [Symbol.asyncDispose]: () => parts.disposeAsync() };
  } catch (error) {
    await parts.disposeAsync();
    throw error;
  }
}

async function quiet(engine: Engine): Promise<void> {
  await waitFor(
    async () => {
      const left = await Promise.all(
        [{ "platform.fleet": "jobs" }, bareFleet].flatMap((label) => [
          engine.services(label),
          engine.networks(label),
          engine.tasks(label),
        ]),
      );
      return left.flat().length === 0;
    },
    { deadline_ms: 60_000, every_ms: 50, what: "an idle Swarm" },
  );
  // Lets the engines finish their work on removed tasks, and starts the next sample at a random point of a tick.
  await Bun.sleep(200 + Math.random() * 400);
}

/** One job's service made by hand with the broker's own spec. */
export interface RawJob {
  /** The job's task once it is RUNNING or over. */
  started(): Promise<Task>;
  over(): Promise<Task>;
  readLog(task: Task): Promise<void>;
  /** Removes the service; its network goes beside, as soon as Swarm lets it. */
  remove(): Promise<void>;
}

export interface RawSwarm {
  /** `network` is one that is there; without it the job gets an internal one of its own. */
  create(command: readonly string[], network?: string): Promise<RawJob>;
}

async function rawSwarm(engine: Engine, lab: Lab): Promise<RawSwarm> {
  const node = (await engine.nodes()).find(({ Description }) => Description.Hostname === "worker-cpu");
  const image = await engine.image(jobImageName);
  if (!node || !image) throw new Error(`lab ${lab.id} has no CPU worker or no job image`);
  const tasks = new TaskPoll(engine);
  return {
    async create(command, network) {
      const id = Bun.randomUUIDv7("hex").replaceAll("-", "");
      const limits = { ...smallJob.limits, ...(network ? { network } : {}) };
      const request = parseJobRequest({ ...smallJob, command, limits });
      const placement = {
        id,
        challenge: "demo",
        image_id: image.Id,
        node_id: node.ID,
        node_class: "cpu",
        data_volumes: [],
        features: featuresOf("1.45"),
      };
      const job = jobService({ ...request, mounts: [] }, placement);
      // Without the broker's labels: it stops services that carry its labels and are no job of its own.
      const spec: ServiceSpec = { ...job, Labels: { ...job.Labels, ...bareFleet } };
      if (!network) {
        const own = jobNetwork(id, "demo", true, false);
        await engine.createNetwork({ ...own, Labels: { ...own.Labels, ...bareFleet } });
      }
      await engine.createService(spec);
      return {
        started: () => tasks.find(id, ({ State }) => State === "running" || terminal.has(State)),
        over: () => tasks.find(id, ({ State }) => terminal.has(State)),
        readLog: (task) => readLog(engine, task),
        async remove() {
          await engine.removeService(jobName(id));
          if (!network) void removeNetwork(engine, id);
        },
      };
    },
  };
}

async function readLog(engine: Engine, { ID }: Task): Promise<void> {
  for await (const _ of engine.taskLogs(ID, { signal: AbortSignal.timeout(10_000) }));
}

/** Removes the network once the task is gone. Removed together, the task may stay `running` for ever. */
async function removeNetwork(engine: Engine, id: string): Promise<void> {
  const isRemoved = async () => {
    if ((await engine.tasks({ "platform.id": id })).length > 0) return false;
    await engine.removeNetwork(jobName(id));
    return true;
  };
  await waitFor(isRemoved, { every_ms: 100, what: `removal of ${jobName(id)}` }).catch((error) => say(`${error}`));
}

/** One list of all tasks every 50 ms, for all who wait. */
class TaskPoll {
  readonly #engine: Engine;
  readonly #waiting = new Map<string, (task: Task) => boolean>();
  #isLooking = false;

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  async find(id: string, is: (status: Task["Status"]) => boolean): Promise<Task> {
    const found = new Promise<Task>((resolve) => {
      this.#waiting.set(id, (task) => {
        if (!is(task.Status)) return false;
        resolve(task);
        return true;
      });
    });
    if (!this.#isLooking) void this.#look();
    return await found;
  }

  async #look(): Promise<void> {
    this.#isLooking = true;
    while (this.#waiting.size > 0) {
      const tasks = await this.#engine.tasks(bareFleet).catch((error: unknown) => say(`${error}`));
      for (const task of tasks ?? []) {
        const id = task.Spec.ContainerSpec?.Labels?.["platform.id"] ?? "";
        if (this.#waiting.get(id)?.(task)) this.#waiting.delete(id);
      }
      await Bun.sleep(look_every_ms);
    }
    this.#isLooking = false;
  }
}
