import { afterEach, describe, expect, test } from "bun:test";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openFiles } from "../../support/open-files.ts";
import { waitFor } from "../../support/wait-for.ts";

const program = join(import.meta.dir, "../../support/programs/idle-role.ts");
const started: Bun.Subprocess[] = [];
afterEach(() => {
  for (const child of started.splice(0)) child.kill("SIGKILL");
});

function start(env: Record<string, string> = {}, args: readonly string[] = []) {
  const directory = mkdtempSync(join(tmpdir(), "platform-role-"));
  const child = Bun.spawn([process.execPath, program, ...args], {
    cwd: directory,
    env: { PATH: process.env["PATH"] ?? "", PLATFORM_RUN_DIRECTORY: directory, ...env },
    stdout: "pipe",
    stderr: "pipe",
  });
  started.push(child);
  const ask = (path: string) => fetch(`http://role${path}`, { unix: join(directory, "idle/ops.sock") });
  return {
    child,
    directory,
    ask,
    output: () => new Response(child.stdout).text(),
    errors: () => new Response(child.stderr).text(),
  };
}

describe("every role", () => {
  test("answers its operator and stops on SIGTERM", async () => {
    const { child, ask } = start();
    await waitFor(async () => (await ask("/readyz")).ok, { what: "readiness" });
    expect(await (await ask("/version")).json()).toMatchObject({ role: "idle", version: expect.any(String) });
    const metrics = await (await ask("/metrics")).text();
    expect(metrics).toContain("platform_build_info");
    expect(metrics).toMatch(/# TYPE process_cpu_seconds_total counter\nprocess_cpu_seconds_total [0-9.]+\n/);
    expect((await ask("/nothing")).status).toBe(404);
    child.kill("SIGTERM");
    expect(await child.exited).toBe(0);
  });

  test("is live but not ready while a dependency is away, and says which", async () => {
    const { ask } = start({ PLATFORM_IS_READY: "false" });
    const response = await waitFor(async () =>
      (await (await ask("/readyz")).text()).includes("dependency") ? await ask("/readyz") : null,
    );
    expect(response.status).toBe(503);
    expect(await response.json()).toEqual({
      ready: false,
      probes: [{ name: "dependency", ok: false, reason: "it does not answer" }],
    });
    expect((await ask("/livez")).status).toBe(200);
  });

  test("ends within its shutdown time even when stopping hangs", async () => {
    const { child, ask } = start({ PLATFORM_STOP_MS: "60000", PLATFORM_SHUTDOWN_MS: "300" });
    await waitFor(async () => (await ask("/readyz")).ok);
    const begin = performance.now();
    child.kill("SIGTERM");
    expect(await child.exited).toBe(1);
    expect(performance.now() - begin).toBeLessThan(5_000);
  });

  test("logs a file that was never closed, and lives on", async () => {
    const { child, ask, errors } = start({ PLATFORM_LEAKS_FILE: "true" });
    const written = errors();
    await waitFor(async () => (await ask("/readyz")).ok);
    await waitFor(() => !openFiles(child.pid).includes("/proc/1/comm"), { what: "the end of the file" });
    expect((await ask("/livez")).status).toBe(200);
    child.kill("SIGTERM");
    expect(await child.exited).toBe(0);
    expect(await written).toContain("a file was never closed");
  });

  test("--check reaches the dependencies and its exit code says so", async () => {
    const good = start({}, ["--check"]);
    expect(await good.child.exited).toBe(0);
    expect(await good.output()).toContain("dependency: ok");
    const bad = start({ PLATFORM_IS_READY: "false" }, ["--check"]);
    expect(await bad.child.exited).toBe(1);
    expect(await bad.output()).toContain("dependency: it does not answer");
  });

  test("refuses an unknown flag or setting with exit code 2", async () => {
    const flag = start({}, ["--nonsense"]);
    expect(await flag.child.exited).toBe(2);
    expect(await flag.errors()).toContain("--nonsense");
    const setting = start({ PLATFORM_STOP: "1" });
    expect(await setting.child.exited).toBe(2);
    expect(await setting.errors()).toContain("PLATFORM_STOP: is not a setting of this program");
  });

  test("--help names every setting; --version the version and commit", async () => {
    const help = start({}, ["--help"]);
    expect(await help.output()).toMatch(/PLATFORM_STOP_MS\n.*milliseconds that stopping takes/);
    expect(await start({}, ["--version"]).output()).toMatch(/^platform-idle \d+\.\d+\.\d+ \(\w+\)\n$/);
  });

  test("replaces the socket that a killed process left", async () => {
    const first = start();
    await waitFor(async () => (await first.ask("/readyz")).ok);
    first.child.kill("SIGKILL");
    await first.child.exited;
    const second = start({ PLATFORM_RUN_DIRECTORY: first.directory });
    await waitFor(async () => (await first.ask("/readyz")).ok);
    second.child.kill("SIGTERM");
    expect(await second.child.exited).toBe(0);
  });
});
