import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { bootMachine, type Machine } from "../../lab/machine.ts";
import { releaseSlot, type Slot, takeSlot } from "../../lab/slot.ts";
import { startSwitch } from "../../lab/switch.ts";

const script = join(import.meta.dir, "../../../deploy/engine.sh");

let slot: Slot;
let machine: Machine;

beforeAll(async () => {
  slot = await takeSlot("none");
  await startSwitch(slot);
  machine = await bootMachine(slot, "bare", 10);
}, 30_000);

afterAll(async () => await releaseSlot(slot));

const command = () => join(machine.directory, "docker");

function call(...words: string[]) {
  const settings = [`ENGINE_DATA=${machine.directory}/data`, `ENGINE_COMMAND=${command()}`];
  return machine.exec(["env", ...settings, script, ...words], { timeout_ms: 120_000 });
}

const docker = async (...words: string[]) =>
  (await machine.exec(["sh", "-c", `"$(${script} fetch)"/usr/bin/docker "$@"`, "docker", ...words])).stdout.trim();

describe("engine.sh on a machine without systemd", () => {
  test("starts Docker Engine 26.1 with our daemon settings", async () => {
    const { exitCode, stderr } = await call("start");
    expect({ exitCode, stderr }).toMatchObject({ exitCode: 0, stderr: expect.stringContaining("Docker Engine 26.1") });
    expect(await docker("info", "--format", "{{.LoggingDriver}} {{.LiveRestoreEnabled}} {{.DockerRootDir}}")).toBe(
      `local false ${machine.directory}/data`,
    );
    expect((await call("version")).stdout).toContain("running 26.1");
    const client = existsSync("/usr/bin/docker") ? "docker" : command();
    expect((await machine.exec([client, "version", "--format", "{{.Server.Version}}"])).stdout).toStartWith("26.1");
  }, 150_000);

  test("leaves a running engine alone, at once", async () => {
    const before = readFileSync(join(machine.directory, "run/platform-docker/docker.pid"), "utf8");
    const started = performance.now();
    expect((await call("start")).exitCode).toBe(0);
    expect(performance.now() - started).toBeLessThan(3_000);
    expect(readFileSync(join(machine.directory, "run/platform-docker/docker.pid"), "utf8")).toBe(before);
  });

  test("stops what it started, and starts it again", async () => {
    expect((await call("stop")).exitCode).toBe(0);
    expect((await call("version")).stdout).toContain("running no");
    expect(existsSync(command())).toBe(false);
    expect((await machine.exec(["pgrep", "--exact", "dockerd|containerd"])).exitCode).toBe(1);
    expect((await call("start")).exitCode).toBe(0);
    expect((await call("version")).stdout).toContain("running 26.1");
  }, 90_000);
});
