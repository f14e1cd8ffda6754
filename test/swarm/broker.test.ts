import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { deriveToken } from "#shared/auth/tokens.ts";
import { connectDatabase, type Database } from "#shared/database/database.ts";
import { migrate } from "#shared/database/migrate.ts";
import type { JobResource } from "#shared/schemas/job.ts";
import { jobImageName } from "../lab/job-image.ts";
import { type Lab, startLab } from "../lab/lab.ts";
import { startPostgres, type TestPostgres } from "../support/postgres.ts";
import { tarOf } from "../support/tar-builder.ts";
import { waitFor } from "../support/wait-for.ts";

const root = join(import.meta.dir, "../..");
const stagerImage = join(root, "dist/images/stager.tar");
const masterKey = "k".repeat(32);
const policy = {
  ...{ running_max: 50, queued_max: 100, share_weight: 1, gpu_count_max: 2, image_allowlist: ["lab/"] },
  ...{ allow_egress: false, networks: [], queueing: true, blob_bytes_max: 2 ** 30 },
};

let lab: Lab;
let postgres: TestPostgres;
let sql: Database;
let url: string;
let directory: string;
let broker: Bun.Subprocess;
let ports: { readonly job: number; readonly transfer: number };

const freePort = async () => {
  const server = Bun.serve({ port: 0, fetch: () => new Response() });
  const port = server.port ?? 0;
  await server.stop(true);
  return port;
};

async function startBroker(): Promise<void> {
  broker = Bun.spawn([process.execPath, join(root, "roles/broker/main.ts")], {
    env: {
      PATH: process.env["PATH"] ?? "",
      PLATFORM_DATABASE_URL: url,
      PLATFORM_MASTER_KEY: masterKey,
      PLATFORM_DOCKER_SOCKET: lab.manager.socketPath,
      PLATFORM_JOB_PORT: String(ports.job),
      PLATFORM_TRANSFER_PORT: String(ports.transfer),
      PLATFORM_TRANSFER_URL: `http://${lab.manager.ip.replace(/\d+$/, "1")}:${ports.transfer}`,
      PLATFORM_BLOB_DIRECTORY: join(directory, "blobs"),
      PLATFORM_RUN_DIRECTORY: join(directory, "run"),
      PLATFORM_STAGER_IMAGE: "platform/stager:0.1.0",
      PLATFORM_ENCRYPTED_OVERLAYS: "false",
    },
    stdout: "ignore",
    stderr: Bun.file(join(directory, "broker.log")),
  });
  await waitFor(async () => (await fetch(`http://127.0.0.1:${ports.job}/health`)).ok, { what: "the broker" });
}

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), "platform-broker-swarm-"));
  [lab, postgres] = await Promise.all([startLab(), startPostgres()]);
  url = await postgres.createDatabase();
  sql = connectDatabase(url, "broker-swarm-test");
  await migrate(sql);
  const spec = { slug: "demo", name: "demo", image: "lab/x:1", jobs: policy };
  await sql`insert into challenges (slug, spec, status) values ('demo', ${sql.json(spec)}, 'active')`;
  // With a way out, so that stagers reach the broker on this machine.
  await lab.manager.docker.createNetwork({ Name: "platform_transfer", Driver: "overlay" });
  ports = { job: await freePort(), transfer: await freePort() };
  await startBroker();
}, 90_000);
afterAll(async () => {
  broker.kill();
  await broker.exited;
  await sql.end({ timeout: 1 });
  await Promise.all([lab.stop(), postgres.stop()]);
  rmSync(directory, { recursive: true, force: true });
});

const ask = (path: string, init: RequestInit = {}) =>
  fetch(`http://127.0.0.1:${ports.job}${path}`, {
    ...init,
    headers: {
      ...(init.headers as Record<string, string>),
      "x-platform-challenge-slug": "demo",
      authorization: `Bearer ${deriveToken(masterKey, "broker", "demo", 1)}`,
    },
  });
const small = { cpus: 0.1, memory: "32m" };

async function submit(job: object): Promise<string> {
  const body = JSON.stringify({ image: jobImageName, limits: small, ...job });
  return ((await (await ask("/v1/jobs", { method: "POST", body })).json()) as JobResource).id;
}
const get = async (id: string) => (await (await ask(`/v1/jobs/${id}`)).json()) as JobResource;
const ended = (id: string) =>
  waitFor(async () => ((await get(id)).times.ended ? await get(id) : null), {
    deadline_ms: 60_000,
    every_ms: 100,
    what: `end of job ${id}`,
  });
const log = async (id: string) => await (await ask(`/v1/jobs/${id}/logs`)).text();

describe("a job on a real Swarm", () => {
  test("runs once on its class's worker without rights or routes, and leaves no lease or service", async () => {
    const script = "grep -E 'CapEff|NoNewPrivs|Seccomp:' /proc/self/status || cat /proc/self/status; ip route; echo $A";
    const cpu = await submit({ command: ["sh", "-c", script], env: { A: "{{.Node.Hostname}}" } });
    const gpu = await submit({ command: ["cat", "/proc/1/environ"], limits: { ...small, gpu_count: 1 } });
    expect(await ended(cpu)).toMatchObject({ state: "succeeded", node_class: "cpu", exit_code: 0 });
    expect(await ended(gpu)).toMatchObject({ state: "succeeded", node_class: "gpu" });
    const text = await log(cpu);
    for (const seen of ["CapEff:\t0000000000000000", "NoNewPrivs:\t1", "Seccomp:\t2", "{{.Node.Hostname}}"])
      expect(text).toContain(seen);
    expect(text).not.toContain("default");
    expect(await log(gpu)).toContain("DOCKER_RESOURCE_NVIDIA-GPU=GPU-");
    expect((await sql`select 1 from capacity_leases`).length).toBe(0);
    await waitFor(async () => (await lab.manager.docker.listServices()).length === 0, { what: "no service left" });
  }, 90_000);

  test("ends by exit code, timeout and cancel, each said with its owner", async () => {
    const [failing, slow, cancelled] = [
      await submit({ command: ["sh", "-c", "exit 3"] }),
      await submit({ command: ["sh", "-c", "echo before; sleep 60"], timeout_seconds: 2 }),
      await submit({ command: ["sleep", "60"] }),
    ];
    await waitFor(async () => (await get(cancelled)).state === "running", { deadline_ms: 30_000, what: "running" });
    await ask(`/v1/jobs/${cancelled}`, { method: "DELETE" });
    expect(await ended(failing)).toMatchObject({ state: "failed", exit_code: 3, fault: "submission" });
    expect(await ended(slow)).toMatchObject({ state: "timed_out", reason: { name: "timeout" } });
    // Stopping removed the container: what was seen while it ran is kept.
    expect(await log(slow)).toBe("before\n");
    expect(await ended(cancelled)).toMatchObject({ state: "cancelled", reason: { name: "cancelled" } });
  }, 90_000);

  test("is heard while it runs, from any moment on", async () => {
    const id = await submit({ command: ["sh", "-c", "for i in 1 2 3; do echo line $i; sleep 1; done; echo no >&2"] });
    await waitFor(async () => (await get(id)).state === "running", { deadline_ms: 30_000, what: "running" });
    const events = { accept: "text/event-stream" };
    const stream = await ask(`/v1/jobs/${id}/logs?follow=true`, { headers: events });
    const first = stream.body?.getReader();
    const text = Buffer.from((await first?.read())?.value ?? []).toString();
    expect((await get(id)).state).toBe("running");
    await first?.cancel();
    const last = /id: (\d+)/.exec(text)?.[1] ?? "";
    const rest = await (
      await ask(`/v1/jobs/${id}/logs?follow=true`, { headers: { ...events, "last-event-id": last } })
    ).text();
    const lines = [...`${text}${rest}`.matchAll(/^data: (.*"data".*)$/gm)].map(([, json]) => JSON.parse(json ?? ""));
    expect(lines.map(({ data }) => Buffer.from(data, "base64").toString()).join("")).toBe(
      "line 1\nline 2\nline 3\nno\n",
    );
    expect(rest).toContain('event: end\ndata: {"state":"succeeded"');
  }, 60_000);

  test("goes on while the broker is killed, and its result is taken over by the next one", async () => {
    const id = await submit({ command: ["sh", "-c", "sleep 3; echo done"] });
    await waitFor(async () => (await get(id)).state === "running", { deadline_ms: 30_000, what: "running" });
    broker.kill("SIGKILL");
    await broker.exited;
    await startBroker();
    expect(await ended(id)).toMatchObject({ state: "succeeded", exit_code: 0 });
    expect(await log(id)).toBe("done\n");
  }, 90_000);

  test.skipIf(!existsSync(stagerImage))(
    "gets its inputs, a file among them, and gives its output back",
    async () => {
      await Promise.all(lab.workers.map((worker) => worker.loadImage(stagerImage)));
      const archive = (name: string, text: string) => tarOf([{ name, content: Buffer.from(text) }]).toString("base64");
      const id = await submit({
        command: ["sh", "-c", "cat /in/a /f >/out/both"],
        limits: { ...small, user: "65534:65534" },
        mounts: [
          { target: "/in", archive_b64: archive("a", "one ") },
          { target: "/out", read_only: false },
          { target: "/f", source_type: "file", source_name: "x/f", archive_b64: archive("x/f", "two") },
        ],
      });
      expect(await ended(id)).toMatchObject({ state: "succeeded", artifacts: [{ mount: 1 }] });
      expect(await (await ask(`/v1/jobs/${id}/artifacts/1`)).text()).toContain("one two");
      const hog = await submit({
        command: ["sh", "-c", "x=a; while :; do x=$x$x; done"],
        limits: { cpus: 1, memory: "16m" },
      });
      expect(await ended(hog)).toMatchObject({ state: "failed", reason: { name: "out_of_memory" }, exit_code: 137 });
    },
    120_000,
  );
});
