import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pino from "pino";
import { deriveToken } from "#shared/auth/tokens.ts";
import { connectDatabase, type Database } from "#shared/database/database.ts";
import { migrate } from "#shared/database/migrate.ts";
import { createChallenges } from "#shared/database/tables/challenges.ts";
import { type Engine, EngineError, type Labels, type Network, type SwarmNode } from "#shared/engine/engine.ts";
import { guarded } from "#shared/http/app.ts";
import { type Server, serve } from "#shared/http/serve.ts";
import type { JobPolicy } from "#shared/schemas/challenge.ts";
import { limits } from "#shared/schemas/limits.ts";
import { systemClock } from "#shared/time/clock.ts";
import { createImageIds } from "../../../roles/broker/admission/image-ids.ts";
import { policiesOf } from "../../../roles/broker/admission/policies.ts";
import { Tally } from "../../../roles/broker/admission/quota.ts";
import { registryAuths } from "../../../roles/broker/admission/registry-auth.ts";
import { Changes } from "../../../roles/broker/api/changes.ts";
import { declaredMethods } from "../../../roles/broker/api/declared-methods.ts";
import { FairShares } from "../../../roles/broker/api/fair-shares.ts";
import { createApp } from "../../../roles/broker/api/jobs-app.ts";
import type { BlobStore } from "../../../roles/broker/blobs/blob-store.ts";
import { openFolderBlobStore } from "../../../roles/broker/blobs/folder-blob-store.ts";
import type { PlacedJob } from "../../../roles/broker/job/job.ts";
import type { Outcome } from "../../../roles/broker/job/outcome.ts";
import { linesOf, putLogAway } from "../../../roles/broker/logs/job-log.ts";
import { type LogFiles, openLogFiles } from "../../../roles/broker/logs/log-files.ts";
import { createDispatchStore } from "../../../roles/broker/store/dispatch-store.ts";
import { createJobStore } from "../../../roles/broker/store/job-store.ts";
import { featuresOf } from "../../../roles/broker/swarm/engine-features.ts";
import { putInState } from "../builders/job-states.ts";
import { startPostgres } from "./postgres.ts";

const masterKey = "k".repeat(32);

export interface JobEnd {
  readonly outcome: Outcome;
  readonly stdout?: string;
  readonly stderr?: string;
  /** The tar that each mount left, by the mount's index. */
  readonly left?: Readonly<Record<number, Uint8Array>>;
}

export const succeeded: Outcome = { state: "succeeded", reason: null, fault: null, exit_code: 0 };

/** The broker's job API on a port, over its own database. No dispatcher runs: jobs end when the test says so. */
export interface BrokerWorld extends AsyncDisposable {
  readonly url: string;
  readonly app: ReturnType<typeof createApp>;
  readonly sql: Database;
  /** What the broker said, a line of JSON each. */
  readonly log_lines: readonly string[];
  /** The folder of its blobs and logs. */
  readonly directory: string;
  readonly blobs: BlobStore;
  readonly logs: LogFiles;
  readonly changes: WatchedChanges;
  /** The engine's networks, by name. */
  readonly networks: Map<string, Labels>;
  /** The floor of free space. Raised above the disk's free space, it makes the disk full. */
  readonly disk: { free_bytes_min: number };
  headers(slug?: string): Record<string, string>;
  addChallenge(slug: string, policy?: Partial<JobPolicy>): Promise<void>;
  ask(path: string, init?: RequestInit & { readonly slug?: string }): Promise<Response>;
  end(id: string, end: JobEnd): Promise<void>;
  liveJobs(): Promise<string[]>;
  /** As a broker that is asked to stop and its successor: what the first remembers is gone. */
  restart(): Promise<void>;
}

/** Tells how many of its process wait for a job to change: clients that went do so no more. */
export class WatchedChanges extends Changes {
  waiting = 0;

  override async next(...asked: Parameters<Changes["next"]>): Promise<void> {
    this.waiting += 1;
    await super.next(...asked).finally(() => {
      this.waiting -= 1;
    });
  }
}

/** An engine with one CPU node and one GPU node with two GPUs. It knows every image, and the networks of the test. */
function engineOf(networks: ReadonlyMap<string, Labels>): Pick<Engine, "nodes" | "network" | "image" | "remoteDigest"> {
  const node = (ID: string, workload: string, gpus: number): SwarmNode => ({
    ID,
    Version: { Index: 1 },
    CreatedAt: "2026-01-01T00:00:00Z",
    Spec: { Role: "worker", Availability: "active", Labels: { "platform.workload": workload } },
    Description: {
      Hostname: ID,
      Engine: { EngineVersion: "26.1" },
      Resources: {
        NanoCPUs: 4e9,
        MemoryBytes: 8 * 2 ** 30,
        GenericResources: [{ DiscreteResourceSpec: { Kind: "NVIDIA-GPU", Value: gpus } }],
      },
    },
    Status: { State: "ready", Addr: "" },
  });
  return {
    nodes: async () => [node("cpu-1", "cpu", 0), node("gpu-1", "gpu", 2)],
    network: async (nameOrId) => {
      const found = [...networks].find(([Name]) => nameOrId === Name || nameOrId === idOf(Name));
      return found ? ({ Id: idOf(found[0]), Name: found[0], Labels: found[1] } as Network) : null;
    },
    image: async (reference) =>
      reference.includes("missing") ? null : { Id: "sha256:1", RepoTags: [], RepoDigests: [], Labels: {} },
    remoteDigest: async () => {
      throw new EngineError("not_found", "manifest unknown");
    },
  };
}

/** The id of a network. The engine finds networks by id and by name. */
export const idOf = (network: string) => `id-of-${network}`;

export async function startBrokerWorld(): Promise<BrokerWorld> {
  const postgres = await startPostgres();
  const sql = connectDatabase(await postgres.createDatabase(), "broker-test");
  await migrate(sql);
  await sql`insert into broker_leads (id, fencing) values (1, 1)`;
  const directory = mkdtempSync(join(tmpdir(), "platform-broker-"));
  const disk = { free_bytes_min: 0 };
  const blobs = await openFolderBlobStore({
    directory,
    clock: systemClock,
    get free_bytes_min() {
      return disk.free_bytes_min;
    },
  });
  const [store, dispatch, changes] = [
    createJobStore(sql),
    createDispatchStore(sql, 1),
    new WatchedChanges(systemClock),
  ];
  const logs = await openLogFiles(join(directory, "logs"));
  const log_lines: string[] = [];
  const log = pino({ level: "info" }, { write: (line) => void log_lines.push(line) });
  const networks = new Map<string, Labels>();
  const engine = engineOf(networks);
  let stopping = new AbortController();
  const newApp = () =>
    createApp({
      store,
      blobs,
      engine,
      clock: systemClock,
      images: createImageIds(engine, systemClock, registryAuths(sql, masterKey)),
      blob_bytes: new Tally(store.blobBytes, systemClock),
      queued: new Tally(store.queued, systemClock),
      features: featuresOf("1.45"),
      settings: {
        queued_ms: 60_000,
        get free_bytes_min() {
          return disk.free_bytes_min;
        },
      },
      challenges: createChallenges(sql),
      policies: policiesOf(createChallenges(sql)),
      master_key: masterKey,
      changes,
      held_bytes: new FairShares(limits.jobs.held_bytes_max),
      readers: new FairShares(limits.jobs.readers_max),
      logs,
      log,
      wake: () => undefined,
      stopping: stopping.signal,
    });
  const app = newApp();
  let server: Server = serve(guarded(declaredMethods(app), log), { hostname: "127.0.0.1", port: 0 });
  const headers = (slug = "demo") => ({
    "x-platform-challenge-slug": slug,
    authorization: `Bearer ${deriveToken(masterKey, "broker", slug, 1)}`,
  });
  const world: BrokerWorld = {
    url: server.url,
    app,
    sql,
    directory,
    blobs,
    log_lines,
    logs,
    changes,
    networks,
    disk,
    headers,
    async addChallenge(slug, policy = {}) {
      const jobs = {
        running_max: 8,
        queued_max: 100,
        gpu_count_max: 2,
        image_allowlist: ["acme/"],
        blob_bytes_max: 2 ** 30,
        ...policy,
      };
      const spec = { slug, name: slug, image: "acme/challenge:1", jobs };
      await sql`insert into challenges (slug, spec, status) values (${slug}, ${sql.json(spec)}, 'active')`;
    },
    ask: (path, { slug, ...init } = {}) =>
      fetch(`${server.url}${path}`, { ...init, headers: { ...headers(slug), ...(init.headers as object) } }),
    async end(id, { outcome, stdout = "", stderr = "", left = {} }) {
      const job = await store.anyById(id);
      if (!job) throw new Error(`no job ${id}`);
      const record = (stream: "stdout" | "stderr", text: string) => ({
        stream,
        time: "2026-01-01T00:00:00Z",
        data: Buffer.from(text).toString("base64"),
      });
      await logs.append(id, linesOf([record("stdout", stdout), record("stderr", stderr)]));
      const log_digest = await putLogAway(blobs, logs, id);
      const [now_ms, deadline_ms] = [Date.now(), Date.now() + 60_000];
      if (job.state === "queued") await putInState(sql, id, "starting");
      const { exit_code } = outcome;
      const end = { outcome, exit_code, wall_ms: 0, collecting_ms: now_ms, deadline_ms };
      const collecting = await dispatch.move(job as PlacedJob, { state: "collecting", ...end }, now_ms);
      for (const [mount, bytes] of Object.entries(left)) {
        const { digest, size_bytes } = await blobs.put(
          (async function* () {
            yield bytes;
          })(),
          { mayUseReserve: true },
        );
        await store.addArtifact(id, { mount: Number(mount), digest, size_bytes }, { count: 0, first: [] });
      }
      await dispatch.record(collecting, { log_digest, is_log_complete: true });
      await dispatch.end(job, { outcome, isHeld: false }, Date.now());
      changes.changed(id);
    },
    async restart() {
      const { port } = server;
      stopping.abort(new Error("the process is stopping"));
      await server.stop(1_000);
      stopping = new AbortController();
      server = serve(guarded(declaredMethods(newApp()), log), { hostname: "127.0.0.1", port });
    },
    liveJobs: async () =>
      (await sql`select id from jobs where ended_at is null order by id`).map((row) => row["id"] as string),
    async [Symbol.asyncDispose]() {
      await server.stop(0);
      await sql.end({ timeout: 1 });
      await postgres.stop();
      rmSync(directory, { recursive: true, force: true });
    },
  };
  await world.addChallenge("demo", { data_volumes: ["set"] });
  return world;
}
