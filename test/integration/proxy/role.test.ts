import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connectDatabase, type Database } from "#shared/database/database.ts";
import { migrate } from "#shared/database/migrate.ts";
import { createChallenges } from "#shared/database/tables/challenges.ts";
import { storeMetagraph } from "#shared/database/tables/metagraph.ts";
import { systemClock } from "#shared/time/clock.ts";
import { Directory } from "../../../roles/proxy/directory.ts";
import { minerOf, uploadRequest } from "../../support/clients/upload-client.ts";
import { waitFor } from "../../support/wait-for.ts";
import { startPostgres, type TestPostgres } from "../../support/worlds/postgres.ts";
import { challengeOf, startChallenge, startProxy } from "../../support/worlds/proxy-world.ts";

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
