import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { deriveToken } from "#shared/auth/tokens.ts";
import { connectDatabase, type Database } from "#shared/database/database.ts";
import { migrate } from "#shared/database/migrate.ts";
import type { JobPolicy } from "#shared/schemas/challenge.ts";
import type { JobResource } from "#shared/schemas/job.ts";
import { freePort } from "../../support/free-port.ts";
import type { MemoryCgroup } from "../../support/memory-cgroup.ts";
import { startRole } from "../../support/worlds/role-process.ts";

const masterKey = "k".repeat(32);
const slug = "demo";

export interface BenchBrokerOptions {
  readonly database_url: string;
  readonly docker_socket: string;
  /** Where it listens; the lab's address of the host where stagers have to reach it. */
  readonly host?: string;
  readonly policy?: Partial<JobPolicy>;
  /** Its memory as in a container, and what its environment says of that. */
  readonly container?: { readonly memory: MemoryCgroup; readonly environment: Readonly<Record<string, string>> };
}

/** The compiled broker over HTTP, with one challenge, a database and a blob folder of its own. */
export interface BenchBroker extends AsyncDisposable {
  readonly url: string;
  readonly pid: number;
  /** Of its blobs and logs. */
  readonly directory: string;
  readonly sql: Database;
  readonly headers: Readonly<Record<string, string>>;
  setPolicy(policy: Partial<JobPolicy>): Promise<void>;
  submit(job: object): Promise<JobResource>;
  /** The job; with `wait` its next change is waited for. */
  job(id: string, wait?: string): Promise<JobResource>;
  ended(id: string): Promise<JobResource>;
  /** The broker's log so far. */
  output(): string;
}

function specOf(policy: Partial<JobPolicy>) {
  const jobs: Partial<JobPolicy> = {
    running_max: 50,
    queued_max: 100_000,
    image_allowlist: ["lab/"],
    blob_bytes_max: 2 ** 40,
    ...policy,
  };
  return { slug, name: slug, image: "lab/challenge:1", jobs };
}

export async function startBenchBroker({
  database_url,
  docker_socket,
  host = "127.0.0.1",
  policy = {},
  container,
}: BenchBrokerOptions): Promise<BenchBroker> {
  const sql = connectDatabase(database_url, "broker-bench", { connections_max: 2 });
  await migrate(sql);
  await sql`insert into challenges (slug, spec, status) values (${slug}, ${sql.json(specOf(policy))}, 'active')`;
  const blobs = mkdtempSync(join(tmpdir(), "platform-broker-bench-"));
  const [job_port, transfer_port] = [await freePort(), await freePort()];
  const settings = {
    ...container?.environment,
    PLATFORM_DATABASE_URL: database_url,
    PLATFORM_MASTER_KEY: masterKey,
    PLATFORM_DOCKER_SOCKET: docker_socket,
    PLATFORM_LISTEN_HOST: host,
    PLATFORM_JOB_PORT: String(job_port),
    PLATFORM_TRANSFER_PORT: String(transfer_port),
    PLATFORM_TRANSFER_URL: `http://${host}:${transfer_port}`,
    PLATFORM_BLOB_DIRECTORY: blobs,
    PLATFORM_STAGER_IMAGE: "platform/stager:0.1.0",
    PLATFORM_ENCRYPTED_OVERLAYS: "false",
  };
  const role = await startRole("broker", settings, "ready", container?.memory);
  const client = clientOf(`http://${host}:${job_port}`);
  return {
    ...client,
    pid: role.pid,
    directory: blobs,
    sql,
    async setPolicy(changed) {
      await sql`update challenges set spec = ${sql.json(specOf({ ...policy, ...changed }))} where slug = ${slug}`;
    },
    output: role.output,
    async [Symbol.asyncDispose]() {
      await role.stop();
      await sql.end({ timeout: 1 });
      rmSync(blobs, { recursive: true, force: true });
    },
  };
}

function clientOf(url: string) {
  const headers = {
    "x-platform-challenge-slug": slug,
    authorization: `Bearer ${deriveToken(masterKey, "broker", slug, 1)}`,
  };
  const ask = async (path: string, init: RequestInit = {}): Promise<JobResource> => {
    const response = await fetch(`${url}${path}`, { ...init, headers });
    if (!response.ok) throw new Error(`${path} answered ${response.status}: ${await response.text()}`);
    return (await response.json()) as JobResource;
  };
  const job = (id: string, wait?: string) => ask(`/v1/jobs/${id}${wait ? `?wait=${wait}` : ""}`);
  return {
    url,
    headers,
    submit: (body: object) => ask("/v1/jobs", { method: "POST", body: JSON.stringify(body) }),
    job,
    async ended(id: string): Promise<JobResource> {
      const deadline = performance.now() + 120_000;
      for (let seen = await job(id); ; seen = await job(id, "10s")) {
        if (seen.times.ended !== null) return seen;
        if (performance.now() > deadline) throw new Error(`job ${id} is still ${seen.state} after 120 s`);
      }
    },
  };
}
