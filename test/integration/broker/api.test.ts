import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { gzipSync } from "node:zlib";
import { tarOf } from "../../support/builders/archives/tar-builder.ts";
import { putInState } from "../../support/builders/job-states.ts";
import { type BrokerWorld, startBrokerWorld, succeeded } from "../../support/worlds/broker-world.ts";

let world: BrokerWorld;
beforeAll(async () => {
  world = await startBrokerWorld();
  await world.addChallenge("other");
  await world.addChallenge("full", { queueing: false, running_max: 0 });
  await world.addChallenge("queue", { queued_max: 1 });
  await world.addChallenge("exec", { allow_tmpfs_exec: true });
}, 60_000);
afterAll(() => world[Symbol.asyncDispose]());

interface JobAnswer {
  readonly id: string;
  readonly state: string;
  readonly queue_position: number | null;
}
const base = { image: "acme/runner:1", command: ["run"] };
const submit = (changes: object = {}, headers: Record<string, string> = {}, slug = "demo") =>
  world.ask("/v1/jobs", { method: "POST", body: JSON.stringify({ ...base, ...changes }), headers, slug });
const archive_b64 = gzipSync(tarOf([{ name: "a", content: Buffer.from("x") }])).toString("base64");
const mount = (target: string) => ({ mounts: [{ target, archive_b64 }] });
const limits = (changes: object) => ({ limits: changes });

async function problem(answer: Response): Promise<{ status: number; code: string; detail: string }> {
  expect(answer.headers.get("content-type")).toBe("application/problem+json");
  return (await answer.json()) as { status: number; code: string; detail: string };
}

const refusals: [string, object, number, string][] = [
  ["privileged", limits({ privileged: true }), 403, "privileged broker jobs require the allowlisted escape hatch"],
  ["read_only false", limits({ read_only: false }), 400, "broker Docker jobs require a read-only root filesystem"],
  ["init false", limits({ init: false }), 400, "broker Docker jobs require Docker init for process cleanup"],
  ["cap_drop", limits({ cap_drop: ["NET_RAW"] }), 400, "broker Docker jobs must drop all Linux capabilities"],
  ["no cap_drop", limits({ cap_drop: [] }), 400, "Docker cap_drop must drop at least one capability"],
  ["security_opt", limits({ security_opt: ["a"] }), 400, "broker Docker jobs require no-new-privileges"],
  [
    "no security_opt",
    limits({ security_opt: [] }),
    400,
    "Docker security_opt must include at least one security option",
  ],
  ["image shape", { image: "acme/x:1 --privileged" }, 400, "unsafe Docker image reference: 'acme/x:1 --privileged'"],
  ["image not allowed", { image: "acme-evil/x:1" }, 400, "Docker image is not allowed: acme-evil/x:1"],
  ["image missing", { image: "acme/missing:1" }, 400, "Docker image is not there: acme/missing:1"],
  ["network", limits({ network: "host" }), 400, "Docker network must be 'none', 'default', or a platform network"],
  ["egress", limits({ network: "default" }), 400, "Docker network must be 'none', 'default', or a platform network"],
  ["tmpfs", limits({ tmpfs: ["tmp"] }), 400, "tmpfs mount must be absolute: tmp"],
  ["memory", limits({ memory: "much" }), 400, "memory must be a size such as 512m or 4g"],
  ["too many GPUs for the challenge", limits({ gpu_count: 3 }), 400, "gpu_capacity_insufficient: "],
  ["timeout", { timeout_seconds: 86_401 }, 422, "body field timeout_seconds: "],
  ["unknown member", { entrypoint: ["sh"] }, 422, "body field entrypoint: "],
  ...["/data", "/data/set", "/data/set/a"].map((target): [string, object, number, string] => [
    `target ${target} over a data volume`,
    mount(target),
    400,
    `mount target overlaps the data volume /data/set: ${target}`,
  ]),
  ["tmpfs exec", limits({ tmpfs: ["/x:exec"] }), 400, "this challenge may not execute files of a tmpfs mount: /x:exec"],
  ["tmpfs over a data volume", limits({ tmpfs: ["/data"] }), 400, "mount target overlaps the data volume /data/set: "],
  ["NUL in env", { env: { A: "x\0y" } }, 400, "env names may not contain ="],
  ["unknown blob", { mounts: [{ target: "/m", blob: "0".repeat(64) }] }, 400, "There is no blob of this digest"],
  ["no archive", { mounts: [{ target: "/m", archive_b64: "!" }] }, 400, "invalid mount archive"],
  ...[
    "relative",
    "/a,b",
    "/a\nb",
    "/",
    "/proc",
    "/proc/1",
    "/sys",
    "/dev",
    "/dev/shm",
    "/run/secrets",
    "/a/../etc",
  ].map((target): [string, object, number, string] => [
    `target ${JSON.stringify(target)}`,
    mount(target),
    400,
    "unsafe mount target: ",
  ]),
];

describe("a refused job", () => {
  for (const [what, changes, status, detail] of refusals) {
    test(`(${what}) is ${status} and leaves nothing`, async () => {
      const files = (await Array.fromAsync(world.blobs.list())).length;
      const answer = await submit(changes);
      expect(answer.status).toBe(status);
      expect((await problem(answer)).detail).toStartWith(detail);
      expect(await world.liveJobs()).toEqual([]);
      expect((await Array.fromAsync(world.blobs.list())).length).toBe(files);
    });
  }

  test("from an unknown caller is refused in the contract's order", async () => {
    const cases: [Record<string, string>, number, string][] = [
      [{ "x-platform-challenge-slug": "" }, 400, "missing challenge slug"],
      [{ "x-platform-challenge-slug": "../x" }, 401, "unknown challenge"],
      [{ authorization: "Bearer wrong" }, 401, "invalid broker token"],
      [{ authorization: world.headers("other")["authorization"] ?? "" }, 401, "invalid broker token"],
    ];
    for (const [headers, status, detail] of cases) {
      const answer = await submit({ image: 1 }, headers);
      expect([answer.status, (await problem(answer)).detail]).toEqual([status, detail]);
    }
  });

  test("says that the engine is too old for tmpfs with exec", async () => {
    const answer = await submit(limits({ tmpfs: ["/x:exec"] }), {}, "exec");
    const detail = "tmpfs mounts with exec need Docker Engine 27: /x:exec";
    expect(await problem(answer)).toMatchObject({ status: 400, code: "invalid_tmpfs", detail });
  });

  test("over the cap is 429 where queueing is off, and over the queue's length where it is on", async () => {
    const capped = await submit({}, {}, "full");
    expect([capped.status, (await problem(capped)).detail]).toEqual([
      429,
      "docker_quota_exceeded: challenge 'full' is at its concurrency cap (0/0 active workloads)",
    ]);
    const first = (await (await submit({}, {}, "queue")).json()) as JobAnswer;
    const second = await submit({}, {}, "queue");
    expect([second.status, (await problem(second)).code]).toEqual([429, "queue_full"]);
    await world.end(first.id, { outcome: succeeded });
  });
});

test("an Idempotency-Key gives the same job for the same content and 409 for another", async () => {
  const headers = { "idempotency-key": "one" };
  const [first, again, other] = [
    await submit({}, headers),
    await submit({}, headers),
    await submit({ command: ["other"] }, headers),
  ];
  const job = (await first.json()) as JobAnswer;
  expect([first.status, first.headers.get("location"), job.state, job.queue_position]).toEqual([
    202,
    `/v1/jobs/${job.id}`,
    "queued",
    1,
  ]);
  expect([again.status, ((await again.json()) as JobAnswer).id]).toEqual([200, job.id]);
  expect([other.status, (await problem(other)).code]).toEqual([409, "idempotency_conflict"]);
  await world.end(job.id, { outcome: succeeded });
});

test("an upload over the challenge's quota is refused and leaves none of its bytes", async () => {
  await world.addChallenge("small", { blob_bytes_max: 20_000 });
  const put = (name: string, bytes: number) =>
    world.ask("/v1/blobs", {
      method: "PUT",
      slug: "small",
      body: new Uint8Array(tarOf([{ name, content: Buffer.alloc(bytes) }])),
    });
  expect((await put("kept", 10_000)).status).toBe(201);
  const before = await Array.fromAsync(world.blobs.list());
  for (const bytes of [10_001, 2_000_000]) {
    const refused = await put("refused", bytes);
    expect([refused.status, (await problem(refused)).code]).toEqual([429, "blob_quota_exceeded"]);
  }
  expect(await Array.fromAsync(world.blobs.list())).toEqual(before);
  // What it has already is no more.
  expect((await put("kept", 10_000)).status).toBe(200);
});

test("another challenge's job is 404 at every route", async () => {
  const { id } = (await (await submit()).json()) as JobAnswer;
  for (const [method, path] of [
    ["GET", ""],
    ["DELETE", ""],
    ["GET", "/logs"],
    ["GET", "/artifacts/0"],
  ] as const) {
    const answer = await world.ask(`/v1/jobs/${id}${path}`, { method, slug: "other" });
    expect([answer.status, (await problem(answer)).code]).toEqual([404, "job_not_found"]);
  }
  const [row] = await world.sql`select is_cancel_asked from jobs where id = ${id}`;
  expect(row?.["is_cancel_asked"]).toBe(false);
  await world.end(id, { outcome: succeeded, stdout: "out", stderr: "err" });
  expect(await (await world.ask(`/v1/jobs/${id}/logs?stream=stdout&since=1`)).text()).toBe("ut");
});

test("a long poll answers as soon as the job ends", async () => {
  const { id } = (await (await submit()).json()) as JobAnswer;
  const started = performance.now();
  const waiting = world.ask(`/v1/jobs/${id}?wait=20s`);
  await world.end(id, { outcome: succeeded });
  const job = (await (await waiting).json()) as JobAnswer;
  expect(["collecting", "succeeded"]).toContain(job.state);
  expect(performance.now() - started).toBeLessThan(5_000);
});

test("below the floor of free space new jobs and blobs are refused, and running jobs end normally", async () => {
  const { id } = (await (await submit()).json()) as JobAnswer;
  world.disk.free_bytes_min = Number.MAX_SAFE_INTEGER;
  try {
    const answers = [await submit(), await world.ask("/v1/blobs", { method: "PUT", body: new Uint8Array(512) })];
    for (const answer of answers) {
      expect([answer.status, answer.headers.get("retry-after")]).toEqual([503, "60"]);
      expect((await problem(answer)).code).toBe("storage_full");
    }
    await world.end(id, { outcome: succeeded, stdout: "kept" });
    expect(await (await world.ask(`/v1/jobs/${id}/logs`)).text()).toBe("kept");
  } finally {
    world.disk.free_bytes_min = 0;
  }
  expect((await submit()).status).toBe(202);
});

test("a queued job tells its estimated wait by the pace of the last ten minutes", async () => {
  // Nobody else waits, and nothing has started.
  await world.sql`truncate jobs cascade`;
  await world.addChallenge("paced");
  const body = JSON.stringify({ image: "acme/runner:1", command: ["run"] });
  const take = async () =>
    (await (await world.ask("/v1/jobs", { slug: "paced", method: "POST", body })).json()) as JobAnswer;
  expect(await take()).toMatchObject({ queue_position: 1, queue_estimate_seconds: null });
  // Six started in the last ten minutes: one in 100 s.
  for (let count = 6; count > 0; count -= 1) {
    const { id } = await take();
    await putInState(world.sql, id, "running", { starting_ms: Date.now() - 300_000 });
  }
  expect(await take()).toMatchObject({ queue_position: 2, queue_estimate_seconds: 200 });
});
