import { afterAll, beforeAll, expect, test } from "bun:test";
import type { JobPolicy } from "#shared/schemas/challenge.ts";
import type { LabNode } from "../../lab/engine-node.ts";
import { jobImageName } from "../../lab/job-image.ts";
import { BrokerLab, small } from "../../support/worlds/broker-lab.ts";

let world: BrokerLab;
beforeAll(async () => {
  world = await BrokerLab.start();
}, 90_000);
afterAll(() => world[Symbol.asyncDispose](), 60_000);

const shell = (script: string, limits: object = {}) =>
  world.submit({ command: ["sh", "-c", script], limits: { ...small, ...limits } });

/** Changes the challenge's job policy as an administrator would, and starts a new broker, which reads it. */
async function grant(policy: Partial<JobPolicy>, settings: Readonly<Record<string, string>> = {}): Promise<void> {
  await world.sql`update challenges
    set spec = jsonb_set(spec, '{jobs}', (spec->'jobs') || ${world.sql.json(policy)})`;
  await world.broker.kill();
  world.broker = await world.startBroker(settings);
}

/** Fills a volume on a worker, as an operator would. */
async function fill({ docker }: LabNode, volume: string, script: string): Promise<void> {
  const container = await docker.createContainer({
    Image: jobImageName,
    Cmd: ["sh", "-c", script],
    HostConfig: { NetworkMode: "none", Mounts: [{ Type: "volume", Source: volume, Target: "/volume" }] },
  });
  await container.start();
  expect((await container.wait()).StatusCode).toBe(0);
  await container.remove();
}

async function makeNetwork(Name: string, Labels: Record<string, string>): Promise<void> {
  await world.lab.manager.docker.createNetwork({ Name, Labels, Driver: "overlay", Internal: true });
}

async function label({ spec }: LabNode, labels: Record<string, string>): Promise<void> {
  const { docker } = world.lab.manager;
  const found = (await docker.listNodes()).find(({ Description }) => Description?.Hostname === spec.name);
  const node = docker.getNode(found?.ID ?? "");
  const { Version, Spec } = await node.inspect();
  await node.update({ version: Version.Index, ...Spec, Labels: { ...Spec.Labels, ...labels } });
}

test("a granted data volume is read-only, only for its challenge's jobs, only on workers that hold it", async () => {
  expect(await world.ended(await shell("ls /data"))).toMatchObject({ state: "failed", exit_code: 1 });
  await grant({ data_volumes: ["set"] });
  const give = async (worker: LabNode, content: string) => {
    await fill(worker, "platform-data-set", `echo ${content} > /volume/a; mkdir -m 777 /volume/open`);
    await label(worker, { "platform.data.set": "true" });
  };
  await give(world.lab.node("worker-gpu"), "elsewhere");
  const waiting = await shell("cat /data/set/a");
  const elsewhere = await shell("cat /data/set/a", { gpu_count: 1 });
  expect(await world.ended(elsewhere)).toMatchObject({ state: "succeeded" });
  expect(await world.log(elsewhere)).toBe("elsewhere\n");
  expect((await world.get(waiting)).state).toBe("queued");

  const worker = world.lab.node("worker-cpu");
  await give(worker, "content");
  expect(await world.ended(waiting)).toMatchObject({ state: "succeeded" });
  expect(await world.log(waiting)).toBe("content\n");

  const writing = await shell("echo changed > /data/set/a; echo more > /data/set/open/b; cat /data/set/a");
  expect(await world.ended(writing)).toMatchObject({ state: "succeeded" });
  const text = await world.log(writing);
  expect(text.match(/Read-only file system/g)?.length).toBe(2);
  expect(text).toContain("content\n");
  // What jobs leave is removed; the operator's volume is not of any job.
  await fill(worker, "platform-data-set", "test -f /volume/a && test ! -e /volume/open/b");
}, 120_000);

test("a job whose data no worker holds is rejected at its queue deadline with that reason", async () => {
  await grant({ data_volumes: ["nowhere"] }, { PLATFORM_QUEUED_MS: "2000" });
  const detail = "no capacity came free on a worker that holds nowhere before the queue's deadline";
  expect(await world.ended(await shell("true"))).toMatchObject({
    state: "rejected",
    fault: "platform",
    reason: { name: "queue_deadline", detail },
  });
}, 60_000);

test("a job reaches the outside only with egress, and a network's members only with that grant", async () => {
  const { docker } = world.lab.manager;
  await makeNetwork("mirror", { "platform.challenge.demo": "true" });
  await grant({ data_volumes: [], allow_egress: true, networks: ["mirror", "not-there"] });
  const out = await shell("ip route", { network: "default" });
  const own = await shell("ip route");
  const mirrored = await shell("ip -o addr", { network: "mirror" });
  for (const id of [out, own, mirrored]) expect(await world.ended(id)).toMatchObject({ state: "succeeded" });
  expect(await world.log(out)).toContain("default via");
  expect(await world.log(own)).not.toContain("default via");
  const { IPAM } = await docker.getNetwork("mirror").inspect();
  const [subnet] = IPAM?.Config ?? [];
  expect(await world.log(mirrored)).toContain(`inet ${subnet?.Subnet?.replace(/\d+\.\d+\/\d+$/, "") ?? "?"}`);
  const nowhere = await shell("true", { network: "not-there" });
  expect(await world.ended(nowhere)).toMatchObject({
    state: "rejected",
    fault: "platform",
    reason: { name: "network_missing", detail: "there is no network not-there" },
  });
}, 120_000);

test("a network that is not labelled for the challenge is refused at submission and at start", async () => {
  await makeNetwork("others", { "platform.challenge.other": "true" });
  await grant({ data_volumes: [], networks: ["host", "platform_transfer", "others", "late"], running_max: 0 });
  for (const network of ["host", "platform_transfer", "others"]) {
    expect(shell("true", { network })).rejects.toThrow(
      "Docker network must be 'none', 'default', or a platform network",
    );
  }
  const late = await shell("true", { network: "late" });
  await makeNetwork("late", {});
  await grant({ running_max: 8 });
  expect(await world.ended(late)).toMatchObject({
    state: "rejected",
    fault: "challenge",
    reason: { name: "network_not_granted", detail: "the network late is not labelled platform.challenge.demo=true" },
  });
}, 120_000);

test("a file in a tmpfs is executable only when granted, asked for, and supported by the engine", async () => {
  await using newer = await BrokerLab.start({
    engine: "28",
    nodes: [{ name: "manager" }, { name: "w", workload: "cpu" }],
  });
  await newer.sql`update challenges set spec = jsonb_set(spec, '{jobs,allow_tmpfs_exec}', 'true')`;
  const command = ["sh", "-c", "cat /bin/busybox > /x/busybox; chmod 755 /x/busybox; /x/busybox echo ran"];
  const job = (option: string) => ({ command, limits: { ...small, tmpfs: [`/x:${option},size=8m`] } });
  const [executed, refused] = [await newer.submit(job("exec")), await newer.submit(job("noexec"))];
  expect(await newer.ended(executed)).toMatchObject({ state: "succeeded", log_complete: true });
  expect(await newer.log(executed)).toBe("ran\n");
  expect(await newer.ended(refused)).toMatchObject({ state: "failed", exit_code: 126, fault: "submission" });
}, 120_000);
