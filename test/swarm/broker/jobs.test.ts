import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { connectEngine } from "#shared/engine/docker-engine.ts";
import { createLogger } from "#shared/observability/logger.ts";
import { carryOutOrders } from "../../../roles/supervisor/workers/worker-orders.ts";
import { tarOf } from "../../support/builders/archives/tar-builder.ts";
import { waitFor } from "../../support/wait-for.ts";
import { BrokerLab, small } from "../../support/worlds/broker-lab.ts";

let world: BrokerLab;
beforeAll(async () => {
  world = await BrokerLab.start();
}, 90_000);
afterAll(() => world[Symbol.asyncDispose](), 60_000);

const shell = (script: string, more: object = {}) => world.submit({ command: ["sh", "-c", script], ...more });

describe("a job on a real Swarm", () => {
  test("runs once on its class's worker without rights or routes, and leaves no lease or service", async () => {
    const script = "grep -E 'CapEff|NoNewPrivs|Seccomp:' /proc/self/status || cat /proc/self/status; ip route; echo $A";
    const cpu = await shell(script, { env: { A: "{{.Node.Hostname}}" } });
    const env = { "DOCKER_RESOURCE_NVIDIA-GPU": "all" };
    const gpu = await world.submit({ command: ["cat", "/proc/1/environ"], env, limits: { ...small, gpu_count: 1 } });
    const ran = await world.ended(cpu);
    expect(ran).toMatchObject({ state: "succeeded", node_class: "cpu", exit_code: 0, log_complete: true });
    expect(await world.ended(gpu)).toMatchObject({ state: "succeeded", node_class: "gpu" });
    const text = await world.log(cpu);
    for (const seen of ["CapEff:\t0000000000000000", "NoNewPrivs:\t1", "Seccomp:\t2", "{{.Node.Hostname}}"])
      expect(text).toContain(seen);
    expect(text).not.toContain("default");
    expect((await world.log(gpu)).match(/DOCKER_RESOURCE_[^\0]*/g)).toEqual([
      expect.stringMatching(/^DOCKER_RESOURCE_NVIDIA-GPU=GPU-\d$/),
    ]);
    expect((await world.sql`select 1 from capacity_leases`).length).toBe(0);
    await waitFor(async () => (await world.lab.manager.docker.listServices()).length === 0, {
      what: "no service left",
    });
  }, 90_000);

  test("ends by exit code, timeout and cancel, each with the right fault", async () => {
    const [failing, slow, cancelled] = [
      await shell("exit 3"),
      await shell("echo before; sleep 60", { timeout_seconds: 2 }),
      await world.submit({ command: ["sleep", "60"] }),
    ];
    await world.reached(cancelled, "running");
    await world.ask(`/v1/jobs/${cancelled}`, { method: "DELETE" });
    expect(await world.ended(failing)).toMatchObject({ state: "failed", exit_code: 3, fault: "submission" });
    expect(await world.ended(slow)).toMatchObject({
      state: "timed_out",
      reason: { name: "timeout" },
      log_complete: false,
    });
    // Stopping removed the container. The log that was seen while it ran is kept.
    expect(await world.log(slow)).toBe("before\n");
    expect(await world.ended(cancelled)).toMatchObject({ state: "cancelled", reason: { name: "cancelled" } });
  }, 90_000);

  test("can be followed while it runs, from any offset", async () => {
    const id = await shell("for i in 1 2 3; do echo line $i; sleep 1; done; echo no >&2");
    await world.reached(id, "running");
    const events = { accept: "text/event-stream" };
    const stream = await world.ask(`/v1/jobs/${id}/logs?follow=true`, { headers: events });
    const first = stream.body?.getReader();
    const text = Buffer.from((await first?.read())?.value ?? []).toString();
    expect((await world.get(id)).state).toBe("running");
    await first?.cancel();
    const last = /id: (\d+)/.exec(text)?.[1] ?? "";
    const rest = await (
      await world.ask(`/v1/jobs/${id}/logs?follow=true`, { headers: { ...events, "last-event-id": last } })
    ).text();
    const lines = [...`${text}${rest}`.matchAll(/^data: (.*"data".*)$/gm)].map(([, json]) => JSON.parse(json ?? ""));
    expect(lines.map(({ data }) => Buffer.from(data, "base64").toString()).join("")).toBe(
      "line 1\nline 2\nline 3\nno\n",
    );
    const { log_complete } = await world.ended(id);
    expect(rest).toContain(`event: end\ndata: ${JSON.stringify({ state: "succeeded", log_complete })}`);
  }, 60_000);

  test("keeps every line of a log of half a million that come at once, and says so only if it does", async () => {
    const last = 500_000;
    const job = await world.ended(await shell(`seq 1 ${last}`));
    const lines = (await world.log(job.id)).trim().split("\n");
    expect([job.state, lines[0], lines.at(-1)]).toEqual(["succeeded", "1", String(last)]);
    const isWhole = lines.length === last && lines.every((line, at) => line === String(at + 1));
    expect(job.log_complete).toBe(isWhole);
    // What is missing is said, in its place.
    expect(lines.some((line) => line.includes("bytes of the log are missing here"))).toBe(!isWhole);
  }, 120_000);

  test("survives the broker's kill, and the next broker takes its result over", async () => {
    const id = await shell("sleep 3; echo done");
    await world.reached(id, "running");
    await world.broker.kill();
    world.broker = await world.startBroker();
    const job = await world.ended(id);
    expect(job).toMatchObject({ state: "succeeded", exit_code: 0, log_complete: true });
    expect(await world.log(id)).toBe("done\n");
  }, 90_000);

  test("gets its input directory and file, and its output is stored", async () => {
    const archive = (name: string, text: string) => tarOf([{ name, content: Buffer.from(text) }]).toString("base64");
    const id = await world.submit({
      command: ["sh", "-c", "cat /in/a /f >/out/both"],
      limits: { ...small, user: "65534:65534" },
      mounts: [
        { target: "/in", archive_b64: archive("a", "one ") },
        { target: "/out", read_only: false },
        { target: "/f", source_type: "file", source_name: "x/f", archive_b64: archive("x/f", "two") },
      ],
    });
    expect(await world.ended(id)).toMatchObject({ state: "succeeded", artifacts: [{ mount: 1 }] });
    expect(await (await world.ask(`/v1/jobs/${id}/artifacts/1`)).text()).toContain("one two");
    const hog = await world.submit({
      command: ["sh", "-c", "x=a; while :; do x=$x$x; done"],
      limits: { cpus: 1, memory: "16m" },
    });
    expect(await world.ended(hog)).toMatchObject({
      state: "failed",
      reason: { name: "out_of_memory" },
      exit_code: 137,
    });
  }, 120_000);
});

describe("a worker that is taken out of service", () => {
  const node = async () => {
    const nodes = (await world.lab.manager.docker.listNodes()) as {
      ID: string;
      Spec: { Availability: string; Labels: Record<string, string> };
      Description: { Hostname: string };
    }[];
    const found = nodes.find(({ Description }) => Description.Hostname === "worker-cpu");
    if (!found) throw new Error("no worker");
    return found;
  };
  const order = async (kind: string, workload: string | null, seconds = 0) => {
    await world.sql`insert into worker_orders values
      (${(await node()).ID}, ${kind}, ${workload}, ${new Date(Date.now() + seconds * 1_000)}, now())
      on conflict (node_id) do update set kind = excluded.kind, workload = excluded.workload`;
  };
  const carriedOut = async () => {
    const engine = await connectEngine(world.lab.manager.socketPath);
    const log = createLogger("test", "silent");
    const done = async () => (await carryOutOrders(engine, world.sql, log)) === 0;
    await waitFor(done, { deadline_ms: 60_000, every_ms: 500, what: "the order carried out" });
  };

  test("takes no new jobs, lets its jobs end until the deadline, and is drained once it is empty", async () => {
    const [short, long] = [await shell("sleep 2; echo done"), await shell("sleep 60")];
    for (const id of [short, long]) await world.reached(id, "running");
    await order("drain", null, 5);
    const waiting = await shell("true");
    expect(await world.ended(short)).toMatchObject({ state: "succeeded" });
    expect(await world.ended(long)).toMatchObject({
      state: "cancelled",
      fault: "platform",
      reason: { name: "worker_drained" },
    });
    await carriedOut();
    expect((await node()).Spec.Availability).toBe("drain");
    expect((await world.get(waiting)).state).toBe("queued");
    for (const id of [short, long]) expect(world.startsOf(id)).toBe(1);

    await order("activate", null);
    await carriedOut();
    expect(await world.ended(waiting)).toMatchObject({ state: "succeeded" });
    expect(await world.sql`select 1 from worker_orders`).toHaveLength(0);
  }, 150_000);

  test("gets another class once it is empty, and the jobs that wait for it stay in the queue", async () => {
    await order("label", null);
    await carriedOut();
    expect((await node()).Spec.Labels["platform.workload"]).toBeUndefined();
    const waiting = await shell("true");
    await order("label", "cpu");
    await carriedOut();
    expect(await world.ended(waiting)).toMatchObject({ state: "succeeded", node_class: "cpu" });
  }, 150_000);
});
