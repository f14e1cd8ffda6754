import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { gzipSync } from "node:zlib";
import { tarOf } from "../../support/builders/archives/tar-builder.ts";
import { waitFor } from "../../support/wait-for.ts";
import { ChallengeProcess, minerHotkey, sampleArchive, sharedToken } from "../../support/worlds/challenge-process.ts";

// Without a broker: these routes owe it nothing.
const challenge = new ChallengeProcess(null);
beforeAll(async () => await challenge.start());
afterAll(async () => await challenge.kill());

const right = { authorization: `Bearer ${sharedToken}`, "x-platform-challenge-slug": "demo" };
const exact = sampleArchive("exact");

describe("a challenge, as the platform sees it", () => {
  test("says who it is to anybody", async () => {
    const version = expect.stringMatching(/^\d+\.\d+\.\d+$/);
    expect(await challenge.get("/health")).toEqual({ status: 200, body: { status: "ok", slug: "demo", version } });
    expect(await challenge.get("/version")).toEqual({
      status: 200,
      body: {
        api_version: "1.0",
        challenge_version: version,
        sdk_version: version,
        capabilities: ["get_weights", "docker_executor"],
      },
    });
  });

  test("answers weights in the contract's form", async () => {
    expect(await challenge.get("/internal/v1/get_weights", right)).toEqual({
      status: 200,
      body: { challenge_slug: "demo", epoch: null, weights: {}, metadata: {} },
    });
  });

  const wrong: readonly [string, Record<string, string>, number][] = [
    ["no authorization", { "x-platform-challenge-slug": "demo" }, 401],
    ["another token", { ...right, authorization: "Bearer other" }, 401],
    ["another scheme", { ...right, authorization: `Basic ${sharedToken}` }, 401],
    ["another token and another slug", { authorization: "Bearer other", "x-platform-challenge-slug": "other" }, 401],
    ["another slug", { ...right, "x-platform-challenge-slug": "other" }, 400],
    ["no slug", { authorization: right.authorization }, 400],
  ];
  test.each(wrong)("refuses %s on both internal routes", async (_, headers, status) => {
    expect((await challenge.get("/internal/v1/get_weights", headers)).status).toBe(status);
    const sent = { authorization: "", "x-platform-challenge-slug": "", ...headers };
    expect((await challenge.post(exact, sent)).status).toBe(status);
  });

  test("is not open when it has no token, whatever is sent", async () => {
    const bare = new ChallengeProcess(null, { CHALLENGE_SHARED_TOKEN: null });
    await bare.start();
    try {
      for (const headers of [right, {}, { authorization: "Bearer ", "x-platform-challenge-slug": "demo" }])
        expect((await bare.get("/internal/v1/get_weights", headers)).status).toBe(503);
      expect((await bare.post(exact)).status).toBe(503);
      expect((await bare.get("/health")).status).toBe(200);
    } finally {
      await bare.kill();
    }
  });
});

describe("a forwarded upload", () => {
  test("is stored once for a nonce, and readable by anybody", async () => {
    const headers = {
      "x-platform-verified-nonce": "n-1",
      "x-submission-filename": "mine.tgz",
      "x-platform-verified-uid": "7",
    };
    const first = await challenge.post(exact, headers);
    expect(first.status).toBe(202);
    const submission = (await first.json()) as { id: string };
    const second = await challenge.post(exact, headers);
    expect(second.status).toBe(200);
    expect(await second.json()).toEqual(submission);
    const { status, body } = await challenge.get<Record<string, unknown>>(`/v1/submissions/${submission.id}`);
    expect(status).toBe(200);
    expect(body).toMatchObject({
      id: submission.id,
      hotkey: minerHotkey,
      filename: "mine.tgz",
      status: "received",
      score: null,
      failure: null,
      job: null,
      size_bytes: exact.length,
    });
  });

  const packed = (...entries: Parameters<typeof tarOf>[0]) => gzipSync(tarOf(entries));
  const link = packed({ name: "predict.awk", type: "2", link: "/etc/passwd" });
  const bomb = packed({ name: "predict.awk", content: Buffer.alloc(30_000_000) });
  const badHash = { "x-platform-request-hash": "0".repeat(64) };
  const refused: readonly [string, Uint8Array, Record<string, string>, number, string][] = [
    ["a body that is not the verified one", exact, badHash, 400, "request_hash_mismatch"],
    ["no verified hotkey", exact, { "x-platform-verified-hotkey": "" }, 400, "missing_verified_header"],
    ["no verified nonce", exact, { "x-platform-verified-nonce": "" }, 400, "missing_verified_header"],
    ["bytes that are no archive", Buffer.from("junk"), {}, 400, "invalid_archive"],
    ["an archive with a link", link, {}, 400, "unsafe_archive"],
    ["an archive that climbs", packed({ name: "../predict.awk" }), {}, 400, "unsafe_archive"],
    ["an archive without the program", packed({ name: "other.awk" }), {}, 400, "no_program"],
    ["a bomb", bomb, {}, 413, "limit_archive"],
    ["more bytes than allowed", Buffer.alloc(8_000_001), {}, 413, "submission_too_large"],
  ];
  test.each(refused)("with %s is refused and leaves nothing", async (_, body, headers, status, code) => {
    const before = await challenge.get("/v1/submissions?limit=100");
    const response = await challenge.post(body, headers);
    expect(response.status).toBe(status);
    expect(response.headers.get("content-type")).toBe("application/problem+json");
    expect(await response.json()).toMatchObject({ status, code, detail: expect.any(String) });
    expect(await challenge.get("/v1/submissions?limit=100")).toEqual(before);
  });

  test("is refused with 429 when too many of its hotkey are unfinished", async () => {
    const headers = { "x-platform-verified-hotkey": "5Busy" };
    for (let i = 0; i < 32; i += 1) expect((await challenge.post(exact, headers)).status).toBe(202);
    expect((await challenge.post(exact, headers)).status).toBe(429);
    type Page = { items: unknown[]; next_cursor: string | null };
    const { body: page } = await challenge.get<Page>("/v1/submissions?hotkey=5Busy&limit=20");
    expect(page.items.length).toBe(20);
    const { body: rest } = await challenge.get<Page>(
      `/v1/submissions?hotkey=5Busy&limit=20&cursor=${page.next_cursor}`,
    );
    expect([rest.items.length, rest.next_cursor]).toEqual([12, null]);
  });
});

describe("a page", () => {
  test.each(["0", "-1", "101", "1.5", "abc", ""])("of %p rows is refused", async (limit) => {
    expect((await challenge.get(`/v1/submissions?limit=${limit}`)).status).toBe(422);
    expect((await challenge.get(`/v1/leaderboard?limit=${limit}`)).status).toBe(422);
  });
});

describe("what is not there", () => {
  test.each(["/v1/submissions/none", "/nothing", "/internal/v1/other"])("%s is 404 as a problem", async (path) => {
    const { status, body } = await challenge.get(path);
    expect(status).toBe(404);
    expect(body).toMatchObject({ status: 404, instance: expect.any(String) });
  });
});

test("its operator reads readiness and metrics on the ops socket", async () => {
  await waitFor(async () => (await challenge.ops("/readyz")).ok);
  expect((await challenge.ops("/livez")).status).toBe(200);
  expect(await (await challenge.ops("/metrics")).text()).toMatch(/challenge_submissions\{state="received"\} \d+/);
});
