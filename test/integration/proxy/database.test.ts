import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createChallenges } from "#shared/database/challenges.ts";
import { connectDatabase, type Database } from "#shared/database/database.ts";
import { storeMetagraph } from "#shared/database/metagraph.ts";
import { migrate } from "#shared/database/migrate.ts";
import { systemClock } from "#shared/time/clock.ts";
import { Directory } from "../../../roles/proxy/directory.ts";
import { createNonces } from "../../../roles/proxy/upload/nonces.ts";
import { createRegistrations } from "../../../roles/proxy/upload/registrations.ts";
import { createSubmissionsSeen } from "../../../roles/proxy/upload/submissions-seen.ts";
import { waitFor } from "../../support/wait-for.ts";
import { startPostgres, type TestPostgres } from "../../support/worlds/postgres.ts";
import { challengeOf, startChallenge, startProxy } from "../../support/worlds/proxy-world.ts";
import { minerOf, uploadRequest } from "../../support/worlds/upload-client.ts";

let postgres: TestPostgres;
let url: string;
let sql: Database;
beforeAll(async () => {
  postgres = await startPostgres();
  url = await postgres.createDatabase();
  sql = connectDatabase(url, "test");
  await migrate(sql);
}, 60_000);
afterAll(async () => {
  await sql.end({ timeout: 1 });
  await postgres.stop();
});

describe("nonces in the database", () => {
  const day_ms = 86_400_000;
  const at = (ms: number) => ({ netuid: 7, slug: "demo", hotkey: "h", nonce: "n", used_at: new Date(1e12 + ms) });

  test("are taken by one of many at once", async () => {
    const nonces = createNonces(sql);
    const taken = await Promise.all(Array.from({ length: 40 }, () => nonces.reserve({ ...at(0), nonce: "race" })));
    expect(taken.filter(Boolean)).toHaveLength(1);
  });

  test("are remembered for a day, each for its netuid, challenge and hotkey", async () => {
    const nonces = createNonces(sql);
    expect(await nonces.reserve(at(0))).toBe(true);
    expect(await nonces.reserve(at(day_ms))).toBe(false);
    for (const other of [{ netuid: 8 }, { slug: "other" }, { hotkey: "i" }, { nonce: "N" }]) {
      expect(await nonces.reserve({ ...at(1), ...other })).toBe(true);
    }
    expect(await nonces.reserve(at(day_ms + 1))).toBe(true);
    expect(await nonces.reserve(at(day_ms + 2))).toBe(false);
  });

  test("may be as long as a header, and are given back only by who took them", async () => {
    const nonces = createNonces(sql);
    const use = { ...at(0), nonce: "ü".repeat(8_000) };
    expect(await nonces.reserve(use)).toBe(true);
    await nonces.release({ ...use, used_at: new Date(1) });
    expect(await nonces.reserve(use)).toBe(false);
    await nonces.release(use);
    expect(await nonces.reserve(use)).toBe(true);
  });

  test("are forgotten when their time is over, and submissions after a month", async () => {
    const nonces = createNonces(sql);
    const seen = createSubmissionsSeen(sql);
    const entry = { netuid: 7, slug: "demo", hotkey: "h", uid: null, body_sha256: "", body_bytes: 1, status: 200 };
    await seen.add({ ...entry, request_id: "old", received_at: new Date(1e12) });
    await seen.add({ ...entry, request_id: "new", received_at: new Date(1e12 + 20 * day_ms) });
    await nonces.reserve({ ...at(2 * day_ms), nonce: "young" });
    await nonces.prune(new Date(1e12 + 2.5 * day_ms));
    await seen.prune(new Date(1e12 + 31 * day_ms));
    expect((await sql`select count(*)::int as n from miner_nonces`)[0]?.["n"]).toBe(1);
    expect((await sql`select request_id from submissions_seen`).map((row) => row["request_id"])).toEqual(["new"]);
    await sql`truncate miner_nonces, submissions_seen`;
  });
});

test("the metagraph counts while it is fresh", async () => {
  const registrations = createRegistrations(sql, 9);
  expect(await registrations.uidOf("a", new Date(0))).toBe("unavailable");
  const neurons = [
    { uid: 0, hotkey: "owner" },
    { uid: 3, hotkey: "a" },
  ];
  await sql.begin((tx) => storeMetagraph(tx, 9, { block: 1, neurons }, new Date(5_000)));
  expect(await registrations.uidOf("a", new Date(5_000))).toBe(3);
  expect(await registrations.uidOf("owner", new Date(0))).toBe(0);
  expect(await registrations.uidOf("b", new Date(0))).toBeNull();
  expect(await registrations.uidOf("a", new Date(5_001))).toBe("unavailable");
});

test("the role as a process checks uploads against the database, and those that reach nobody leave no row", async () => {
  const directory = mkdtempSync(join(tmpdir(), "platform-proxy-"));
  const alice = minerOf("//Alice");
  await sql`insert into challenges (slug, spec, status) values ('demo', ${sql.json(challengeOf({ internal_port: 1 }).spec as never)}, 'active')`;
  await sql.begin((tx) =>
    storeMetagraph(tx, 7, { block: 1, neurons: [{ uid: 4, hotkey: alice.address }] }, new Date()),
  );
  const child = Bun.spawn([process.execPath, "roles/proxy/main.ts"], {
    cwd: join(import.meta.dir, "../../.."),
    env: {
      PATH: process.env["PATH"] ?? "",
      PLATFORM_RUN_DIRECTORY: directory,
      PLATFORM_DATABASE_URL: url,
      PLATFORM_MASTER_KEY: "k".repeat(32),
      PLATFORM_NETUID: "7",
      PLATFORM_LISTEN_HOST: "127.0.0.1",
      PLATFORM_LISTEN_PORT: "0",
      BUN_CONFIG_DNS_TIME_TO_LIVE_SECONDS: "0",
    },
    stdout: "inherit",
    stderr: "pipe",
  });
  try {
    const { value } = await portOf(child.stderr);
    const route = `http://127.0.0.1:${value}/v1/challenges/demo/submissions`;
    await waitFor(async () => (await fetch("http://role/readyz", { unix: join(directory, "proxy/ops.sock") })).ok);
    // Its name has no address here, so the best that can come is "attaching".
    const good = await fetch(route, uploadRequest());
    expect([good.status, (await good.json()) as unknown]).toMatchObject([503, { code: "attaching" }]);
    for (const [init, detail] of [
      [{ method: "POST", body: "x" }, "missing x-hotkey"],
      [uploadRequest({ timestamp: 1 }), "stale signature"],
      [uploadRequest({ netuid: 8 }), "invalid signature"],
      [uploadRequest({ miner: minerOf("//Bob") }), "unknown hotkey"],
      [uploadRequest({ body: Buffer.alloc(7_500_001) }), "Submission too large"],
    ] as const) {
      expect(((await (await fetch(route, init)).json()) as { detail: string }).detail).toBe(detail);
    }
    const counts =
      await sql`select (select count(*)::int from miner_nonces) + (select count(*)::int from submissions_seen) as n`;
    expect(counts[0]?.["n"]).toBe(0);
    child.kill("SIGTERM");
    expect(await child.exited).toBe(0);
  } finally {
    child.kill("SIGKILL");
  }
}, 60_000);

test("while the database is away the door says so, and it recovers by itself", async () => {
  const challenge = await startChallenge();
  const directory = new Directory(createChallenges(sql), systemClock);
  const proxy = await startProxy({ directory, upstream: challenge.url });
  const ask = (name: string) => fetch(`${proxy.url}/challenges/${name}/x`);
  try {
    expect((await ask("demo")).status).toBe(200);
    await postgres.halt("SIGKILL");
    const response = await ask("My%20Demo");
    expect([response.status, response.headers.get("retry-after")]).toEqual([503, "2"]);
    expect(await response.json()).toMatchObject({ code: "database_unavailable" });
    await postgres.start();
    await waitFor(async () => (await ask("My%20Demo")).status === 200, { what: "recovery" });
  } finally {
    await proxy.stop();
    challenge.stop();
  }
}, 60_000);

/** The port that the process says it listens on. */
async function portOf(log: ReadableStream<Uint8Array>): Promise<{ value: number }> {
  let text = "";
  for await (const chunk of log) {
    text += Buffer.from(chunk).toString();
    const port = /"port":(\d+)/.exec(text)?.[1];
    if (port) return { value: Number(port) };
  }
  throw new Error(`the process ended: ${text}`);
}
