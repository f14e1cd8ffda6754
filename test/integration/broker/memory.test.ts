import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { randomBytes } from "node:crypto";
import { connect, type Socket } from "node:net";
import { deriveToken } from "#shared/auth/tokens.ts";
import { systemClock } from "#shared/time/clock.ts";
import { openFolderBlobStore } from "../../../roles/broker/blobs/folder-blob-store.ts";
import { linesOf } from "../../../roles/broker/logs/job-log.ts";
import { roleServices } from "../../../roles/platform/install/role-services-spec.ts";
import { type BenchBroker, startBenchBroker } from "../../bench/broker/bench-broker.ts";
import { startFakeEngine } from "../../bench/broker/fake-engine.ts";
import { tarOf } from "../../support/builders/archives/tar-builder.ts";
import { hasMemoryCgroups, MemoryCgroup } from "../../support/memory-cgroup.ts";
import { openFiles } from "../../support/open-files.ts";
import { RawClient } from "../../support/raw-client.ts";
import { waitFor } from "../../support/wait-for.ts";
import { startPostgres } from "../../support/worlds/postgres.ts";

setDefaultTimeout(180_000);

const MiB = 1_048_576;
/** Attackers, honest challenge and broker share this machine. Without an attack an answer takes 10 ms. */
const answer_ms_max = 10_000;
const half_bytes = 30 * MiB;
const job = { image: "lab/job:1", command: ["run"] };
const stack = new AsyncDisposableStack();
let broker: BenchBroker;
let group: MemoryCgroup;
let bytes_max = 0;

beforeAll(async () => {
  if (!hasMemoryCgroups) return;
  const postgres = stack.use(await startPostgres());
  // The Swarm has no node, so every job waits.
  const engine = stack.use(await startFakeEngine({ node_count: 0 }));
  const { MemoryBytes = 0, environment } = containerOfBroker();
  bytes_max = MemoryBytes;
  group = stack.use(new MemoryCgroup("platform-test-broker", bytes_max));
  broker = stack.use(
    await startBenchBroker({
      database_url: await postgres.createDatabase(),
      docker_socket: engine.socket,
      container: { memory: group, environment },
    }),
  );
  const spec = { slug: "honest", name: "honest", image: "lab/challenge:1", jobs: { image_allowlist: ["lab/"] } };
  await broker.sql`insert into challenges (slug, spec, status) values ('honest', ${broker.sql.json(spec)}, 'active')`;
}, 120_000);
afterAll(() => stack.disposeAsync());

/** The memory limit that the installer gives the broker's container, and what it tells Bun of it. */
function containerOfBroker() {
  const names = ["admin", "broker", "proxy", "aggregator", "devchain", "submitter", "postgres"];
  const secrets = ["database_url", "master_key", "hotkey", "postgres_password"];
  const services = roleServices({
    images: Object.fromEntries([...names, "stager"].map((name) => [name, "sha256:0"])),
    secrets: Object.fromEntries(secrets.map((name) => [name, { id: name, name }])),
    node_id: "n",
    netuid: 1,
    proxy_port: 1,
    chain_endpoints: null,
    uses_embedded_database: true,
    epoch_seconds: 60,
    block_ms: 1_000,
    docker_socket: "/d",
    docker_socket_group: 1,
    areOverlaysEncrypted: true,
    vector_public_key: "",
  });
  const spec = services.find(({ Name }) => Name === "platform-broker")?.TaskTemplate;
  const settings = (spec?.ContainerSpec.Env ?? []).filter((setting) => setting.startsWith("BUN_"));
  const environment = Object.fromEntries(settings.map((setting) => setting.split("=") as [string, string]));
  return { ...spec?.Resources?.Limits, environment };
}

const headersOf = (slug: string) => ({
  "x-platform-challenge-slug": slug,
  authorization: `Bearer ${deriveToken("k".repeat(32), "broker", slug, 1)}`,
});
const port = () => Number(new URL(broker.url).port);

/** Runs `attack`. The answer holds the broker's peak memory, and the longest wait of an honest challenge for an answer. */
async function under(attack: () => Promise<void>): Promise<{ peak_bytes: number; slowest_ms: number }> {
  let [peak_bytes, slowest_ms, isOver] = [0, 0, false];
  const sampling = setInterval(() => {
    peak_bytes = Math.max(peak_bytes, group.anonymous_bytes);
  }, 20);
  const archive_b64 = tarOf([{ name: "a", content: randomBytes(100_000) }]).toString("base64");
  const body = JSON.stringify({ ...job, mounts: [{ target: "/in", archive_b64 }] });
  const honest = async () => {
    while (!isOver) {
      const start_ms = performance.now();
      const answer = await fetch(`${broker.url}/v1/jobs`, { method: "POST", body, headers: headersOf("honest") });
      expect(answer.status).toBe(202);
      await answer.json();
      slowest_ms = Math.max(slowest_ms, performance.now() - start_ms);
      await Bun.sleep(50);
    }
  };
  const asking = honest();
  try {
    await attack();
  } finally {
    isOver = true;
    clearInterval(sampling);
    await asking;
  }
  process.stdout.write(
    `${JSON.stringify({ peak_mib: Math.round(peak_bytes / MiB), slowest_ms: Math.round(slowest_ms) })}\n`,
  );
  expect(peak_bytes).toBeLessThan(bytes_max / 2);
  expect(slowest_ms).toBeLessThan(answer_ms_max);
  return { peak_bytes, slowest_ms };
}

/** Clients that each declare 60 MiB for `POST /v1/jobs`, and send half of it unless they are refused. */
async function halfSent(count: number, headers: Readonly<Record<string, string>>) {
  const stack = new DisposableStack();
  const request = { method: "POST", path: "/v1/jobs", headers, declared_bytes: 2 * half_bytes };
  const clients = await Promise.all(Array.from({ length: count }, () => RawClient.open({ port: port() }, request)));
  for (const client of clients) stack.use(client);
  const sending = clients.map(async (client) => {
    for (let sent = 0; sent < half_bytes; sent += MiB) await client.send(Buffer.alloc(MiB, 65));
  });
  return { clients, sending: Promise.all(sending), [Symbol.dispose]: () => stack.dispose() };
}

test.skipIf(!hasMemoryCgroups)(
  "half-sent job requests of unknown callers are refused at once and not held",
  async () => {
    await under(async () => {
      using attack = await halfSent(24, { ...headersOf("demo"), authorization: "Bearer wrong" });
      const answers = await Promise.all(attack.clients.map((client) => client.answer()));
      expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 401));
      await attack.sending;
    });
  },
);

test.skipIf(!hasMemoryCgroups)(
  "a challenge that half-sends as many job requests as it can leaves room for the others",
  async () => {
    await under(async () => {
      using attack = await halfSent(24, headersOf("demo"));
      const statuses = await Promise.all(attack.clients.map(async (client) => (await client.answer()).status));
      expect(statuses.filter((status) => status === 408).length).toBeGreaterThan(0);
      expect(statuses.filter((status) => status === 503).length).toBeGreaterThan(20);
      await attack.sending;
    });
  },
);

test.skipIf(!hasMemoryCgroups)(
  "many job requests of the largest size at once are accepted or answered with 503",
  async () => {
    const archive_b64 = tarOf([{ name: "a", content: randomBytes(44 * MiB) }]).toString("base64");
    const body = JSON.stringify({ ...job, mounts: [{ target: "/in", archive_b64 }] });
    await under(async () => {
      const answers = await Promise.all(
        Array.from({ length: 12 }, () =>
          fetch(`${broker.url}/v1/jobs`, { method: "POST", body, headers: headersOf("demo") }),
        ),
      );
      const statuses = answers.map(({ status }) => status);
      expect(statuses.filter((status) => status === 202).length).toBeGreaterThan(0);
      expect(statuses.filter((status) => status !== 202 && status !== 503)).toEqual([]);
      for (const answer of answers) if (answer.status === 503) expect(answer.headers.get("retry-after")).toBe("2");
    });
  },
);

test.skipIf(!hasMemoryCgroups)(
  "a large log with many readers, some of them stalled, is never whole in memory",
  async () => {
    const { id } = await broker.submit(job);
    const text_bytes = 16_000_000;
    await storeLog(id, text_bytes);
    const path = `/v1/jobs/${id}/logs`;
    await under(async () => {
      const stalled = Array.from({ length: 30 }, () => stalledReader(path));
      const reads = Array.from({ length: 30 }, async () => {
        const answer = await fetch(`${broker.url}${path}`, { headers: headersOf("demo") });
        expect(answer.headers.get("x-log-bytes")).toBe(String(text_bytes));
        let bytes = 0;
        for await (const piece of answer.body ?? []) bytes += piece.length;
        expect(bytes).toBe(text_bytes);
      });
      await Promise.all(reads);
      for (const socket of stalled) socket.destroy();
    });
    const isClosed = () => !openFiles(broker.pid).some((file) => file.startsWith(broker.directory));
    await waitFor(isClosed, { what: "no open file of the log" });
  },
);

/** Stores a log as the broker would, without a job that writes it. */
async function storeLog(id: string, text_bytes: number): Promise<void> {
  const piece_bytes = 16_000;
  const record = {
    stream: "stdout" as const,
    time: "2026-01-01T00:00:00Z",
    data: randomBytes(piece_bytes).toString("base64"),
  };
  const blobs = await openFolderBlobStore({ directory: broker.directory, free_bytes_min: 0, clock: systemClock });
  const lines = Buffer.from(linesOf([record]));
  const { digest } = await blobs.put(
    (async function* () {
      for (let bytes = 0; bytes < text_bytes; bytes += piece_bytes) yield lines;
    })(),
  );
  await broker.sql`update jobs set log_digest = ${digest} where id = ${id}`;
}

/** A reader that reads the head of the answer, and then stops. */
function stalledReader(path: string): Socket {
  const socket = connect(port(), "127.0.0.1");
  const headers = Object.entries(headersOf("demo")).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.write(`GET ${path} HTTP/1.1\r\nhost: test\r\n${headers.join("")}\r\n`);
  socket.once("data", () => socket.pause());
  return socket;
}
