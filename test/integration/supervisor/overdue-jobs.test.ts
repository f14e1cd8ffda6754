import { afterAll, beforeAll, expect, test } from "bun:test";
import { type Engine, EngineError, type Service } from "#shared/engine/engine.ts";
import { isSealed } from "#shared/engine/seal-service.ts";
import { createLogger } from "#shared/observability/logger.ts";
import type { JobStateName } from "#shared/schemas/job.ts";
import { limits } from "#shared/schemas/limits.ts";
import { systemClock } from "#shared/time/clock.ts";
import { clockOffset } from "#shared/time/clock-offset.ts";
import { createReapStore, reapOverdueJobs } from "../../../roles/supervisor/workers/overdue-jobs.ts";
import { putInState } from "../../support/builders/job-states.ts";
import { type BrokerWorld, startBrokerWorld } from "../../support/worlds/broker-world.ts";

let world: BrokerWorld;
beforeAll(async () => {
  world = await startBrokerWorld();
}, 60_000);
afterAll(() => world[Symbol.asyncDispose]());

async function jobIn(state: JobStateName, overdue_ms: number): Promise<string> {
  const body = JSON.stringify({ image: "acme/runner:1", command: ["run"] });
  const { id } = (await (await world.ask("/v1/jobs", { method: "POST", body })).json()) as { id: string };
  await putInState(world.sql, id, state, { deadline_ms: Date.now() - overdue_ms });
  return id;
}

test("stops jobs long past their deadline, once, and says so; those that wait or are over it leaves alone", async () => {
  const late_ms = limits.jobs.reap_ms + 1_000;
  const late = [await jobIn("starting", late_ms), await jobIn("running", late_ms)];
  await jobIn("running", limits.jobs.reap_ms - 10_000);
  await jobIn("queued", late_ms);
  await jobIn("failed", late_ms);
  const gone = await jobIn("running", late_ms);
  const sealed = new Map<string, boolean>(late.map((id) => [`platform-job-${id}`, false]));
  const serviceOf = (Name: string): Service =>
    ({
      ID: Name,
      Version: { Index: 1 },
      Spec: { Name, Mode: { ReplicatedJob: { MaxConcurrent: 1, TotalCompletions: sealed.get(Name) ? 0 : 1 } } },
    }) as unknown as Service;
  const engine = {
    service: async (name) => (sealed.has(name) ? serviceOf(name) : null),
    updateService: async (id, _version, spec) => {
      if (!sealed.has(id)) throw new EngineError("not_found", id);
      sealed.set(id, isSealed(spec));
    },
  } satisfies Pick<Engine, "service" | "updateService">;
  const store = createReapStore(world.sql);
  const reap = () => reapOverdueJobs(engine, store, createLogger("test", "silent"), systemClock);

  // However far the clock was set, while no broker followed it.
  for (const set_ms of [-3_600_000, 0, 3_600_000]) {
    const clock = { ...systemClock, now: () => Date.now() + set_ms };
    const overdue = await store.overdue(clock.now() - limits.jobs.reap_ms, clockOffset(clock));
    expect(overdue.map(({ id }) => id)).toEqual([...late, gone]);
  }
  expect(await reap()).toBe(2);
  expect([...sealed.values()]).toEqual([true, true]);
  expect(await reap()).toBe(0);
  const said = await world.sql`select job, detail from job_events where kind = 'reaped' order by job`;
  expect(said.map(({ job, detail }) => [job, detail])).toEqual([
    [late[0], { state: "starting" }],
    [late[1], { state: "running" }],
  ]);
  expect((await world.sql`select state from jobs where id = ${gone}`)[0]?.["state"]).toBe("running");
});
