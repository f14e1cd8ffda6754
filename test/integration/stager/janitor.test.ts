import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const main = join(import.meta.dir, "../../../roles/stager/main.ts");
const id = (letter: string) => letter.repeat(64);

/** The few routes of a Docker engine that the stager asks, on a unix socket. */
class FakeEngine {
  readonly directory = mkdtempSync(join(tmpdir(), "engine-"));
  readonly socket = join(this.directory, "docker.sock");
  readonly volumes = new Map<string, "free" | "busy">();
  readonly containers = new Map<
    string,
    { labels: Record<string, string>; oom: boolean; code: number; state?: string }
  >();
  isHanging = false;
  hasBridge = true;
  readonly #server = Bun.serve({ unix: this.socket, fetch: (request) => this.#answer(request) });

  #answer(request: Request): Response | Promise<Response> {
    if (this.isHanging) return new Promise<Response>(() => undefined);
    const url = new URL(request.url);
    const [kind, name = "", action] = url.pathname
      .replace(/^\/v[\d.]+/, "")
      .split("/")
      .slice(1);
    if (kind === "volumes" && request.method === "GET")
      return Response.json({ Volumes: [...this.volumes.keys()].map((Name) => ({ Name })) });
    if (kind === "volumes") return this.#removeVolume(name);
    if (kind === "networks" && this.hasBridge) return Response.json({ Name: name, Created: "2026-01-01T00:00:02Z" });
    if (name === "json") return Response.json(this.#list(url));
    const container = this.containers.get(name);
    if (container === undefined) return Response.json({ message: "no such container" }, { status: 404 });
    if (request.method === "DELETE") {
      this.containers.delete(name);
      return new Response(null, { status: 204 });
    }
    expect(action).toBe("json");
    const times = { StartedAt: "2026-01-01T00:00:00Z", FinishedAt: "2026-01-01T00:00:01Z" };
    const State = { OOMKilled: container.oom, ExitCode: container.code, ...times };
    return Response.json({ Id: name, Config: { Labels: container.labels }, State });
  }

  #removeVolume(name: string): Response {
    const state = this.volumes.get(name);
    if (state === undefined) return Response.json({ message: "no such volume" }, { status: 404 });
    if (state === "busy") return Response.json({ message: "volume is in use" }, { status: 409 });
    this.volumes.delete(name);
    return new Response(null, { status: 204 });
  }

  #list(url: URL): unknown[] {
    const wanted = JSON.parse(url.searchParams.get("filters") ?? "{}").label?.[0] ?? "";
    return [...this.containers]
      .filter(([, { labels }]) =>
        Object.entries(labels).some(([key, value]) => [key, `${key}=${value}`].includes(wanted)),
      )
      .map(([Id, { labels, state }]) => ({ Id, Labels: labels, State: state ?? "exited" }));
  }

  async stop() {
    await this.#server.stop(true);
    rmSync(this.directory, { recursive: true });
  }
}

let engine: FakeEngine;
beforeEach(() => {
  engine = new FakeEngine();
});
afterEach(() => engine.stop());

async function stager(command: string, settings: Record<string, string>) {
  const env = { PLATFORM_DOCKER_SOCKET: engine.socket, ...settings };
  const child = Bun.spawn([process.execPath, main, command], { env, stdout: "pipe", stderr: "pipe" });
  const [code, out] = await Promise.all([child.exited, new Response(child.stdout).text()]);
  return { code, ...JSON.parse(out.trim().split("\n").at(-1) ?? "{}") };
}

describe("janitor", () => {
  const job = (letter: string) => letter.repeat(32);
  const service = (name: string, state = "exited") => ({
    labels: { "com.docker.swarm.service.name": name },
    oom: false,
    code: 0,
    state,
  });
  const sweep = (...ids: string[]) => stager("janitor", { PLATFORM_JOBS: JSON.stringify(ids) });

  test("removes containers, then volumes of ended jobs, and reports volumes in use", async () => {
    engine.volumes.set(`platform-job-${job("a")}-0`, "free").set(`platform-job-${job("b")}-1`, "busy");
    engine.containers.set(id("1"), service(`platform-job-${job("a")}`));
    expect(await sweep(job("a"), job("b"), job("c"))).toEqual({
      code: 30,
      kind: "janitor",
      removed: [id("1"), `platform-job-${job("a")}-0`],
      busy_jobs: [job("b")],
    });
    engine.volumes.set(`platform-job-${job("b")}-1`, "free");
    expect(await sweep(job("a"), job("b"))).toMatchObject({ code: 0, removed: [`platform-job-${job("b")}-1`] });
    expect([engine.volumes.size, engine.containers.size]).toEqual([0, 0]);
  });

  test("leaves a running container and its volumes, and reports the job as busy", async () => {
    engine.containers.set(id("1"), service(`platform-job-${job("a")}`, "running"));
    engine.volumes.set(`platform-job-${job("a")}-0`, "free");
    expect(await sweep(job("a"))).toEqual({ code: 30, kind: "janitor", removed: [], busy_jobs: [job("a")] });
    expect([engine.volumes.size, engine.containers.size]).toEqual([1, 1]);
  });

  test("removes nothing that is not named for the jobs it was given", async () => {
    const others = ["platform_blobs", "data", "platform-job-../x", `platform-job-${job("b")}-0`, `x-${job("a")}-0`];
    for (const name of others) engine.volumes.set(name, "free");
    engine.containers.set(id("1"), service("platform-postgres")).set(id("2"), service(`platform-job-${job("b")}`));
    expect(await sweep(job("a"))).toMatchObject({ code: 0, removed: [] });
    expect([engine.volumes.size, engine.containers.size]).toEqual([others.length, 2]);
    expect(await sweep("../x")).toMatchObject({ code: 64, error: "usage" });
  });
});

describe("inspect", () => {
  beforeEach(() => {
    engine.containers.set(id("d"), { labels: { "com.docker.swarm.task.id": "task1" }, oom: true, code: 137 });
  });

  test("reports how a container ended and that memory ran out", async () => {
    expect(await stager("inspect", { PLATFORM_CONTAINER_ID: id("d") })).toEqual({
      code: 0,
      kind: "inspect",
      is_disk_low: false,
      found: true,
      container_id: id("d"),
      oom_killed: true,
      exit_code: 137,
      started_at: "2026-01-01T00:00:00Z",
      finished_at: "2026-01-01T00:00:01Z",
      engine_started_at: "2026-01-01T00:00:02Z",
    });
  });

  test("reports no start time of an engine without a default bridge", async () => {
    engine.hasBridge = false;
    expect(await stager("inspect", { PLATFORM_CONTAINER_ID: id("d") })).toMatchObject({
      code: 0,
      engine_started_at: null,
    });
  });

  test("reports a container that is gone by exit code 31", async () => {
    const gone = { code: 31, kind: "inspect", is_disk_low: false, found: false };
    expect(await stager("inspect", { PLATFORM_CONTAINER_ID: id("f") })).toEqual(gone);
    expect(await stager("inspect", {})).toMatchObject({ code: 64, error: "usage" });
  });

  test.each(["PLATFORM_FREE_BYTES_MIN", "PLATFORM_FREE_INODES_MIN"])(
    "reports a disk with less than %s, whether the container is there or gone",
    async (name) => {
      const aboveAll = { [name]: String(2 ** 52) };
      const there = await stager("inspect", { PLATFORM_CONTAINER_ID: id("d"), ...aboveAll });
      expect(there).toMatchObject({ code: 0, found: true, is_disk_low: true });
      const gone = await stager("inspect", { PLATFORM_CONTAINER_ID: id("e"), ...aboveAll });
      expect(gone).toMatchObject({ code: 31, found: false, is_disk_low: true });
    },
  );

  test("ends at the deadline when the engine hangs", async () => {
    engine.isHanging = true;
    const started = performance.now();
    const { code, error } = await stager("inspect", { PLATFORM_CONTAINER_ID: id("d"), PLATFORM_DEADLINE_MS: "1000" });
    expect([code, error]).toEqual([10, "deadline"]);
    expect(performance.now() - started).toBeLessThan(6_000);
  });

  test("says in a sentence that the engine cannot be reached", async () => {
    const { code, error, detail } = await stager("inspect", {
      PLATFORM_CONTAINER_ID: id("d"),
      PLATFORM_DOCKER_SOCKET: "/nowhere",
    });
    expect([code, error]).toEqual([70, "internal"]);
    expect(detail).toContain("ENOENT");
  });
});

test("help lists the commands and their settings; an unknown command exits as wrong usage", async () => {
  const run = (...args: string[]) => Bun.spawnSync([process.execPath, main, ...args], { env: {} });
  const help = run("--help");
  expect(help.exitCode).toBe(0);
  for (const word of ["fetch", "collect", "janitor", "inspect", "PLATFORM_MOUNTS"])
    expect(help.stdout.toString()).toContain(word);
  expect(run("--version").stdout.toString()).toStartWith("platform-stager 0.");
  expect(run("explode").exitCode).toBe(64);
  expect(run().exitCode).toBe(64);
  expect(run("--nope").exitCode).toBe(64);
});
