import { afterEach, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { listenAsSystemd } from "../../support/fakes/notify-socket.ts";
import { freePort } from "../../support/free-port.ts";
import { projectRoot } from "../../support/runner/suite-list.ts";
import { waitFor } from "../../support/wait-for.ts";

const executable = join(projectRoot, "dist/platform-supervisor");
const directories: string[] = [];
const children: Bun.Subprocess[] = [];
afterEach(async () => {
  for (const child of children.splice(0)) {
    child.kill("SIGKILL");
    await child.exited;
  }
  for (const directory of directories.splice(0)) rmSync(directory, { recursive: true, force: true });
});

/** A supervisor whose engine and database are not there. */
async function startAlone(settings: Readonly<Record<string, string>> = {}) {
  const directory = mkdtempSync(join(tmpdir(), "platform-supervisor-"));
  directories.push(directory);
  const ops_port = await freePort();
  const child = Bun.spawn([executable], {
    env: {
      NODE_ENV: "production",
      PLATFORM_RUN_DIRECTORY: directory,
      PLATFORM_DATABASE_URL: `postgres://platform@localhost/platform?host=${directory}`,
      PLATFORM_MASTER_KEY: "a master key of the tests, long enough",
      PLATFORM_DOCKER_SOCKET: join(directory, "docker.sock"),
      PLATFORM_ADMIN_PORT: String(await freePort()),
      PLATFORM_OPS_PORT: String(ops_port),
      ...settings,
    },
    stdout: "pipe",
    stderr: "pipe",
  });
  children.push(child);
  return { child, directory, ops: (path: string) => fetch(`http://127.0.0.1:${ops_port}${path}`) };
}

describe("a supervisor without engine and database", () => {
  test("serves its loopback ports, is not ready, and ends in good order", async () => {
    const { child, ops } = await startAlone();
    await waitFor(async () => (await ops("/supervisor/livez")).ok, { what: "the ops port" });
    expect((await ops("/supervisor/readyz")).status).toBe(503);
    expect(await (await ops("/")).json()).toEqual({ roles: ["supervisor"] });
    child.kill("SIGTERM");
    expect(await child.exited).toBe(0);
  });

  test("waits for them instead of ending, and tells systemd so", async () => {
    const address = `@platform-test-notify-${process.pid}`;
    using systemd = listenAsSystemd(address);
    const { child } = await startAlone({ NOTIFY_SOCKET: address });
    const seen: string[] = [];
    await waitFor(() => seen.push(...systemd.received()) >= 3, { what: "three messages to systemd" });
    expect(seen[0]).toBe("READY=1");
    expect(seen[1]).toMatch(/^WATCHDOG=1\nSTATUS=waiting for the engine: .*docker\.sock/);
    expect(child.exitCode).toBeNull();
  });

  test("tells systemd at a path as well", async () => {
    const folder = mkdtempSync(join(tmpdir(), "platform-notify-"));
    directories.push(folder);
    using systemd = listenAsSystemd(join(folder, "notify"));
    await startAlone({ NOTIFY_SOCKET: join(folder, "notify") });
    expect(await waitFor(() => systemd.received()[0], { what: "a message to systemd" })).toBe("READY=1");
  });

  test("says with --check what it cannot reach", async () => {
    const directory = mkdtempSync(join(tmpdir(), "platform-supervisor-"));
    directories.push(directory);
    const { exitCode, stdout } = Bun.spawnSync([executable, "--check"], {
      env: {
        PLATFORM_DATABASE_URL: `postgres://platform@localhost/platform?host=${directory}`,
        PLATFORM_MASTER_KEY: "a master key of the tests, long enough",
        PLATFORM_DOCKER_SOCKET: join(directory, "docker.sock"),
      },
    });
    expect(exitCode).toBe(1);
    expect(stdout.toString()).toMatch(/^configuration: ok\ndatabase: .*\nengine: .*docker\.sock/);
  });
});
