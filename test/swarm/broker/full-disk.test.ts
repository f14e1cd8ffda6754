import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { waitFor } from "../../support/wait-for.ts";
import { BrokerLab } from "../../support/worlds/broker-lab.ts";

const MiB = 2 ** 20;
const disk_bytes = 1_600 * MiB;
let world: BrokerLab;
beforeAll(async () => {
  world = await BrokerLab.start({
    nodes: [{ name: "manager" }, { name: "worker-a", workload: "cpu", disk_bytes }],
  });
}, 120_000);
afterAll(async () => {
  await world?.[Symbol.asyncDispose]();
}, 60_000);

const writable = [{ target: "/out", read_only: false }];
// The lab's disk is memory. What a job writes there counts as the job's memory.
const roomy = { cpus: 0.1, memory: "2g" };
const shell = (script: string, more: object = {}) =>
  world.submit({ command: ["sh", "-c", script], limits: roomy, ...more });
const freeMiB = "$(( $(stat -f -c '%a * %S' /out) / 1048576 ))";
const write = (file: string, mebibytes: number) =>
  `busybox dd if=/dev/zero of=${file} bs=1M count=${mebibytes} 2>/dev/null`;
/** Fills the disk up to what an engine needs to start a container, then ends as `end` says. */
const filler = (end: string) => `
  i=0; while [ ${freeMiB} -gt 100 ]; do i=$((i+1)); ${write("/out/$i", 50)}; done; echo filled; ${end}`;
/** Waits until the disk is full, then writes and fails for want of room. */
const neighbour = `until [ ${freeMiB} -lt 150 ]; do sleep 0.2; done; ${write("/out/own", 200)} || exit 3`;

const isClean = async () => {
  const left = await world.lab.node("worker-a").docker.listVolumes();
  return (left.Volumes ?? []).length === 0 && (await world.sql`select 1 from capacity_leases`).length === 0;
};
const cleanAgain = async () => {
  await waitFor(isClean, { deadline_ms: 120_000, every_ms: 500, what: "the worker's volumes removed" });
  // A new broker does not know that the worker was full.
  await world.broker.kill();
  world.broker = await world.startBroker();
};

describe("a job that fills its worker's disk", () => {
  test("makes its neighbours' bad ends the platform's fault, but not its own", async () => {
    const hungry = await shell(neighbour, { mounts: writable });
    const withoutMounts = await shell("sleep 45; exit 4");
    await world.reached(hungry, "running");
    await world.reached(withoutMounts, "running");
    const greedy = await shell(filler("sleep 65; exit 5"), { mounts: writable });
    const platform = { state: "failed", fault: "platform", reason: { name: "worker_disk_full", code: 3_012 } };
    expect(await world.ended(hungry)).toMatchObject({ ...platform, exit_code: 3 });
    // A broker that has not seen the disk full inspects it.
    await world.broker.kill();
    world.broker = await world.startBroker();
    expect((await world.get(withoutMounts)).state).toBe("running");
    expect(await world.ended(withoutMounts)).toMatchObject({ ...platform, exit_code: 4 });
    expect(await world.ended(greedy)).toMatchObject({
      state: "failed",
      fault: "submission",
      reason: { name: "exit_code" },
      exit_code: 5,
    });
    await cleanAgain();
  }, 300_000);

  test("does not excuse bad ends while the disk had room", async () => {
    const [first, second] = [await shell("exit 3", { mounts: writable }), await shell("exit 4")];
    for (const id of [first, second])
      expect(await world.ended(id)).toMatchObject({
        state: "failed",
        fault: "submission",
        reason: { name: "exit_code" },
      });
  }, 120_000);

  test("is ended when one file exceeds the bound of an output", async () => {
    // The default tmpfs is larger than an output may be.
    const largest = 512 * MiB;
    const script =
      "busybox fallocate -l 8589934592 /out/large; echo allocated $?; busybox dd if=/dev/zero of=/out/large bs=1M count=600; echo written $?; busybox wc -c </out/large";
    const id = await shell(script, { mounts: writable });
    await world.ended(id);
    const lines = (await world.log(id)).trim().split("\n");
    expect(lines.at(-1)).toBe(String(largest));
    expect(lines).not.toContain("allocated 0");
    expect(lines).not.toContain("written 0");
    const own = await shell(`${write("/out/a", 8)}; busybox wc -c </out/a`, {
      mounts: writable,
      limits: { ...roomy, ulimits: [`fsize=${3 * MiB}`] },
    });
    await world.ended(own);
    expect(await world.log(own)).toContain(String(3 * MiB));
  }, 120_000);
});
