import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { guarded } from "#shared/http/app.ts";
import { type Server, serve } from "#shared/http/serve.ts";
import { createLogger } from "#shared/observability/logger.ts";
import type { JobResource } from "#shared/schemas/job.ts";
import { limits } from "#shared/schemas/limits.ts";
import { skippedHeader } from "#shared/schemas/stager.ts";
import { systemClock } from "#shared/time/clock.ts";
import { createJobStore } from "../../../roles/broker/store/job-store.ts";
import { createTransferApp } from "../../../roles/broker/transfers/app.ts";
import { createTransferTokens } from "../../../roles/broker/transfers/tokens.ts";
import { tarOf } from "../../support/builders/archives/tar-builder.ts";
import { putInState } from "../../support/builders/job-states.ts";
import { type BrokerWorld, startBrokerWorld } from "../../support/worlds/broker-world.ts";

const tokens = createTransferTokens("t".repeat(32));
let world: BrokerWorld;
let transfers: Server;
beforeAll(async () => {
  world = await startBrokerWorld();
  const log = createLogger("broker-test", "silent");
  const nothing = () => undefined;
  const app = createTransferApp({
    store: createJobStore(world.sql),
    blobs: world.blobs,
    tokens,
    clock: systemClock,
    log,
    changed: nothing,
    wake: nothing,
  });
  transfers = serve(guarded(app, log), { hostname: "127.0.0.1", port: 0 });
}, 60_000);
afterAll(async () => {
  await transfers.stop(0);
  await world[Symbol.asyncDispose]();
});

/** A job with two writable mounts that is collecting. */
async function collectingJob(): Promise<string> {
  const mounts = ["/out", "/more"].map((target) => ({ target, read_only: false }));
  const body = JSON.stringify({ image: "acme/x:1", command: ["run"], mounts });
  const { id } = (await (await world.ask("/v1/jobs", { method: "POST", body })).json()) as { id: string };
  await putInState(world.sql, id, "collecting");
  return id;
}

const jobOf = async (id: string) => (await (await world.ask(`/v1/jobs/${id}`)).json()) as JobResource;

/** Runs the stager that collects the job's outputs from `volumes`. */
async function collect(id: string, volumes: string): Promise<number> {
  const mounts = [0, 1].map((index) => ({ index, token: tokens.mint("output", id, index, null) }));
  const env = {
    PLATFORM_VOLUMES_PATH: volumes,
    PLATFORM_TRANSFER_URL: `http://127.0.0.1:${transfers.port}/v1/transfer/${id}`,
    PLATFORM_MOUNTS: JSON.stringify(mounts),
    PLATFORM_DEADLINE_MS: "20000",
    PLATFORM_FREE_BYTES_MIN: "0",
    PLATFORM_FREE_INODES_MIN: "0",
  };
  const main = join(import.meta.dir, "../../../roles/stager/main.ts");
  return await Bun.spawn([process.execPath, main, "collect"], { env, stdout: "ignore", stderr: "ignore" }).exited;
}

describe("what a job left that no archive may hold", () => {
  let volumes: string;
  let job: JobResource;
  beforeAll(async () => {
    volumes = mkdtempSync(join(tmpdir(), "platform-outputs-"));
    for (const mount of ["0", "1"]) mkdirSync(join(volumes, mount));
    for (const name of ["model.bin", "a\\b", "run\nlog", "Model.bin"]) writeFileSync(join(volumes, "0", name), name);
    for (let at = 0; at < limits.jobs.skipped_told_max; at++) symlinkSync("/etc", join(volumes, "1", `link${at}`));
    const id = await collectingJob();
    expect(await collect(id, volumes)).toBe(0);
    job = await jobOf(id);
  }, 30_000);
  afterAll(() => rmSync(volumes, { recursive: true, force: true }));

  test("is counted in the job, the first names with their mount and the reason each", () => {
    const { count, first } = job.artifacts_skipped;
    expect(count).toBe(3 + limits.jobs.skipped_told_max);
    expect(first).toHaveLength(limits.jobs.skipped_told_max);
    const ofFirstMount = first.filter(({ mount }) => mount === 0);
    // Which of the two mounts came first is not settled.
    for (const one of ofFirstMount)
      expect([
        { mount: 0, name: "a\\\\b", reason: "name_backslash" },
        { mount: 0, name: "model.bin", reason: "twin" },
        { mount: 0, name: "run\\nlog", reason: "name_control" },
      ]).toContainEqual(one);
    for (const one of first.filter(({ mount }) => mount === 1))
      expect(one).toEqual({ mount: 1, name: expect.stringMatching(/^link\d$/), reason: "link" });
  });

  test("makes its artifacts incomplete, all of which are there", () => {
    expect([job.artifacts_complete, job.artifacts.map(({ mount }) => mount).toSorted()]).toEqual([false, [0, 1]]);
  });
});

test("a job of which nothing was left out says so", async () => {
  const volumes = mkdtempSync(join(tmpdir(), "platform-outputs-"));
  for (const mount of ["0", "1"]) mkdirSync(join(volumes, mount));
  const id = await collectingJob();
  expect(await collect(id, volumes)).toBe(0);
  expect(await jobOf(id)).toMatchObject({ artifacts_complete: true, artifacts_skipped: { count: 0, first: [] } });
  rmSync(volumes, { recursive: true, force: true });
}, 30_000);

const many = Array.from({ length: limits.jobs.skipped_told_max + 1 }, () => ({ name: "x", reason: "link" }));
test.each([
  ["nothing", undefined],
  ["no JSON", "5 files"],
  ["a count below zero", '{"count":-1,"first":[]}'],
  ["more names than are told", JSON.stringify({ count: 9, first: many })],
  ["a name without bound", JSON.stringify({ count: 1, first: [{ name: "x".repeat(1_025), reason: "link" }] })],
  ["a reason in free text", JSON.stringify({ count: 1, first: [{ name: "x", reason: "no <b>idea</b>" }] })],
])("an upload that says %s of what it left out is refused, and nothing of it is kept", async (_what, header) => {
  const id = await collectingJob();
  const answer = await fetch(`http://127.0.0.1:${transfers.port}/v1/transfer/${id}/outputs/0`, {
    method: "PUT",
    headers: {
      authorization: `Bearer ${tokens.mint("output", id, 0, null)}`,
      ...(header === undefined ? {} : { [skippedHeader]: header }),
    },
    body: new Uint8Array(tarOf([{ name: "a", content: Buffer.from("a") }])),
  });
  expect([answer.status, ((await answer.json()) as { code: string }).code]).toEqual([400, "invalid_skipped"]);
  expect((await jobOf(id)).artifacts).toEqual([]);
});
