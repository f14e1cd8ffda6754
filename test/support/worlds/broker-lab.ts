import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { deriveToken } from "#shared/auth/tokens.ts";
import { connectDatabase, type Database } from "#shared/database/database.ts";
import { migrate } from "#shared/database/migrate.ts";
import type { JobResource } from "#shared/schemas/job.ts";
import { jobImageName } from "../../lab/job-image.ts";
import { type Lab, type LabOptions, startLab } from "../../lab/lab.ts";
import { ContainerStarts } from "../container-starts.ts";
import { freePort } from "../free-port.ts";
import { waitFor } from "../wait-for.ts";
import { startPostgres, type TestPostgres } from "./postgres.ts";

const root = join(import.meta.dir, "../../..");
export const masterKey = "k".repeat(32);
export const small = { cpus: 0.1, memory: "32m" };
const policy = {
  running_max: 50,
  queued_max: 200,
  share_weight: 1,
  gpu_count_max: 2,
  image_allowlist: ["lab/"],
  blob_bytes_max: 2 ** 30,
};

/** A broker's process on this machine. Its engine is the lab's manager. */
export interface BrokerRun {
  readonly url: string;
  /** Sends SIGKILL, and waits for its end. */
  kill(): Promise<void>;
  ready(): Promise<{ readonly status: number; readonly body: string }>;
}

interface Place {
  readonly job: number;
  readonly transfer: number;
}

/** A lab with a real Postgres, whose brokers can be started and killed. */
export class BrokerLab implements AsyncDisposable {
  readonly lab: Lab;
  readonly postgres: TestPostgres;
  readonly sql: Database;
  readonly starts: ContainerStarts;
  readonly #url: string;
  readonly #directory = mkdtempSync(join(tmpdir(), "platform-broker-lab-"));
  readonly #brokers = new Set<Bun.Subprocess>();
  /** Where a broker listens that was killed: the next one is found there, also by stagers that were on their way. */
  readonly #places: Place[] = [];
  readonly blobDirectory = join(this.#directory, "blobs");
  #serial = 0;
  broker!: BrokerRun;

  private constructor(lab: Lab, postgres: TestPostgres, url: string) {
    this.lab = lab;
    this.postgres = postgres;
    this.#url = url;
    this.sql = connectDatabase(url, "broker-lab");
    this.starts = new ContainerStarts(lab.workers);
  }

  static async start(options: LabOptions = {}): Promise<BrokerLab> {
    const [lab, postgres] = await Promise.all([startLab(options), startPostgres()]);
    const world = new BrokerLab(lab, postgres, await postgres.createDatabase());
    const stager = join(root, "dist/images/stager.tar");
    await Promise.all([migrate(world.sql), ...lab.workers.map((worker) => worker.loadImage(stager))]);
    const spec = { slug: "demo", name: "demo", image: "lab/x:1", jobs: policy };
    await world.sql`insert into challenges (slug, spec, status) values ('demo', ${world.sql.json(spec)}, 'active')`;
    // This network has egress, so that stagers reach the broker on this machine.
    await lab.manager.docker.createNetwork({ Name: "platform_transfer", Driver: "overlay" });
    world.broker = await world.startBroker();
    return world;
  }

  /** Starts another broker, beside those that run, or after a killed one. */
  async startBroker(settings: Readonly<Record<string, string>> = {}): Promise<BrokerRun> {
    const place = this.#places.pop() ?? { job: await freePort(), transfer: await freePort() };
    const { job, transfer } = place;
    const runDirectory = join(this.#directory, `run-${++this.#serial}`);
    mkdirSync(this.blobDirectory, { recursive: true });
    const child = Bun.spawn([process.execPath, join(root, "roles/broker/main.ts")], {
      env: {
        PATH: process.env["PATH"] ?? "",
        PLATFORM_DATABASE_URL: this.#url,
        PLATFORM_MASTER_KEY: masterKey,
        PLATFORM_DOCKER_SOCKET: this.lab.manager.socketPath,
        PLATFORM_JOB_PORT: String(job),
        PLATFORM_TRANSFER_PORT: String(transfer),
        PLATFORM_TRANSFER_URL: `http://${this.lab.manager.ip.replace(/\d+$/, "1")}:${transfer}`,
        PLATFORM_BLOB_DIRECTORY: this.blobDirectory,
        PLATFORM_RUN_DIRECTORY: runDirectory,
        PLATFORM_STAGER_IMAGE: "platform/stager:0.1.0",
        PLATFORM_ENCRYPTED_OVERLAYS: "false",
        PLATFORM_VOLUME_MS: "5000",
        ...settings,
      },
      stdout: "ignore",
      stderr: Bun.file(join(this.#directory, `broker-${this.#serial}.log`)),
    });
    this.#brokers.add(child);
    const url = `http://127.0.0.1:${job}`;
    const what = `broker ${this.#serial}, see ${this.#directory}`;
    await waitFor(async () => (await fetch(`${url}/health`)).ok, { what, deadline_ms: 30_000 });
    return {
      url,
      kill: async () => {
        child.kill("SIGKILL");
        await child.exited;
        this.#brokers.delete(child);
        this.#places.push(place);
      },
      ready: async () => {
        const unix = join(runDirectory, "broker/ops.sock");
        const response = await fetch("http://ops/readyz", { unix });
        return { status: response.status, body: await response.text() };
      },
    };
  }

  ask(path: string, init: RequestInit = {}): Promise<Response> {
    const headers = {
      "x-platform-challenge-slug": "demo",
      authorization: `Bearer ${deriveToken(masterKey, "broker", "demo", 1)}`,
    };
    return fetch(`${this.broker.url}${path}`, { ...init, headers: { ...headers, ...(init.headers as object) } });
  }

  /** Submits a job with its own idempotency key. Repeats until a broker answers, so the job is accepted once. */
  async submit(job: object): Promise<string> {
    const body = JSON.stringify({ image: jobImageName, limits: small, ...job });
    const headers = { "idempotency-key": `key-${++this.#serial}` };
    const accepted = await waitFor(
      async () => {
        const response = await this.ask("/v1/jobs", { method: "POST", body, headers });
        if (response.status >= 500) return null;
        if (!response.ok) return { error: await response.text() };
        return (await response.json()) as JobResource;
      },
      { deadline_ms: 60_000, every_ms: 200, what: "a job taken in" },
    );
    if ("error" in accepted) throw new Error(accepted.error);
    return accepted.id;
  }

  async get(id: string): Promise<JobResource> {
    const response = await this.ask(`/v1/jobs/${id}`);
    if (!response.ok) throw new Error(`${response.status} ${await response.text()}`);
    return (await response.json()) as JobResource;
  }

  reached(id: string, ...states: readonly JobResource["state"][]): Promise<JobResource> {
    const look = async () => {
      const job = await this.get(id);
      return states.includes(job.state) || job.times.ended ? job : null;
    };
    return waitFor(look, { deadline_ms: 60_000, every_ms: 50, what: `job ${id} ${states.join(" or ")}` });
  }

  ended(id: string, deadline_ms = 90_000): Promise<JobResource> {
    const look = async () => {
      const job = await this.get(id);
      return job.times.ended ? job : null;
    };
    return waitFor(look, { deadline_ms, every_ms: 100, what: `end of job ${id}` });
  }

  log = async (id: string): Promise<string> => await (await this.ask(`/v1/jobs/${id}/logs`)).text();

  /** How many containers were started for the job. */
  startsOf(id: string): number {
    return this.starts.of(`platform-job-${id}`).size;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.starts.stop();
    for (const child of this.#brokers) child.kill("SIGKILL");
    await Promise.all([...this.#brokers].map((child) => child.exited));
    await this.sql.end({ timeout: 1 });
    await Promise.all([this.lab.stop(), this.postgres.stop()]);
    rmSync(this.#directory, { recursive: true, force: true });
  }
}
