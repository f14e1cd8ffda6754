import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { tarOf } from "../../support/builders/archives/tar-builder.ts";
import { waitFor } from "../../support/wait-for.ts";
import { BrokerLab } from "../../support/worlds/broker-lab.ts";

let world: BrokerLab;
beforeAll(async () => {
  world = await BrokerLab.start({ heartbeat_ms: 1_000 });
}, 120_000);
afterAll(async () => {
  await world?.[Symbol.asyncDispose]();
}, 60_000);

const shell = (script: string, more: object = {}) => world.submit({ command: ["sh", "-c", script], ...more });
const cpuNode = () => world.lab.node("worker-cpu");
const allReady = async () => {
  const nodes = (await world.lab.manager.docker.listNodes()) as { Status: { State: string } }[];
  return nodes.every(({ Status }) => Status.State === "ready");
};
/** Waits until no job has anything left in the Swarm, and no capacity is held. */
const allQuiet = async () => {
  const services = (await world.lab.manager.docker.listServices()).filter(({ Spec }) =>
    /^platform-(job|stage|collect)-/.test(Spec?.Name ?? ""),
  );
  return services.length === 0 && (await world.sql`select 1 from capacity_leases`).length === 0;
};
afterEach(async () => {
  await waitFor(allReady, { deadline_ms: 60_000, every_ms: 200, what: "all nodes ready" });
  await waitFor(allQuiet, { deadline_ms: 90_000, every_ms: 200, what: "no service and no lease left" });
}, 160_000);

describe("an engine that fails", () => {
  test("a failed job does not run again when its manager is killed and restarted", async () => {
    const id = await shell("exit 3");
    await waitFor(async () => world.startsOf(id) > 0, { deadline_ms: 30_000, what: "the job's container" });
    await world.lab.manager.kill();
    await world.lab.manager.restart();
    expect(await world.ended(id)).toMatchObject({ state: "failed", exit_code: 3, fault: "submission" });
    await waitFor(allQuiet, { deadline_ms: 60_000, what: "the job's service gone" });
    expect(world.startsOf(id)).toBe(1);
  }, 150_000);

  test("a running job survives updates of its node, a neighbour's end and a manager's restart", async () => {
    const id = await shell("sleep 12; echo survived");
    await world.reached(id, "running");
    const neighbour = await shell("exit 1");
    expect(await world.ended(neighbour)).toMatchObject({ state: "failed" });
    const { docker } = world.lab.manager;
    const nodes = (await docker.listNodes()) as {
      ID: string;
      Version: { Index: number };
      Spec: { Labels: object };
      Description: { Hostname: string };
    }[];
    const node = nodes.find(({ Description }) => Description.Hostname === "worker-cpu");
    if (!node) throw new Error("no worker");
    const Labels = { ...node.Spec.Labels, "lab.changed": "true" };
    await docker.getNode(node.ID).update({ version: node.Version.Index, ...node.Spec, Labels });
    await world.lab.manager.kill();
    await world.lab.manager.restart();
    const job = await world.ended(id);
    expect(job).toMatchObject({ state: "succeeded", exit_code: 0, log_complete: true });
    expect(await world.log(id)).toBe("survived\n");
    expect(world.startsOf(id)).toBe(1);
  }, 150_000);

  test("stopping an engine is no success of the job that ran on it", async () => {
    const id = await shell("trap '' TERM; while :; do sleep 1; done");
    await world.reached(id, "running");
    await cpuNode().restart();
    const job = await world.ended(id);
    expect(job.state === "succeeded").toBe(false);
    expect(job).toMatchObject({ fault: "platform" });
    expect(world.startsOf(id)).toBe(1);
  }, 150_000);
});

describe("a worker whose power fails", () => {
  test("is not the fault of the jobs that ran on it, whatever its engine says afterwards", async () => {
    const id = await shell("sleep 60");
    await world.reached(id, "running");
    await cpuNode().powerOff();
    await cpuNode().restart();
    const job = await world.ended(id);
    const reason = { name: "engine_error" };
    expect(job).toMatchObject({ state: "failed", fault: "platform", reason, log_complete: false });
    expect(world.startsOf(id)).toBe(1);
  }, 150_000);

  test.each([255, 137, 143])(
    "does not excuse a command that itself ends with %d",
    async (exit_code) => {
      const neighbour = await shell("sleep 1");
      const id = await shell(`exit ${exit_code}`);
      const reason = { name: "exit_code" };
      const end = { state: "failed", fault: "submission", reason, exit_code, log_complete: true };
      expect(await world.ended(id)).toMatchObject(end);
      expect(await world.ended(neighbour)).toMatchObject({ state: "succeeded", log_complete: true });
    },
    150_000,
  );
});

describe("a worker that is lost", () => {
  test("loses its jobs within 90 s, and their capacity is held until their containers are gone", async () => {
    const id = await shell("sleep 600");
    await world.reached(id, "running");
    const cut_ms = Date.now();
    // The container keeps running where nobody can reach it.
    await cpuNode().cut();
    expect(await world.ended(id, 100_000)).toMatchObject({ state: "lost", fault: "platform" });
    expect(Date.now() - cut_ms).toBeLessThan(90_000);
    expect(await world.sql`select is_hold from capacity_leases where job = ${id}`).toMatchObject([{ is_hold: true }]);
    const running = async () => (await cpuNode().docker.listContainers()).length;
    expect(await running()).toBe(1);
    await cpuNode().restore();
    await waitFor(async () => (await world.sql`select 1 from capacity_leases`).length === 0, {
      deadline_ms: 90_000,
      what: "the hold to end",
    });
    expect((await cpuNode().docker.listContainers()).some(({ Names }) => Names[0]?.includes(id))).toBe(false);
    expect(world.startsOf(id)).toBe(1);
  }, 240_000);

  test("gives its job's result when it is back in time", async () => {
    const id = await shell("sleep 4; echo back");
    await world.reached(id, "running");
    await cpuNode().cut();
    const down = async () => !(await allReady());
    await waitFor(down, { deadline_ms: 30_000, every_ms: 100, what: "the worker down" });
    // A broker that starts a job elsewhere has seen the node as away, too.
    const elsewhere = await world.submit({ command: ["true"], limits: { cpus: 0.1, memory: "32m", gpu_count: 1 } });
    expect(await world.ended(elsewhere)).toMatchObject({ state: "succeeded" });
    await cpuNode().restore();
    // Output during the cut may be lost, so the log is not complete.
    expect(await world.ended(id)).toMatchObject({ state: "succeeded", log_complete: false });
    expect(await world.log(id)).toBe("back\n");
    expect(world.startsOf(id)).toBe(1);
  }, 150_000);
});

describe("a broker that is killed", () => {
  const archive = tarOf([{ name: "a", content: Buffer.from("input") }]).toString("base64");
  const mounts = [
    { target: "/in", archive_b64: archive },
    { target: "/out", read_only: false },
  ];

  for (const state of ["staging", "starting", "running", "collecting"] as const) {
    test(`while a job is ${state} is replaced by the next, which ends the job after one run`, async () => {
      const id = await shell("cat /in/a | tee /out/b; sleep 2", { mounts });
      await waitFor(async () => (await world.sql`select 1 from jobs where id = ${id} and state = ${state}`)[0], {
        deadline_ms: 30_000,
        every_ms: 2,
        what: `the job ${state}`,
      });
      await world.broker.kill();
      world.broker = await world.startBroker();
      const job = await world.ended(id);
      const starts = world.startsOf(id);
      // A next broker never creates the service of an intent that it did not write. Then the job is lost, and never ran.
      if (job.state === "lost") expect([starts, job.reason?.name]).toEqual([0, "create_unknown"]);
      else {
        expect(job).toMatchObject({ state: "succeeded", artifacts: [{ mount: 1 }] });
        expect([await world.log(id), starts]).toEqual(["input", 1]);
      }
    }, 120_000);
  }

  test("is replaced by a standby that runs beside it", async () => {
    const id = await shell("sleep 5; echo over");
    await world.reached(id, "running");
    const standby = await world.startBroker();
    await world.broker.kill();
    world.broker = standby;
    expect(await world.ended(id)).toMatchObject({ state: "succeeded" });
    expect([await world.log(id), world.startsOf(id)]).toEqual(["over\n", 1]);
  }, 120_000);
});

test("a killed database loses no job, and the broker is not ready meanwhile", async () => {
  const ids = await Promise.all(["1", "2", "3"].map((text) => shell(`sleep 3; echo ${text}`)));
  for (const id of ids) await world.reached(id, "running");
  await world.postgres.halt("SIGKILL");
  expect((await world.broker.ready()).status).toBe(503);
  await waitFor(async () => (await cpuNode().docker.listContainers()).length === 0, {
    deadline_ms: 30_000,
    what: "the jobs' containers over",
  });
  await world.postgres.start();
  for (const [index, id] of ids.entries()) {
    expect(await world.ended(id)).toMatchObject({ state: "succeeded", log_complete: true });
    expect([await world.log(id), world.startsOf(id)]).toEqual([`${index + 1}\n`, 1]);
  }
  expect((await world.broker.ready()).status).toBe(200);
}, 150_000);

test("an image that never arrives ends the job by its start deadline, as the platform's fault", async () => {
  const registry = Bun.listen({
    hostname: world.lab.manager.ip.replace(/\d+$/, "1"),
    port: 0,
    socket: { data: () => undefined },
  });
  await world.broker.kill();
  world.broker = await world.startBroker({ PLATFORM_STARTING_MS: "8000" });
  const gpus = (gpu_count: number) => ({ limits: { cpus: 0.1, memory: "32m", gpu_count } });
  const first = await shell("sleep 60", gpus(2));
  await world.reached(first, "running");
  const id = await shell("true", gpus(1));
  // As if it had been resolved while its registry still answered.
  const image = `${registry.hostname}:${registry.port}/lab/x@sha256:${"0".repeat(64)}`;
  await world.sql`update jobs set image_id = ${image} where id = ${id}`;
  await world.ask(`/v1/jobs/${first}`, { method: "DELETE" });
  const job = await world.ended(id);
  expect(job).toMatchObject({ state: "rejected", fault: "platform", reason: { name: "start_deadline" } });
  expect(job.reason?.detail).toBe("the container did not start in time: preparing");
  expect(world.startsOf(id)).toBe(0);
  registry.stop(true);
  await world.broker.kill();
  world.broker = await world.startBroker();
}, 150_000);

test.each([-3_600, 3_600])(
  "a wall clock that was set by %d s while no broker ran does not change a job's end",
  async (set_s) => {
    const id = await shell("sleep 5; echo done", { timeout_seconds: 60 });
    await world.reached(id, "running");
    await world.broker.kill();
    // As if everything so far had been written in the time before the clock was set.
    const by = world.sql`make_interval(secs => ${-set_s})`;
    await world.sql`update jobs set accepted_at = accepted_at + ${by}, deadline_at = deadline_at + ${by},
    starting_at = starting_at + ${by}, running_at = running_at + ${by}, clock_offset_ms = clock_offset_ms - ${set_s * 1_000}
    where id = ${id}`;
    world.broker = await world.startBroker();
    const job = await world.ended(id);
    expect(job).toMatchObject({ state: "succeeded", log_complete: true });
    expect(job.wall_ms).toBeGreaterThan(4_000);
    expect(job.wall_ms).toBeLessThan(15_000);
    expect([await world.log(id), world.startsOf(id)]).toEqual(["done\n", 1]);
  },
  150_000,
);
