import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { createHash, randomBytes } from "node:crypto";
import { tarOf } from "../../support/builders/archives/tar-builder.ts";
import { TransferGate } from "../../support/fakes/transfer-gate.ts";
import { freePort } from "../../support/free-port.ts";
import { waitFor } from "../../support/wait-for.ts";
import { BrokerLab } from "../../support/worlds/broker-lab.ts";

const size_bytes = 32 * 2 ** 20;
const half_bytes = size_bytes / 2;

const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");
const nothingLeft = async (world: BrokerLab) => {
  const services = await world.lab.manager.docker.listServices();
  const leases = await world.sql`select 1 from capacity_leases`;
  return services.length + leases.length === 0;
};

describe("a network that is cut between stager and broker half-way", () => {
  let world: BrokerLab;
  let gate: TransferGate;
  beforeAll(async () => {
    world = await BrokerLab.start({ heartbeat_ms: 1_000 });
    const [port, gate_port] = [await freePort(), await freePort()];
    const host = world.lab.manager.ip.replace(/\d+$/, "1");
    gate = await TransferGate.open(port, host, gate_port);
    await world.broker.kill();
    const through = { PLATFORM_TRANSFER_PORT: String(port), PLATFORM_TRANSFER_URL: `http://${host}:${gate_port}` };
    world.broker = await world.startBroker(through);
  }, 120_000);
  afterAll(async () => {
    await gate?.[Symbol.asyncDispose]();
    await world?.[Symbol.asyncDispose]();
  }, 60_000);

  /** Cuts the worker's cable until Swarm has noticed. When it is restored, the old connections are gone. */
  async function cutHalfWay(half: Promise<void>): Promise<void> {
    await half;
    const worker = world.lab.node("worker-cpu");
    await worker.cut();
    await waitFor(async () => (await stateOf("worker-cpu")) === "down", {
      deadline_ms: 30_000,
      every_ms: 100,
      what: "the worker down",
    });
    gate.cut();
    await worker.restore();
  }
  async function stateOf(name: string): Promise<string | undefined> {
    const nodes = (await world.lab.manager.docker.listNodes()) as {
      Description: { Hostname: string };
      Status: { State: string };
    }[];
    return nodes.find(({ Description }) => Description.Hostname === name)?.Status.State;
  }

  test("delays an input, which then resumes where it was", async () => {
    const content = randomBytes(size_bytes);
    const blob = await world.ask("/v1/blobs", {
      method: "PUT",
      body: new Uint8Array(tarOf([{ name: "data", content }])),
    });
    const { sha256: digest } = (await blob.json()) as { sha256: string };
    const half = gate.holdAfter(half_bytes);
    const before_bytes = gate.passed_bytes;
    const command = ["sh", "-c", "sha256sum </in/data"];
    const id = await world.submit({ command, mounts: [{ target: "/in", blob: digest }] });
    await cutHalfWay(half);
    expect(await world.ended(id)).toMatchObject({ state: "succeeded" });
    expect(await world.log(id)).toStartWith(sha256(content));
    expect(world.startsOf(id)).toBe(1);
    // Only the bytes that were on their way were sent again.
    expect(gate.passed_bytes - before_bytes).toBeLessThan(size_bytes * 1.4);
  }, 150_000);

  test("delays an output, which is then stored whole and once", async () => {
    const half = gate.holdAfter(half_bytes);
    const command = ["sh", "-c", `head -c ${size_bytes} /dev/urandom >/out/data; sha256sum </out/data`];
    const id = await world.submit({ command, mounts: [{ target: "/out", read_only: false }] });
    await cutHalfWay(half);
    expect(await world.ended(id)).toMatchObject({ state: "succeeded", artifacts: [{ mount: 0 }] });
    const artifact = new Uint8Array(await (await world.ask(`/v1/jobs/${id}/artifacts/0`)).arrayBuffer());
    const extracted = Bun.spawn(["tar", "-xOf", "-", "data"], { stdin: artifact, stdout: "pipe" });
    expect(sha256(await new Response(extracted.stdout).bytes())).toBe((await world.log(id)).slice(0, 64));
    expect(world.startsOf(id)).toBe(1);
    await waitFor(() => nothingLeft(world), { deadline_ms: 60_000, every_ms: 200, what: "nothing left" });
  }, 150_000);
});

describe("a worker whose disk is full", () => {
  let world: BrokerLab;
  beforeAll(async () => {
    world = await BrokerLab.start({
      nodes: [
        { name: "manager" },
        // With the images on it, the disk has less free than the floor.
        { name: "worker-a", workload: "cpu", disk_bytes: 512 * 2 ** 20 },
        { name: "worker-b", workload: "cpu" },
      ],
    });
  }, 120_000);
  afterAll(async () => {
    await world?.[Symbol.asyncDispose]();
  }, 60_000);

  test("fails one job as the platform's fault, and the next jobs go to another worker", async () => {
    const archive_b64 = tarOf([{ name: "a", content: Buffer.from("input") }]).toString("base64");
    const job = { command: ["cat", "/in/a"], mounts: [{ target: "/in", archive_b64 }] };
    const first = await world.submit(job);
    expect(await world.ended(first)).toMatchObject({
      state: "rejected",
      fault: "platform",
      reason: { name: "staging_failed" },
    });
    expect(world.startsOf(first)).toBe(0);
    for (const id of [await world.submit(job), await world.submit(job)]) {
      expect(await world.ended(id)).toMatchObject({ state: "succeeded" });
      expect([await world.log(id), world.startsOf(id)]).toEqual(["input", 1]);
    }
    const placed = await world.sql`select node_id from jobs order by accepted_at`;
    expect(new Set(placed.map(({ node_id }) => node_id)).size).toBe(2);
    await waitFor(() => nothingLeft(world), { deadline_ms: 60_000, every_ms: 200, what: "nothing left" });
  }, 150_000);
});
