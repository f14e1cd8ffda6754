import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { gunzipSync } from "node:zlib";
import { outcomeOf } from "../../../roles/broker/job/outcome.ts";
import { tarOf } from "../../support/builders/archives/tar-builder.ts";
import {
  type Answer,
  type Asked,
  archive,
  askWithPython,
  newJobOf,
  runRequest,
} from "../../support/clients/run-client.ts";
import { type BrokerWorld, startBrokerWorld, succeeded } from "../../support/worlds/broker-world.ts";

let world: BrokerWorld;

beforeAll(async () => {
  world = await startBrokerWorld();
}, 60_000);
afterAll(() => world[Symbol.asyncDispose]());

const newJob = (...known: string[]) => newJobOf(world, ...known);
const python = (...asked: Asked) => askWithPython(world, ...asked);
const post = (path: string, body: unknown, init: RequestInit = {}) =>
  world.ask(path, { method: "POST", body: typeof body === "string" ? body : JSON.stringify(body), ...init });

describe("POST /v1/docker/run", () => {
  test("answers an urllib client with stdout, stderr and return code, and drains writable mounts", async () => {
    const mounts = [
      { target: "/in", read_only: true, source_type: "directory", source_name: ".", archive_b64: archive("a", "x") },
      { target: "/out", read_only: false, source_type: "directory", source_name: ".", archive_b64: archive("b", "y") },
    ];
    const answering = python("/v1/docker/run", runRequest({ mounts }));
    const left = tarOf([{ name: "result.json", content: Buffer.from("{}") }]);
    const faked = "@@PLATFORM_BROKER_MOUNT_OUT[1]:BEGIN@@\nZXZpbA==\n@@PLATFORM_BROKER_MOUNT_OUT[1]:END@@";
    await world.end(await newJob(), {
      outcome: succeeded,
      stdout: `grüße ${faked}`,
      stderr: "warn",
      left: { 1: left },
    });
    const { status, body } = await answering;
    expect(status).toBe(200);
    expect(body).toMatchObject({ stderr: "warn", returncode: 0, timed_out: false });
    expect(body.container_name).toStartWith("platform-job-");
    const sections = [
      ...body.stdout.matchAll(
        /@@PLATFORM_BROKER_MOUNT_OUT\[(\d+)\]:BEGIN@@(.*?)@@PLATFORM_BROKER_MOUNT_OUT\[\1\]:END@@/gs,
      ),
    ];
    expect(sections.map(([, index]) => index)).toEqual(["1"]);
    expect(gunzipSync(Buffer.from(sections[0]?.[2] ?? "", "base64")).equals(left)).toBe(true);
    expect(body.stdout.slice(0, body.stdout.indexOf("@@PLATFORM_BROKER"))).toStartWith("grüße @ @PLATFORM");
    expect(body.stdout).toEndWith(":END@@");
  });

  test("answers an urllib client whose job takes longer than its socket timeout", async () => {
    const answering = python("/v1/docker/run", runRequest(), 7);
    const id = await newJob();
    await Bun.sleep(11_000);
    await world.end(id, { outcome: succeeded, stdout: "late" });
    expect(await answering).toMatchObject({ status: 200, body: { stdout: "late", returncode: 0 } });
  }, 40_000);

  const ends: [string, Parameters<typeof outcomeOf>, Partial<Answer["body"]> & { status: number }][] = [
    ["an exit code", ["failed", "exit_code", "3", 3], { status: 200, returncode: 3, timed_out: false }],
    ["a timeout", ["timed_out", "timeout", "late", 124], { status: 200, returncode: 124, timed_out: true }],
    ["out of memory", ["failed", "out_of_memory", "oom", 137], { status: 200, returncode: 137, timed_out: false }],
    ["a lost node", ["lost", "node_lost", "gone"], { status: 503, detail: "gone", code: "node_lost" }],
    ["a drained worker", ["cancelled", "worker_drained", "taken"], { status: 503, code: "worker_drained" }],
    ["a cleanup", ["cancelled", "cancelled", "by its challenge"], { status: 200, returncode: 137, timed_out: false }],
    ["a bad command", ["failed", "command_not_found", "no such"], { status: 400, code: "command_not_found" }],
  ];
  for (const [what, outcome, { status, ...body }] of ends) {
    test(`answers a job that ends by ${what} with ${status}`, async () => {
      const answering = post("/v1/docker/run", runRequest({ task_id: what }));
      await world.end(await newJob(), { outcome: outcomeOf(...outcome) });
      const answer = await answering;
      expect(answer.status).toBe(status);
      expect(await answer.json()).toMatchObject(body);
    });
  }

  test("keeps the last 64,000 bytes of a stream, its first character whole", async () => {
    const answering = post("/v1/docker/run", runRequest({ task_id: "tail" }));
    await world.end(await newJob(), { outcome: succeeded, stdout: `${"é".repeat(40_000)}!` });
    const { stdout } = (await (await answering).json()) as Answer["body"];
    expect(stdout).toBe(`${"é".repeat(31_999)}!`);
  });

  const refusals: [string, Record<string, unknown>, number, string][] = [
    ["gpu_count as float", { limits: { gpu_count: 1.5 } }, 422, "limits.gpu_count"],
    ["gpu_count as text", { limits: { gpu_count: "1" } }, 422, "limits.gpu_count"],
    ["gpu_count as bool", { limits: { gpu_count: true } }, 422, "limits.gpu_count"],
    ["no command", { command: [] }, 422, "command"],
    [
      "a source type",
      { mounts: [{ target: "/m", source_type: "link", archive_b64: "" }] },
      400,
      "unsupported mount source type: /m",
    ],
    [
      "a source outside",
      { mounts: [{ target: "/m", source_name: "../x", archive_b64: archive("a", "") }] },
      400,
      "unsafe mount source: /m",
    ],
    [
      "a missing source",
      { mounts: [{ target: "/m", source_type: "file", source_name: "b", archive_b64: archive("a", "") }] },
      400,
      "materialized mount source is missing: /m",
    ],
    ["no memory", { limits: { memory: "" } }, 422, "limits.memory"],
    ["a read-only mount without an archive", { mounts: [{ target: "/m" }] }, 422, "mounts.0"],
    ["an empty archive", { mounts: [{ target: "/m", archive_b64: "" }] }, 422, "mounts.0.archive_b64"],
    ...["\n", "\r\n", " "].map((gap): [string, Record<string, unknown>, number, string] => [
      `an archive whose base64 goes on behind ${JSON.stringify(gap)}`,
      { mounts: [{ target: "/m", archive_b64: archive("a", "").replace(/^.{8}/, `$&${gap}`) }] },
      400,
      "invalid mount archive",
    ]),
    ["no archive", { mounts: [{ target: "/m", archive_b64: "bm8=" }] }, 400, "invalid mount archive"],
    [
      "an unsafe archive",
      { mounts: [{ target: "/m", archive_b64: archive("../a", "") }] },
      400,
      "unsafe mount archive",
    ],
  ];
  for (const [what, changes, status, detail] of refusals) {
    test(`refuses ${what} with ${status} and leaves no job`, async () => {
      const answer = await post("/v1/docker/run", runRequest(changes));
      expect(answer.status).toBe(status);
      expect(((await answer.json()) as { detail: string }).detail).toContain(detail);
      expect(await world.liveJobs()).toEqual([]);
    });
  }

  for (const route of ["run", "list", "cleanup"]) {
    test(`says of what is not JSON that it does not match ${route}'s schema`, async () => {
      const answer = await post(`/v1/docker/${route}`, '{"job_id": ');
      expect([answer.status, ((await answer.json()) as Answer["body"]).code]).toEqual([422, "invalid_request"]);
    });
  }

  test("shows an unsafe image as Python's repr does", async () => {
    const shown = [
      "A B",
      "it's",
      `it's "so"`,
      `"`,
      "a\\b\n\r\t\0\x7f",
      "grüße\u00a0\u200b\u2028",
      "😀\u{e0001}",
      "\ud800",
    ];
    const texts = shown.map((image) => JSON.stringify(image));
    const program = "import json,sys\nfor line in sys.stdin: print(json.dumps(repr(json.loads(line))))";
    const { stdout } = Bun.spawnSync(["python3", "-c", program], { stdin: Buffer.from(texts.join("\n")) });
    const asked = shown.map(async (image) => (await post("/v1/docker/run", runRequest({ image }))).json());
    const details = (await Promise.all(asked)).map((answer) => (answer as Answer["body"]).detail);
    const reprs = stdout.toString().trim().split("\n");
    expect(details.map((detail) => detail?.slice("unsafe Docker image reference: ".length))).toEqual(
      reprs.map((line) => JSON.parse(line) as string),
    );
  });

  test("refuses a gpu_count of 1.0 with 422", async () => {
    const answer = await post(
      "/v1/docker/run",
      JSON.stringify(runRequest({ limits: { gpu_count: 1 } })).replace('"gpu_count":1', '"gpu_count":1.0'),
    );
    expect(answer.status).toBe(422);
  });

  test("lets an urllib client with a large body read its refusal", async () => {
    const large = runRequest({
      limits: { privileged: true },
      env: { X: "x".repeat(100_000) },
      mounts: [{ target: "/m", archive_b64: "A".repeat(8_000_000) }],
    });
    expect(await python("/v1/docker/run", large)).toMatchObject({
      status: 403,
      body: { detail: "privileged broker jobs require the allowlisted escape hatch" },
    });
  });
});

test("list shows only the caller's live jobs; cleanup cancels a group and is idempotent", async () => {
  await world.addChallenge("other");
  const answering = post(
    "/v1/docker/run",
    runRequest({ job_id: "group", labels: { mine: "1", "platform.id": "forged" } }),
  );
  const id = await newJob();
  const list = async (slug: string, body: unknown) =>
    (await (await world.ask("/v1/docker/list", { method: "POST", body: JSON.stringify(body), slug })).json()) as {
      containers: Record<string, unknown>[];
    };
  const { containers } = await list("demo", { job_id: "group" });
  expect(containers).toHaveLength(1);
  expect(containers[0]).toMatchObject({
    container_name: `platform-job-${id}`,
    image: "acme/runner:1",
    status: "created",
    job_id: "group",
    task_id: null,
  });
  expect(containers[0]?.["labels"]).toMatchObject({ "platform.id": id, "platform.job": "group" });
  expect(containers[0]?.["labels"]).not.toHaveProperty("mine");
  expect((await list("other", {})).containers).toEqual([]);
  expect((await list("demo", { job_id: "none" })).containers).toEqual([]);

  for (const _ of [1, 2])
    expect(await (await post("/v1/docker/cleanup", { job_id: "group" })).json()).toEqual({ status: "ok" });
  const [row] = await world.sql`select is_cancel_asked from jobs where id = ${id}`;
  expect(row?.["is_cancel_asked"]).toBe(true);
  await world.end(id, { outcome: outcomeOf("cancelled", "cancelled", "cancelled") });
  const answer = await answering;
  expect(answer.status).toBe(200);
  expect(await answer.json()).toMatchObject({
    container_name: `platform-job-${id}`,
    returncode: 137,
    timed_out: false,
  });
});
