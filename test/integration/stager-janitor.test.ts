import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const main = join(import.meta.dir, "../../roles/stager/main.ts");
const id = (letter: string) => letter.repeat(64);

/** The few routes of a Docker engine that the stager asks, on a unix socket. */
class FakeEngine {
  readonly directory = mkdtempSync(join(tmpdir(), "engine-"));
  readonly socket = join(this.directory, "docker.sock");
  readonly volumes = new Map<string, "free" | "busy">();
  readonly containers = new Map<string, { labels: Record<string, string>; oom: boolean; code: number }>();
  is_hanging = false;
  readonly #server = Bun.serve({ unix: this.socket, fetch: (request) => this.#answer(request) });

  #answer(request: Request): Response | Promise<Response> {
    if (this.is_hanging) return new Promise<Response>(() => undefined);
    const url = new URL(request.url);
    const [kind, name = "", action] = url.pathname
      .replace(/^\/v[\d.]+/, "")
      .split("/")
      .slice(1);
    if (kind === "volumes") return this.#removeVolume(name);
    if (name === "json") return Response.json(this.#list(url));
    const container = this.containers.get(name);
    if (container === undefined) return Response.json({ message: "no such container" }, { status: 404 });
    if (request.method === "DELETE") {
      this.containers.delete(name);
      return new Response(null, { status: 204 });
    }
    expect(action).toBe("json");
    const State = { OOMKilled: container.oom, ExitCode: container.code, FinishedAt: "2026-01-01T00:00:00Z" };
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
      .filter(([, { labels }]) => Object.entries(labels).some(([key, value]) => `${key}=${value}` === wanted))
      .map(([Id]) => ({ Id }));
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
  test("removes job volumes, and says what was gone and what is in use", async () => {
    engine.volumes.set("platform-job-a-0", "free").set("platform-job-b-1", "busy");
    const volumes = JSON.stringify(["platform-job-a-0", "platform-job-b-1", "platform-job-c-0"]);
    expect(await stager("janitor", { PLATFORM_VOLUMES: volumes })).toEqual({
      code: 30,
      kind: "janitor",
      removed: ["platform-job-a-0"],
      absent: ["platform-job-c-0"],
      busy: ["platform-job-b-1"],
      refused: [],
    });
    engine.volumes.set("platform-job-b-1", "free");
    const again = await stager("janitor", { PLATFORM_VOLUMES: volumes });
    expect([again.code, again.removed, again.absent.length]).toEqual([0, ["platform-job-b-1"], 2]);
  });

  test("touches no other volume, whoever asks", async () => {
    const others = [
      "platform_blobs",
      "platform_demo_sqlite",
      "data",
      "platform-job-../x",
      "platform-job-A",
      "platform-jobs",
    ];
    for (const name of others) engine.volumes.set(name, "free");
    const { code, refused } = await stager("janitor", { PLATFORM_VOLUMES: JSON.stringify(others) });
    expect({ code, refused, left: engine.volumes.size }).toEqual({ code: 0, refused: others, left: others.length });
  });

  test("removes containers of jobs only, before their volumes", async () => {
    const service = (name: string) => ({ labels: { "com.docker.swarm.service.name": name }, oom: false, code: 0 });
    engine.containers.set(id("a"), service("platform-job-x")).set(id("b"), service("platform-postgres"));
    const containers = JSON.stringify([id("a"), id("b"), id("c"), "platform-postgres"]);
    const result = await stager("janitor", { PLATFORM_CONTAINERS: containers });
    expect(result).toMatchObject({ removed: [id("a")], absent: [id("c")], refused: [id("b"), "platform-postgres"] });
    expect([...engine.containers.keys()]).toEqual([id("b")]);
  });
});

describe("inspect", () => {
  beforeEach(() => {
    engine.containers.set(id("d"), { labels: { "com.docker.swarm.task.id": "task1" }, oom: true, code: 137 });
  });

  test("says of a task's container how it ended and that memory ran out", async () => {
    expect(await stager("inspect", { PLATFORM_TASK_ID: "task1" })).toEqual({
      code: 0,
      kind: "inspect",
      found: true,
      container_id: id("d"),
      oom_killed: true,
      exit_code: 137,
      finished_at: "2026-01-01T00:00:00Z",
    });
    expect((await stager("inspect", { PLATFORM_CONTAINER_ID: id("d") })).oom_killed).toBe(true);
  });

  test("a container that is gone is exit code 31", async () => {
    expect(await stager("inspect", { PLATFORM_TASK_ID: "task2" })).toMatchObject({ code: 31, error: "not_found" });
    expect(await stager("inspect", { PLATFORM_CONTAINER_ID: id("e") })).toMatchObject({ code: 31 });
    expect(await stager("inspect", {})).toMatchObject({ code: 64, error: "usage" });
  });

  test("an engine that hangs is left at the deadline", async () => {
    engine.is_hanging = true;
    const started = performance.now();
    const { code, error } = await stager("inspect", { PLATFORM_TASK_ID: "task1", PLATFORM_DEADLINE_MS: "1000" });
    expect([code, error]).toEqual([10, "deadline"]);
    expect(performance.now() - started).toBeLessThan(6_000);
  });

  test("an engine that is not there is a sentence", async () => {
    const { code, error, detail } = await stager("inspect", {
      PLATFORM_TASK_ID: "a",
      PLATFORM_DOCKER_SOCKET: "/nowhere",
    });
    expect([code, error]).toEqual([70, "internal"]);
    expect(detail).toContain("ENOENT");
  });
});

test("help lists the commands and their settings; an unknown command is usage", async () => {
  const run = (...args: string[]) => Bun.spawnSync([process.execPath, main, ...args], { env: {} });
  const help = run("--help");
  expect(help.exitCode).toBe(0);
  for (const word of ["fetch", "collect", "janitor", "inspect", "PLATFORM_DIGEST"])
    expect(help.stdout.toString()).toContain(word);
  expect(run("--version").stdout.toString()).toStartWith("platform-stager 0.");
  expect(run("explode").exitCode).toBe(64);
  expect(run().exitCode).toBe(64);
  expect(run("--nope").exitCode).toBe(64);
});
