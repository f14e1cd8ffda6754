import { afterAll, expect, test } from "bun:test";
import { deriveToken } from "#shared/auth/tokens.ts";
import { createLogger } from "#shared/observability/logger.ts";
import type { Challenge } from "#shared/schemas/challenge.ts";
import { limits } from "#shared/schemas/limits.ts";
import { askChallenge } from "../../../roles/aggregator/ask-challenge.ts";
import { weightsOf as sdkWeights } from "../../../roles/challenge/sdk/weights.ts";

const masterKey = "m".repeat(40);
let answer: (request: Request) => Response | Promise<Response> = () => new Response();
const requests: Request[] = [];
const http = Bun.serve({
  port: 0,
  hostname: "127.0.0.1",
  idleTimeout: 0,
  fetch(request) {
    requests.push(request.clone() as Request);
    return answer(request);
  },
});
afterAll(() => http.stop(true));

const challenge = (changes: Partial<Challenge> = {}): Challenge =>
  ({ spec: { slug: "demo" }, token_generation: 2, token_rotating: false, ...changes }) as Challenge;

function ask(handler: typeof answer, given = challenge()) {
  answer = handler;
  requests.length = 0;
  return askChallenge(given, {
    masterKey,
    fetch,
    answer_ms: 500,
    baseUrl: () => `http://127.0.0.1:${http.port}`,
  });
}

const raw = (text: string) => () => new Response(text, { headers: { "content-type": "application/json" } });
const body = (weights: unknown, more: object = {}) =>
  raw(JSON.stringify({ challenge_slug: "demo", epoch: null, weights, metadata: {}, ...more }));

test("the question carries the derived token and the slug", async () => {
  expect(await ask(body({ hk1: 0.5 }))).toEqual({ ok: true, answer: { weights: { hk1: 0.5 }, challenge_epoch: null } });
  const [request] = requests;
  expect(new URL(request?.url ?? "").pathname).toBe("/internal/v1/get_weights");
  expect(request?.headers.get("authorization")).toBe(`Bearer ${deriveToken(masterKey, "challenge", "demo", 2)}`);
  expect(request?.headers.get("x-platform-challenge-slug")).toBe("demo");
});

test("while its tokens rotate, a challenge may still hold the former one", async () => {
  const former = `Bearer ${deriveToken(masterKey, "challenge", "demo", 1)}`;
  const holdsFormer = (request: Request) =>
    request.headers.get("authorization") === former ? body({ hk1: 1 })() : new Response("", { status: 401 });
  expect((await ask(holdsFormer, challenge({ token_rotating: true }))).ok).toBe(true);
  expect(await ask(holdsFormer)).toEqual({ ok: false, error: "the challenge answered 401" });
  expect(requests).toHaveLength(1);
});

test.each([
  ["negative, zero and null weights are dropped", body({ a: -1, b: 0, c: null, d: 2 })],
  [
    "the bare words of Python's json are no weights",
    raw('{"challenge_slug":"demo","epoch":1,"weights":{"a":NaN,"b":Infinity, "c": -Infinity,"d":2}}'),
  ],
  ["a number beyond float64 is infinite", raw('{"challenge_slug":"demo","epoch":1,"weights":{"a":1e999,"d":2}}')],
])("%s", async (_, handler) => {
  const result = await ask(handler);
  expect(result.ok && result.answer.weights).toEqual({ d: 2 });
});

const big = limits.weights.answer_bytes_max;
const manyHotkeys = Object.fromEntries(Array.from({ length: limits.weights.hotkeys_max + 1 }, (_, i) => [`h${i}`, 1]));
test.each<[string, typeof answer, string]>([
  ["an error status", () => new Response("secret detail", { status: 500 }), "the challenge answered 500"],
  ["a redirect", () => Response.redirect("http://127.0.0.1:1/", 302), "the challenge answered 302"],
  ["no JSON", raw("<html>"), "the answer is not JSON"],
  ["an empty body", raw(""), "the answer is not JSON"],
  ["a list", raw("[]"), "the answer is not an object"],
  ["null", raw("null"), "the answer is not an object"],
  ["another slug", body({}, { challenge_slug: "other" }), "challenge_slug is not the challenge's slug"],
  ["no slug", raw('{"weights":{}}'), "challenge_slug is not the challenge's slug"],
  ["a list of weights", body([1, 2]), "weights is not an object"],
  ["no weights", body(undefined), "weights is not an object"],
  ["a weight that is text", body({ a: "1" }), "weights has a value that is not a number"],
  ["a weight that is true", body({ a: true }), "weights has a value that is not a number"],
  ["a key of 10,000 characters", body({ ["k".repeat(10_000)]: 1 }), "weights has a key that is too long for a hotkey"],
  ["too many hotkeys", body(manyHotkeys), `weights has more than ${limits.weights.hotkeys_max} hotkeys`],
  ["an epoch that is text", body({}, { epoch: "1" }), "epoch is not an integer"],
  ["a body over the limit", raw(" ".repeat(big + 1)), `the answer is larger than ${big} bytes`],
  [
    "a small body that unpacks to a large one",
    () => new Response(Bun.gzipSync(new Uint8Array(big + 1)), { headers: { "content-encoding": "gzip" } }),
    `the answer is larger than ${big} bytes`,
  ],
  ["no end of the body", () => new Response(dripping()), "no answer within 500 ms"],
])("%s is a failure with a sentence of ours", async (_, handler, error) => {
  expect(await ask(handler)).toEqual({ ok: false, error });
});

test("the longest answer that the challenge SDK gives is taken, and of more hotkeys the heaviest are in it", async () => {
  const hotkeys_max = limits.weights.hotkeys_max;
  const longest = 2 ** -0.7 * 2 ** -1000;
  const own = Object.fromEntries(
    Array.from({ length: hotkeys_max + 2_000 }, (_, i) => [
      String(i).padStart(limits.weights.hotkey_chars_max, "5"),
      i < 2_000 ? longest / 2 : longest,
    ]),
  );
  const log = createLogger("test", "fatal");
  const context = { log, submissions: { best: () => [] } } as unknown as Parameters<typeof sdkWeights>[1];
  const given = sdkWeights({ weights: () => own } as unknown as Parameters<typeof sdkWeights>[0], context);
  const result = await ask(body(given));
  if (!result.ok) throw new Error(result.error);
  const taken = Object.values(result.answer.weights);
  expect([taken.length, taken.every((weight) => weight === longest)]).toEqual([hotkeys_max, true]);
});

test("a connection that breaks before the answer is tried once more, not twice", async () => {
  let attempts = 0;
  const flaky = (failures: number) => ({
    masterKey,
    answer_ms: 500,
    baseUrl: () => "http://challenge",
    fetch: async () => {
      attempts += 1;
      if (attempts <= failures) throw new Error("ECONNRESET");
      return body({ hk1: 1 })();
    },
  });
  expect((await askChallenge(challenge(), flaky(1))).ok).toBe(true);
  attempts = 0;
  expect((await askChallenge(challenge(), flaky(2))).ok).toBe(false);
  expect(attempts).toBe(2);
});

test("nobody there is a failure", async () => {
  const nobody = { masterKey, fetch, answer_ms: 500, baseUrl: () => "http://127.0.0.1:1" };
  expect(await askChallenge(challenge(), nobody)).toEqual({ ok: false, error: "the challenge cannot be reached" });
});

function dripping() {
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      await Bun.sleep(20);
      controller.enqueue(new TextEncoder().encode(" "));
    },
  });
}
