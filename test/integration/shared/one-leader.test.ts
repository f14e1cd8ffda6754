import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connectDatabase } from "#shared/database/database.ts";
import { Candidate } from "#shared/database/lead.ts";
import { migrate } from "#shared/database/migrate.ts";
import { createLogger } from "#shared/observability/logger.ts";
import { limits } from "#shared/schemas/limits.ts";
import { systemClock } from "#shared/time/clock.ts";
import { dispatcherSeat } from "../../../roles/broker/leader/seat.ts";
import { startFakeEngine } from "../../bench/broker/fake-engine.ts";
import { waitFor } from "../../support/wait-for.ts";
import { startPostgres, type TestPostgres } from "../../support/worlds/postgres.ts";
import { type RoleProcess, startRole } from "../../support/worlds/role-process.ts";

const stack = new AsyncDisposableStack();
const blobs = mkdtempSync(join(tmpdir(), "platform-lead-"));
const never = new AbortController().signal;
let server: TestPostgres;
let brokerSettings: Record<string, string>;
beforeAll(async () => {
  server = stack.use(await startPostgres());
  const engine = stack.use(await startFakeEngine({ node_count: 1 }));
  stack.defer(() => rmSync(blobs, { recursive: true, force: true }));
  brokerSettings = {
    PLATFORM_DOCKER_SOCKET: engine.socket,
    PLATFORM_LISTEN_HOST: "127.0.0.1",
    PLATFORM_JOB_PORT: "0",
    PLATFORM_TRANSFER_PORT: "0",
    PLATFORM_BLOB_DIRECTORY: blobs,
    PLATFORM_STAGER_IMAGE: "platform/stager:0.1.0",
  };
}, 60_000);
afterAll(() => stack.disposeAsync());

const settingsOf = (role: string, url: string): Record<string, string> => ({
  PLATFORM_DATABASE_URL: url,
  PLATFORM_MASTER_KEY: "k".repeat(40),
  ...(role === "broker" ? brokerSettings : { PLATFORM_NETUID: "1" }),
});

interface Readiness {
  readonly ready: boolean;
  readonly probes: readonly { readonly name: string; readonly state?: string; readonly reason?: string }[];
}

/** What `/readyz` says of the lead. */
async function leadOf(process: RoleProcess, role: string) {
  const answer = await fetch("http://ops/readyz", { unix: join(process.directory, role, "ops.sock") });
  const { probes } = (await answer.json()) as Readiness;
  const lead = probes.find(({ name }) => name === "lead");
  return { status: answer.status, is: lead?.state ?? lead?.reason };
}

async function migrated() {
  const url = await server.createDatabase();
  const sql = connectDatabase(url, "test");
  await migrate(sql);
  return { url, sql };
}

describe.each([
  ["broker", "broker_leads"],
  ["aggregator", "epoch_leads"],
])("the %s", (role, table) => {
  test("that cannot take the lead is not ready, logs the cause once, and leads when the cause is gone", async () => {
    const { url, sql } = await migrated();
    await sql.unsafe(`alter table ${table} rename to elsewhere`);
    await using process = await startRole(role, settingsOf(role, url), "live");
    const reason = `cannot lead: relation "${table}" does not exist`;
    await waitFor(async () => (await leadOf(process, role)).is === reason, { what: "the reason" });
    expect(await leadOf(process, role)).toEqual({ status: 503, is: reason });

    const attempts = async () => {
      const [row] = await sql`select sessions::int from pg_stat_database where datname = current_database()`;
      return row?.["sessions"] as number;
    };
    const before = await attempts();
    await waitFor(async () => (await attempts()) >= before + 2, { what: "two more attempts" });
    const lines = process.output().split("\n");
    expect(lines.filter((line) => line.includes("cannot take the lead"))).toHaveLength(1);
    expect(lines.find((line) => line.includes("cannot take the lead"))).toContain(`relation \\"${table}\\"`);

    await sql.unsafe(`alter table elsewhere rename to ${table}`);
    await waitFor(async () => (await leadOf(process, role)).is === "leads", { deadline_ms: 20_000, what: "the lead" });
    await sql.end();
  }, 60_000);

  test("follows while another leads, and says so", async () => {
    const { url, sql } = await migrated();
    await using leader = await startRole(role, settingsOf(role, url), "live");
    await waitFor(async () => (await leadOf(leader, role)).is === "leads");
    await using follower = await startRole(role, settingsOf(role, url), "live");
    const seen = await waitFor(async () => {
      const lead = await leadOf(follower, role);
      return lead.is === "follows" ? lead : null;
    });
    expect(seen.status).toBe(200);
    expect((await leadOf(leader, role)).is).toBe("leads");
    await sql.end();
  }, 60_000);
});

test("a connection that holds a lock is not closed for its age, nor because it is idle", async () => {
  const sql = connectDatabase("postgres://nobody@localhost/none", "test", { isKept: true });
  expect(sql.options).toMatchObject({ max_lifetime: null, idle_timeout: 0 });
  await sql.end();
});

test("a candidate that fails asks again after pauses that double up to the maximum", async () => {
  const { url, sql } = await migrated();
  await sql`alter table broker_leads rename to elsewhere`;
  const pauses: number[] = [];
  const clock = {
    ...systemClock,
    async sleep(ms: number) {
      pauses.push(ms);
      if (pauses.length === 6) await sql`alter table elsewhere rename to broker_leads`;
    },
  };
  const log = createLogger("test", "silent");
  const candidate = new Candidate({ database_url: url, seat: dispatcherSeat, clock, log });
  const lead = await candidate.take(never);
  const { lead_retry_ms, lead_retry_ms_max } = limits.database;
  expect(pauses).toEqual(Array.from({ length: 6 }, (_, n) => Math.min(lead_retry_ms * 2 ** n, lead_retry_ms_max)));
  await lead.release();
  await sql.end();
});
