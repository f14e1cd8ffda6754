import { afterAll, beforeAll, expect, test } from "bun:test";
import { limits } from "#shared/schemas/limits.ts";
import { linesOf } from "../../../roles/broker/logs/job-log.ts";
import { retire } from "../../../roles/broker/store/retention.ts";
import { tarOf } from "../../support/builders/archives/tar-builder.ts";
import { putInState } from "../../support/builders/job-states.ts";
import { type BrokerWorld, startBrokerWorld, succeeded } from "../../support/worlds/broker-world.ts";

let world: BrokerWorld;
beforeAll(async () => {
  world = await startBrokerWorld();
}, 60_000);
afterAll(() => world[Symbol.asyncDispose]());

const day_ms = 86_400_000;
const archive = (text: string) => tarOf([{ name: "a", content: Buffer.from(text) }]);
const files = async () => (await Array.fromAsync(world.blobs.list())).length;
const later = (now_ms: number) =>
  retire({ sql: world.sql, blobs: world.blobs, logs: world.logs, now_ms, fencing: 1, finished_job_ms: 7 * day_ms });

async function finishedJob(text: string): Promise<string> {
  const mounts = [{ target: "/in", archive_b64: archive(text).toString("base64") }];
  const body = JSON.stringify({ image: "acme/runner:1", command: ["run"], mounts });
  const { id } = (await (await world.ask("/v1/jobs", { method: "POST", body })).json()) as { id: string };
  await world.end(id, { outcome: succeeded, stdout: text });
  return id;
}

test("finished jobs, their logs and inputs are deleted when their time is over, and not before", async () => {
  const [old, held] = [await finishedJob("old"), await finishedJob("held")];
  await world.sql`update jobs set cleaned_at = now()`;
  await world.sql`insert into capacity_leases values (${held}, 'cpu-1', 1, 1, 0, true, now())`;
  await world.ask("/v1/blobs", { method: "PUT", body: new Uint8Array(archive("unused")) });
  expect(await files()).toBe(5);

  expect(await later(Date.now() + day_ms / 2)).toEqual({ jobs: 0, blob_rows: 0, files: 0, logs: 0 });
  expect(await later(Date.now() + day_ms * 2)).toEqual({ jobs: 0, blob_rows: 1, files: 1, logs: 0 });
  expect(await later(Date.now() + day_ms * 8)).toEqual({ jobs: 1, blob_rows: 1, files: 2, logs: 1 });
  expect((await world.sql`select id from jobs`).map(({ id }) => id)).toEqual([held]);
  expect(old).not.toBe(held);
  expect(await files()).toBe(2);
});

test("a leader that lost the lead deletes nothing", async () => {
  const now_ms = Date.now() + limits.jobs.finished_ms_max * 2;
  const late = retire({ sql: world.sql, blobs: world.blobs, logs: world.logs, now_ms, fencing: 0, finished_job_ms: 1 });
  expect(late).rejects.toThrow("a later leader has written");
  expect((await world.sql`select id from jobs`).length).toBe(1);
});

test("a log file that found no room at its job's end is stored later, and one without a job is deleted", async () => {
  const body = JSON.stringify({ image: "acme/runner:1", command: ["run"] });
  const { id } = (await (await world.ask("/v1/jobs", { method: "POST", body })).json()) as { id: string };
  await world.logs.append(id, linesOf([{ stream: "stdout", time: "2026-01-01T00:00:00Z", data: "bGF0ZQ==" }]));
  await world.logs.append("f".repeat(32), "{}\n");
  await putInState(world.sql, id, "lost");
  await world.sql`update jobs set services_removed_at = now() where id = ${id}`;
  expect(await later(Date.now())).toMatchObject({ logs: 2 });
  const left = await Array.fromAsync(world.logs.ids());
  expect([left.includes(id), left.includes("f".repeat(32))]).toEqual([false, false]);
  expect(await (await world.ask(`/v1/jobs/${id}/logs`)).text()).toBe("late");
});
