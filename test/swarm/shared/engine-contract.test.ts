import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { connectEngine } from "#shared/engine/docker-engine.ts";
import { type Engine, EngineError, type ServiceSpec, type Task } from "#shared/engine/engine.ts";
import { isSealed, sealed } from "#shared/engine/seal-service.ts";
import { jobImageName } from "../../lab/job-image.ts";
import { type Lab, startLab } from "../../lab/lab.ts";
import { createModelEngine } from "../../simulation/model/model-engine.ts";
import { ModelSwarm } from "../../simulation/model/model-swarm.ts";
import { createRandom } from "../../simulation/model/random.ts";
import { VirtualClock } from "../../simulation/model/virtual-clock.ts";
import { waitFor } from "../../support/wait-for.ts";

/** A Swarm under test: the real one of a lab, or the model that stands in for it. */
interface Subject {
  readonly engine: Engine;
  /** Lets time pass until `look` answers. */
  until<T>(what: string, look: () => Promise<T | null>): Promise<T>;
  restartManager(): Promise<void>;
}

const label = { "contract.test": "yes" };
let lab: Lab;
const subjects: Record<string, Subject> = {};

beforeAll(async () => {
  lab = await startLab();
  subjects["the real engine"] = {
    engine: await connectEngine(lab.manager.socketPath),
    until: (what, look) => waitFor(look, { what, deadline_ms: 60_000, every_ms: 100 }) as never,
    restartManager: () => lab.manager.restart(),
  };
  subjects["the model"] = model();
}, 60_000);
afterAll(() => lab.stop(), 30_000);

/** Programs of the model do what the words of their `sh -c` say. */
function model(): Subject {
  const clock = new VirtualClock();
  const random = createRandom(7);
  const swarm = new ModelSwarm(clock, random, (spec) => ({
    pull_ms: 20,
    run: async ({ killed }) => {
      const script = spec.TaskTemplate.ContainerSpec.Args?.at(-1) ?? "";
      if (script.startsWith("sleep")) await clock.sleep(3_600_000, killed.signal).catch(() => undefined);
      return { exit_code: Number(/^exit (\d+)$/.exec(script)?.[1] ?? 0) };
    },
  }));
  swarm.addNode("worker-cpu", { "platform.workload": "cpu" });
  const engine = createModelEngine(swarm, random, { call_failure: 0, log_hang: 0, isDown: false });
  const passing = async <T>(work: Promise<T>): Promise<T> => {
    let isOver = false;
    void work.then(
      () => (isOver = true),
      () => (isOver = true),
    );
    while (!isOver) await clock.advance(10);
    return await work;
  };
  const timed = new Proxy(engine, {
    get: (target, name) => {
      const call = target[name as keyof Engine] as (...words: unknown[]) => Promise<unknown>;
      return (...words: unknown[]) => passing(call(...words));
    },
  });
  return {
    engine: timed,
    async until(what, look) {
      for (let waited_ms = 0; waited_ms < 60_000; waited_ms += 100) {
        const seen = await look();
        if (seen !== null) return seen;
        await clock.advance(100);
      }
      throw new Error(`${what} did not come in the model`);
    },
    restartManager: async () => swarm.restartManager(),
  };
}

function job(name: string, script: string): ServiceSpec {
  return {
    Name: name,
    Labels: label,
    TaskTemplate: {
      ContainerSpec: { Image: jobImageName, Args: ["sh", "-c", script], StopGracePeriod: 1e9 },
      RestartPolicy: { Condition: "none", MaxAttempts: 0 },
      Placement: { Constraints: ["node.labels.platform.workload==cpu"] },
    },
    Mode: { ReplicatedJob: { MaxConcurrent: 1, TotalCompletions: 1 } },
  };
}

const isOver = ({ Status }: Task) => ["complete", "failed", "rejected", "shutdown", "orphaned"].includes(Status.State);
const running = ({ Status }: Task) => Status.State === "running";

async function tasksWhen(
  { engine, until }: Subject,
  name: string,
  holds: (tasks: readonly Task[]) => boolean,
): Promise<readonly Task[]> {
  return await until(`tasks of ${name}`, async () => {
    const tasks = await engine.tasksOfService(name);
    return holds(tasks) ? tasks : null;
  });
}

async function seal({ engine }: Subject, name: string): Promise<void> {
  const service = await engine.service(name);
  if (!service) throw new Error(`no service ${name}`);
  await engine.updateService(service.ID, service.Version.Index, sealed(service.Spec));
}

describe.each(["the real engine", "the model"])("%s", (which) => {
  const subject = () => subjects[which] as Subject;

  test("runs a job once, and says complete", async () => {
    await subject().engine.createService(job("once", "true"));
    const [task] = await tasksWhen(subject(), "once", (tasks) => tasks.some(isOver));
    expect(task?.Status.State).toBe("complete");
  });

  test("tells a failure by its exit code, with these words", async () => {
    await subject().engine.createService(job("fails", "exit 3"));
    const [task] = await tasksWhen(subject(), "fails", (tasks) => tasks.some(isOver));
    expect(task?.Status).toMatchObject({
      State: "failed",
      Err: "task: non-zero exit (3)",
      ContainerStatus: { ExitCode: 3 },
    });
  });

  test("refuses a name that is taken as a conflict", async () => {
    const again = subject().engine.createService(job("once", "true"));
    const error = await again.then(
      () => null,
      (cause: unknown) => cause,
    );
    expect(error).toBeInstanceOf(EngineError);
    expect((error as EngineError).fault).toBe("conflict");
  });

  test("stops a running job that is sealed, and starts nothing in its place", async () => {
    await subject().engine.createService(job("stopped", "sleep 1000"));
    await tasksWhen(subject(), "stopped", (tasks) => tasks.some(running));
    await seal(subject(), "stopped");
    const tasks = await tasksWhen(subject(), "stopped", (all) => all.length > 0 && all.every(isOver));
    expect(tasks).toHaveLength(1);
    expect(tasks[0]?.Status.State).not.toBe("complete");
    expect(isSealed((await subject().engine.service("stopped"))?.Spec ?? job("x", ""))).toBe(true);
  });

  test("runs a failed job again when the manager restarts, unless it is sealed", async () => {
    await subject().engine.createService(job("sealed", "exit 4"));
    await tasksWhen(subject(), "sealed", (tasks) => tasks.some(isOver));
    await seal(subject(), "sealed");
    await subject().restartManager();
    await tasksWhen(subject(), "fails", (tasks) => tasks.length === 2 && tasks.every(isOver));
    expect(await subject().engine.tasksOfService("sealed")).toHaveLength(1);
    expect(await subject().engine.tasksOfService("once")).toHaveLength(1);
  }, 90_000);

  test("removes a service with its tasks, and is not surprised when it is gone", async () => {
    for (const name of ["once", "fails", "stopped", "sealed", "sealed"]) await subject().engine.removeService(name);
    expect(await subject().engine.services(label)).toEqual([]);
    expect(await subject().engine.service("once")).toBeNull();
    await expect(subject().engine.tasksOfService("once")).rejects.toMatchObject({ fault: "not_found" });
  });
});
