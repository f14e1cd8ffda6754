import { createHash } from "node:crypto";
import { type FakeSpec, runJob } from "./fake-job-run.ts";

export interface FakeJob {
  id: string;
  state: string;
  fault: string | null;
  reason: { code: number; name: string; detail: string } | null;
  exit_code: number | null;
  node_class: string | null;
  readonly key: string;
  readonly spec: FakeSpec;
}

type Refusal = { readonly status: number; readonly retry_after?: string };

/**
 * A small server with the broker's job API (jobs §1) for one challenge. Jobs are kept by idempotency key. While
 * `isRunningJobs`, the machine's busybox runs them. A test orders failures through the fields.
 */
export class FakeJobBroker {
  readonly token = "broker-token";
  readonly jobs = new Map<string, FakeJob>();
  readonly blobs = new Map<string, Uint8Array>();
  readonly askedKeys: string[] = [];
  readonly cancelled: string[] = [];
  readonly askedArtifacts: string[] = [];
  isRunningJobs = true;
  /** The next jobs get these ends instead of being run. */
  readonly ends: Partial<FakeJob>[] = [];
  /** The next requests get these answers. */
  readonly refusals: Refusal[] = [];
  /** `POST /v1/jobs` stores the job, then waits for this before it answers. */
  acceptGate: Promise<void> = Promise.resolve();
  artifactGate: Promise<void> = Promise.resolve();
  /** How many downloads break off half-way. */
  artifact_cuts = 0;
  /** Sent as the artifact instead of what the job left. */
  artifact: Uint8Array | null = null;
  readonly #outputs = new Map<string, Uint8Array>();
  readonly #server;

  constructor(slug = "demo") {
    this.#server = Bun.serve({
      hostname: "127.0.0.1",
      port: 0,
      idleTimeout: 0,
      fetch: (request) => this.#answer(request, slug),
    });
  }

  get url(): string {
    return `http://127.0.0.1:${this.#server.port}`;
  }

  async stop(): Promise<void> {
    await this.#server.stop(true);
  }

  onlyJob(): FakeJob {
    const [job] = this.jobs.values();
    if (!job || this.jobs.size !== 1) throw new Error(`${this.jobs.size} jobs`);
    return job;
  }

  async #answer(request: Request, slug: string): Promise<Response> {
    const { pathname, searchParams } = new URL(request.url);
    if (pathname === "/health") return Response.json({ status: "ok" });
    if (request.headers.get("x-platform-challenge-slug") !== slug) return problem(400, "missing challenge slug");
    if (request.headers.get("authorization") !== `Bearer ${this.token}`) return problem(401, "invalid broker token");
    const refusal = this.refusals.shift();
    if (refusal) return problem(refusal.status, "ordered", refusal.retry_after);
    const [, , collection, id, sub, mount] = pathname.split("/");
    if (collection === "blobs" && request.method === "PUT") return this.#putBlob(await request.bytes());
    if (collection !== "jobs") return problem(404, "no such route");
    if (id === undefined && request.method === "POST") return await this.#create(request);
    const job = this.jobs.get(id ?? "");
    if (!job) return problem(404, "no such job");
    if (request.method === "DELETE") return this.#cancel(job);
    if (sub === "artifacts") return await this.#artifact(job, mount ?? "");
    return Response.json(await this.#waited(job, searchParams.has("wait")));
  }

  #putBlob(body: Uint8Array): Response {
    const sha256 = createHash("sha256").update(body).digest("hex");
    this.blobs.set(sha256, body);
    return Response.json({ sha256, size_bytes: body.length }, { status: 201 });
  }

  async #create(request: Request): Promise<Response> {
    const key = request.headers.get("idempotency-key") ?? "";
    const spec = (await request.json()) as FakeSpec;
    this.askedKeys.push(key);
    const known = [...this.jobs.values()].find((job) => job.key === key);
    if (known && !Bun.deepEquals(known.spec, spec)) return problem(409, "another spec under this key");
    const job = known ?? this.#start(key, spec);
    await this.acceptGate;
    return Response.json(job, { status: known ? 200 : 202, headers: { location: `/v1/jobs/${job.id}` } });
  }

  #start(key: string, spec: FakeSpec): FakeJob {
    const id = `job-${this.jobs.size + 1}`;
    const state = { state: "queued", fault: null, reason: null, exit_code: null, node_class: null };
    const job: FakeJob = { id, key, spec, ...state };
    this.jobs.set(id, job);
    const end = this.ends.shift();
    if (end) Object.assign(job, end);
    else if (this.isRunningJobs) void this.#run(job);
    return job;
  }

  /** Lets a job that waits run to its end. */
  async finish(job: FakeJob): Promise<void> {
    await this.#run(job);
  }

  async #run(job: FakeJob): Promise<void> {
    job.node_class = job.spec.limits?.gpu_count ? "gpu" : "cpu";
    job.state = "running";
    const { exit_code, outputs } = await runJob(job.spec, this.blobs);
    for (const [mount, tar] of outputs) this.#outputs.set(`${job.id}/${mount}`, tar);
    const ended = exit_code === 0 ? { state: "succeeded" } : { state: "failed", fault: "submission" };
    Object.assign(job, { exit_code, ...ended });
  }

  #cancel(job: FakeJob): Response {
    this.cancelled.push(job.id);
    Object.assign(job, { state: "cancelled", fault: "challenge" });
    return Response.json(job);
  }

  async #artifact(job: FakeJob, mount: string): Promise<Response> {
    this.askedArtifacts.push(job.id);
    await this.artifactGate;
    const tar = this.artifact ?? this.#outputs.get(`${job.id}/${mount}`);
    if (tar && this.artifact_cuts > 0) {
      this.artifact_cuts -= 1;
      return new Response(broken(tar));
    }
    return tar ? new Response(tar as BodyInit) : problem(404, "no such artifact");
  }

  async #waited(job: FakeJob, isLongPoll: boolean): Promise<FakeJob> {
    const { state } = job;
    const end = performance.now() + (isLongPoll ? 1_000 : 0);
    const hasEnded = !["queued", "staging", "starting", "running", "collecting"].includes(state);
    while (!hasEnded && job.state === state && performance.now() < end) await Bun.sleep(5);
    return job;
  }
}

function broken(bytes: Uint8Array): ReadableStream<Uint8Array> {
  return new ReadableStream({
    async start(controller) {
      controller.enqueue(bytes.subarray(0, bytes.length / 2));
      await Bun.sleep(20);
      controller.error(new Error("ordered by the test"));
    },
  });
}

function problem(status: number, detail: string, retry_after?: string): Response {
  const headers = {
    "content-type": "application/problem+json",
    ...(retry_after ? { "retry-after": retry_after } : {}),
  };
  return new Response(JSON.stringify({ status, detail, code: detail.replaceAll(" ", "_") }), { status, headers });
}
