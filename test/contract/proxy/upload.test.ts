import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { u8aWrapBytes } from "@polkadot/util";
import { deriveToken } from "#shared/auth/tokens.ts";
import { uploadText } from "#shared/auth/upload-signature.ts";
import { systemClock } from "#shared/time/clock.ts";
import { ByteBudget } from "../../../roles/proxy/bounds/byte-budget.ts";
import { RateLimit } from "../../../roles/proxy/upload/rate-limit.ts";
import type { Registrations } from "../../../roles/proxy/upload/registrations.ts";
import { minerOf, type UploadOptions, uploadRequest } from "../../support/clients/upload-client.ts";
import {
  challengeOf,
  type FakeChallenge,
  masterKey,
  type ProxyUnderTest,
  startChallenge,
  startProxy,
} from "../../support/worlds/proxy-world.ts";

const now_seconds = 1_700_000_000;
const clock = { ...systemClock, now: () => now_seconds * 1_000 };
const alice = minerOf("//Alice");
const route = "/v1/challenges/demo/submissions";
let challenge: FakeChallenge;
let proxy: ProxyUnderTest;
let uidOf: Registrations["uidOf"];

beforeAll(async () => {
  challenge = await startChallenge();
  const record = challengeOf({}, { token_generation: 3 });
  const other = challengeOf({ slug: "off" as never, name: "Off" }, { status: "inactive" });
  proxy = await startProxy({
    challenges: [record, other],
    upstream: challenge.url,
    clock,
    submission_bytes_max: 100_000,
    allowlist: new Set([minerOf("//Listed").address]),
    registrations: { uidOf: (hotkey, oldest) => uidOf(hotkey, oldest) },
  });
});
afterAll(async () => {
  await proxy.stop();
  challenge.stop();
});
beforeEach(() => {
  challenge.received.length = 0;
  proxy.seen.length = 0;
  uidOf = async () => 5;
});

async function send(options: UploadOptions = {}, path = route) {
  const response = await fetch(proxy.url + path, uploadRequest({ timestamp: now_seconds, ...options }));
  return { response, status: response.status, body: (await response.json()) as Record<string, unknown> };
}
/** Asserts the whole refusal, and that the challenge was not asked. */
async function expectRefusal(sent: ReturnType<typeof send>, status: number, code: string, detail: string) {
  const { response, body } = await sent;
  expect(response.headers.get("content-type")).toBe("application/problem+json");
  expect(body).toEqual({
    type: "about:blank",
    title: expect.any(String),
    status,
    detail,
    code,
    instance: response.headers.get("x-request-id"),
  });
  expect(response.status).toBe(status);
  expect(challenge.received).toHaveLength(0);
  expect(proxy.seen).toHaveLength(0);
}

describe("a signed upload", () => {
  test("reaches the challenge with its verified identity and brings back its answer", async () => {
    challenge.answer = (_, response) => {
      response.writeHead(202, { "content-type": "application/json", "x-own": "1" });
      response.end('{"id":"s-1"}');
    };
    const body = Buffer.from([0, 1, 2, 255]);
    const headers = {
      "content-type": "application/zip",
      "x-submission-filename": "agent.zip",
      authorization: "Bearer evil",
      "x-platform-verified-uid": "99",
    };
    const sent = await send({ body, nonce: "n-first", headers }, `${route}?kind=full`);
    expect([sent.status, sent.body, sent.response.headers.get("x-own")]).toEqual([202, { id: "s-1" }, "1"]);
    const [received] = challenge.received;
    expect([received?.method, received?.url]).toEqual(["POST", "/internal/v1/bridge/submissions?kind=full"]);
    expect(received?.body).toEqual(body);
    const sha256 = createHash("sha256").update(body).digest("hex");
    expect(
      Object.fromEntries(received?.headers.map(([name, value]) => [name.toLowerCase(), value]) ?? []),
    ).toMatchObject({
      authorization: `Bearer ${deriveToken(masterKey, "challenge", "demo", 3)}`,
      "x-platform-challenge-slug": "demo",
      "x-platform-verified-hotkey": alice.address,
      "x-platform-verified-nonce": "n-first",
      "x-platform-verified-uid": "5",
      "x-platform-request-hash": sha256,
      "content-type": "application/zip",
      accept: "application/json",
      "x-submission-filename": "agent.zip",
    });
    expect(received?.headers.filter(([name]) => /^x-platform-verified-uid$/i.test(name))).toHaveLength(1);
    expect(proxy.seen).toMatchObject([
      { slug: "demo", hotkey: alice.address, uid: 5, body_sha256: sha256, body_bytes: 4, status: 202 },
    ]);
  });

  test("has the content type of bytes when the client names none", async () => {
    await send();
    expect(challenge.received[0]?.headers).toContainEqual(["Content-Type", "application/octet-stream"]);
  });

  test("may wrap its text in <Bytes>, and sign the path as sent or percent-decoded", async () => {
    const body_sha256 = createHash("sha256").update("print(1)").digest("hex");
    const claim = {
      netuid: 7,
      slug: "demo",
      method: "POST",
      hotkey: alice.address,
      nonce: "w",
      timestamp: `${now_seconds}`,
    };
    const wrapped = alice.sign(u8aWrapBytes(uploadText({ ...claim, path: route, body_sha256 })));
    const headers = { "x-signature": Buffer.from(wrapped).toString("hex") };
    expect((await send({ nonce: "w", headers })).status).toBe(202);
    for (const path of ["/v1/challenges/My%20Demo/submissions", "/v1/challenges/My Demo/submissions"]) {
      expect((await send({ path }, "/v1/challenges/My%20Demo/submissions")).status).toBe(202);
    }
  });

  test("gives up a token that is being rotated only when the challenge does not take it yet", async () => {
    const rotating = await startProxy({
      challenges: [challengeOf({}, { token_generation: 2, token_rotating: true })],
      upstream: challenge.url,
      clock,
    });
    const former = `Bearer ${deriveToken(masterKey, "challenge", "demo", 1)}`;
    challenge.answer = ({ headers }, response) => {
      const token = headers.find(([name]) => name === "Authorization")?.[1];
      response.writeHead(token === former ? 202 : 401).end("{}");
    };
    const response = await fetch(rotating.url + route, uploadRequest({ timestamp: now_seconds }));
    expect([response.status, challenge.received.length]).toEqual([202, 2]);
    await rotating.stop();
  });
});

describe("an upload is refused", () => {
  test("first of all when the challenge is unknown or not active", async () => {
    const big = Buffer.alloc(200_000);
    await expectRefusal(
      send({ body: big }, "/v1/challenges/none/submissions"),
      404,
      "challenge_not_found",
      "Challenge not found",
    );
    await expectRefusal(send({}, "/v1/challenges/off/submissions"), 404, "challenge_not_found", "Challenge not found");
  });

  test("when it is too large, before its headers are looked at; exactly the limit is not", async () => {
    const options = { body: Buffer.alloc(100_001), headers: { "x-hotkey": null } };
    await expectRefusal(send(options), 413, "submission_too_large", "Submission too large");
    challenge.answer = (_, response) => response.writeHead(201).end("{}");
    expect((await send({ body: Buffer.alloc(100_000) })).status).toBe(201);
  });

  test("when a header is missing, the first in order", async () => {
    const missing: Record<string, null> = {};
    for (const name of ["x-timestamp", "x-nonce", "x-signature", "x-hotkey"]) {
      missing[name] = null;
      await expectRefusal(send({ headers: missing }), 401, "missing_header", `missing ${name}`);
    }
  });

  test("when the timestamp is no integer", async () => {
    for (const timestamp of ["1.5", "now", "1e9", "0x10", "--1", "1 2"]) {
      const headers = { "x-timestamp": timestamp, "x-signature": "nonsense" };
      await expectRefusal(send({ headers }), 401, "invalid_timestamp", "invalid timestamp");
    }
  });

  test("when the timestamp is more than 300 s away; 300 s is not", async () => {
    for (const timestamp of [now_seconds - 301, now_seconds + 301]) {
      await expectRefusal(
        send({ timestamp, headers: { "x-signature": "nonsense" } }),
        401,
        "stale_signature",
        "stale signature",
      );
    }
    challenge.answer = (_, response) => response.writeHead(201).end("{}");
    for (const timestamp of [now_seconds - 300, now_seconds + 300])
      expect((await send({ timestamp })).status).toBe(201);
  });

  test("when the signature is of anything else, and then the nonce is still free", async () => {
    const cases: UploadOptions[] = [
      { headers: { "x-signature": "00".repeat(64) } },
      { headers: { "x-signature": "nonsense" } },
      { headers: { "x-nonce": "other" } },
      { headers: { "x-hotkey": minerOf("//Bob").address } },
      { headers: { "x-hotkey": "nonsense" } },
      { netuid: 8 },
      { slug: "other", path: route },
      { path: `${route}?kind=full` },
    ];
    for (const options of cases) {
      await expectRefusal(send({ nonce: "free", ...options }), 401, "invalid_signature", "invalid signature");
    }
    expect((await send({ nonce: "free" })).status).toBe(201);
  });

  test("when the miner is not registered", async () => {
    const hotkeys: string[] = [];
    uidOf = async (hotkey) => {
      hotkeys.push(hotkey);
      return null;
    };
    await expectRefusal(send({ nonce: "reg" }), 401, "unknown_hotkey", "unknown hotkey");
    expect(hotkeys).toEqual([alice.address]);
    uidOf = async () => 0;
    await expectRefusal(send({ nonce: "reg" }), 401, "blocked_uid", "blocked uid");
    uidOf = async () => "unavailable";
    await expectRefusal(send({ nonce: "reg" }), 401, "metagraph_unavailable", "metagraph unavailable");
    uidOf = async () => 1;
    expect((await send({ nonce: "reg" })).status).toBe(201);
  });

  test("not when the miner is on the operator's list; then it has no uid", async () => {
    for (const answer of [null, "unavailable"] as const) {
      uidOf = async () => answer;
      expect((await send({ miner: minerOf("//Listed") })).status).toBe(201);
    }
    const names = challenge.received.flatMap(({ headers }) => headers.map(([name]) => name.toLowerCase()));
    expect(names).not.toContain("x-platform-verified-uid");
  });

  test("when its nonce was used, by this miner", async () => {
    expect((await send({ nonce: "twice" })).status).toBe(201);
    challenge.received.length = proxy.seen.length = 0;
    await expectRefusal(send({ nonce: "twice" }), 409, "nonce_already_used", "nonce already used");
    expect((await send({ nonce: "twice", miner: minerOf("//Bob") })).status).toBe(201);
  });

  test("when the challenge is away, and then may be sent again as it is", async () => {
    const away = await startProxy({ clock, upstream: "http://127.0.0.1:1" });
    const post = () => fetch(away.url + route, uploadRequest({ timestamp: now_seconds, nonce: "again" }));
    for (const response of [await post(), await post()]) {
      expect(response.status).toBe(502);
      expect(await response.json()).toMatchObject({ code: "challenge_unavailable", detail: "Challenge unavailable" });
    }
    expect(away.seen).toHaveLength(0);
    await away.stop();
  });

  test("when its miner or address sends too many", async () => {
    challenge.answer = (_, response) => response.writeHead(201).end("{}");
    const slow = await startProxy({
      clock,
      upstream: challenge.url,
      perHotkey: new RateLimit(2, clock),
      perAddress: new RateLimit(4, clock),
    });
    const post = (miner: string) =>
      fetch(slow.url + route, uploadRequest({ timestamp: now_seconds, miner: minerOf(miner) }));
    expect([(await post("//Alice")).status, (await post("//Alice")).status]).toEqual([201, 201]);
    const third = await post("//Alice");
    expect([third.status, Number(third.headers.get("retry-after"))]).toEqual([429, 30]);
    expect(await third.json()).toMatchObject({ code: "rate_limited" });
    expect((await post("//Bob")).status).toBe(201);
    expect((await post("//Bob")).status).toBe(429);
    await slow.stop();
  });

  test("when the memory for bodies is used up, and only then", async () => {
    challenge.answer = (_, response) => response.writeHead(201).end("{}");
    const small = await startProxy({ clock, upstream: challenge.url, memory: new ByteBudget(1_000) });
    const post = (bytes: number) =>
      fetch(small.url + route, uploadRequest({ timestamp: now_seconds, body: Buffer.alloc(bytes) }));
    const refused = await post(1_001);
    expect([refused.status, refused.headers.get("retry-after")]).toEqual([503, "1"]);
    for (let n = 0; n < 3; n += 1) expect((await post(1_000)).status).toBe(201);
    await small.stop();
  });

  test("when its method or path is another", async () => {
    const put = await fetch(proxy.url + route, { method: "PUT", body: "x" });
    expect([put.status, put.headers.get("allow")]).toEqual([405, "POST"]);
    expect((await fetch(`${proxy.url}${route}/`, { method: "POST" })).status).toBe(404);
  });
});
