import { afterEach, describe, expect, test } from "bun:test";
import { connect, type Socket } from "node:net";
import { systemClock } from "#shared/time/clock.ts";
import { ByteBudget } from "../../../roles/proxy/bounds/byte-budget.ts";
import { RateLimit } from "../../../roles/proxy/upload/rate-limit.ts";
import { ask, headOf } from "../../support/clients/door-clients.ts";
import { minerOf, type UploadOptions, uploadRequest } from "../../support/clients/upload-client.ts";
import { waitFor } from "../../support/wait-for.ts";
import { startChallenge, startProxy, startTcp } from "../../support/worlds/proxy-world.ts";

const running: { stop(): unknown }[] = [];
afterEach(async () => {
  for (const one of running.splice(0)) await one.stop();
});

const megabyte_bytes = 1_000_000;
const route = "/v1/challenges/demo/submissions";
const large = Buffer.alloc(7.4 * megabyte_bytes, "x");
const [hostile, honest] = ["127.0.0.2", "127.0.0.9"];

/** Remembers the most that was ever taken. */
class WatchedBudget extends ByteBudget {
  most = 0;
  override take(key: string | null, bytes: number): boolean {
    const isTaken = super.take(key, bytes);
    this.most = Math.max(this.most, this.used_bytes);
    return isTaken;
  }
}

async function start(memory: ByteBudget, world: Parameters<typeof startProxy>[0] = {}) {
  const challenge = await startChallenge();
  const proxy = await startProxy({ upstream: challenge.url, memory, ...world });
  running.push(proxy, challenge);
  return { challenge, proxy };
}

function signedHead(options: UploadOptions & { readonly body: Buffer<ArrayBuffer> }, isChunked = false): string {
  const framing = isChunked ? ["Transfer-Encoding", "chunked"] : ["Content-Length", String(options.body.length)];
  const headers = [...(uploadRequest(options).headers as [string, string][]), framing, ["Connection", "close"]];
  return headOf("POST", route, Object.fromEntries(headers));
}

/** A client that has sent all but the last byte of what it announced. */
function unfinished(port: number, address: string, head: string): Socket {
  const socket = connect({ port, host: "127.0.0.1", localAddress: address });
  running.push({ stop: () => socket.destroy() });
  socket
    .on("error", () => undefined)
    .resume()
    .write(head);
  socket.write(large.subarray(1));
  return socket;
}

describe("an upload that cannot pass takes no memory", () => {
  const cases: [string, UploadOptions, string][] = [
    ["has no headers", { headers: { "x-hotkey": null } }, "missing x-hotkey"],
    ["has no time", { headers: { "x-timestamp": "now" } }, "invalid timestamp"],
    ["is stale", { timestamp: 1 }, "stale signature"],
    ["is of nobody known", { miner: minerOf("//Nobody") }, "unknown hotkey"],
    ["is of nobody known, and signed wrongly", { miner: minerOf("//Nobody"), netuid: 8 }, "invalid signature"],
    ["is of a miner whose rate is used up", { miner: minerOf("//Often") }, "Too many submissions; try again later."],
  ];
  test.each(cases)("because it %s, and is told so at its end, chunked or not", async (_, options, detail) => {
    const memory = new WatchedBudget(100 * megabyte_bytes);
    const perHotkey = new RateLimit(1, systemClock);
    perHotkey.take(minerOf("//Often").address);
    const nobody = minerOf("//Nobody").address;
    const registrations = { uidOf: async (hotkey: string) => (hotkey === nobody ? null : 5) };
    const { proxy, challenge } = await start(memory, { registrations, perHotkey });
    const body = Buffer.alloc(1.5 * megabyte_bytes, "y");
    const head = signedHead({ ...options, body });
    const known = await fetchText(proxy.port, [head, body]);
    const chunk = Buffer.concat([Buffer.from(`${body.length.toString(16)}\r\n`), body, Buffer.from("\r\n0\r\n\r\n")]);
    const chunked = await fetchText(proxy.port, [signedHead({ ...options, body }, true), chunk]);
    for (const answer of [known, chunked]) expect(answer).toContain(`"detail":"${detail}"`);
    expect(memory.most).toBeLessThan(megabyte_bytes);
    expect(challenge.received).toEqual([]);
  });
});

/** The whole answer to a request whose body is written to its end first. */
function fetchText(port: number, pieces: readonly (string | Buffer)[]): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = "";
    const socket = connect(port, "127.0.0.1");
    for (const piece of pieces) socket.write(piece);
    socket.on("data", (chunk: Buffer) => {
      text += chunk.toString();
    });
    socket.on("error", reject).on("close", () => resolve(text));
  });
}

describe("bodies that have not ended", () => {
  test("hold nothing when nobody signed them, though 90 come at once", async () => {
    const memory = new WatchedBudget(96 * megabyte_bytes, 32 * megabyte_bytes);
    const { proxy } = await start(memory);
    const heads = [
      headOf("POST", route, { "Content-Length": large.length }),
      headOf("POST", "/challenges/demo/internal/x", { "Content-Length": large.length }),
      headOf("POST", "/challenges/nobody/x", { "Content-Length": large.length }),
    ];
    for (let n = 0; n < 90; n += 1) unfinished(proxy.port, hostile, heads[n % 3] ?? "");
    const body = Buffer.alloc(2 * megabyte_bytes, "z");
    for (let n = 0; n < 3; n += 1) {
      expect(await ask(proxy.port, [signedHead({ body }), body], { address: honest })).toMatchObject({ status: 200 });
    }
    expect(memory.most).toBeLessThan(8 * megabyte_bytes);
  }, 30_000);

  test("of one address hold its share and no more: it is told to wait, another address need not", async () => {
    const memory = new WatchedBudget(96 * megabyte_bytes, 32 * megabyte_bytes);
    const { proxy } = await start(memory);
    for (let n = 0; n < 8; n += 1) unfinished(proxy.port, hostile, signedHead({ body: large }));
    await waitFor(() => memory.used_bytes > 29 * megabyte_bytes, { what: "a used up share" });
    const refused = await ask(proxy.port, [signedHead({ body: large }), large], { address: hostile });
    expect(refused).toMatchObject({ status: 503, code: "busy" });
    expect(await ask(proxy.port, [signedHead({ body: large }), large], { address: honest })).toMatchObject({
      status: 200,
    });
    expect(memory.most).toBeLessThan(40 * megabyte_bytes);
  }, 30_000);

  test("of many addresses that want all there is leave a newcomer a little", async () => {
    const memory = new WatchedBudget(64 * megabyte_bytes, 24 * megabyte_bytes);
    const { proxy } = await start(memory);
    for (let n = 0; n < 30; n += 1) unfinished(proxy.port, `127.0.1.${1 + (n % 6)}`, signedHead({ body: large }));
    await waitFor(() => memory.used_bytes > 40 * megabyte_bytes, { what: "a memory in use" });
    const body = Buffer.alloc(megabyte_bytes, "z");
    expect(await ask(proxy.port, [signedHead({ body }), body], { address: honest })).toMatchObject({ status: 200 });
  }, 30_000);

  test("are given up when nothing more of them comes, and their memory is given back", async () => {
    const memory = new WatchedBudget(96 * megabyte_bytes);
    const { proxy } = await start(memory);
    let text = "";
    unfinished(proxy.port, hostile, signedHead({ body: large })).on("data", (chunk: Buffer) => {
      text += chunk.toString();
    });
    unfinished(
      proxy.port,
      hostile,
      signedHead({ body: large }, true).replace("\r\n\r\n", `\r\n\r\n${large.length.toString(16)}\r\n`),
    );
    await waitFor(() => memory.used_bytes > 14 * megabyte_bytes, { what: "two held bodies" });
    await waitFor(() => memory.used_bytes === 0, { deadline_ms: 40_000, what: "memory given back" });
    await waitFor(() => text !== "", { what: "a refusal" });
    expect(text).toMatch(/^HTTP\/1\.1 408 [\s\S]*"code":"upload_too_slow"/);
  }, 60_000);

  test("give their memory back at once when their clients go", async () => {
    const memory = new WatchedBudget(96 * megabyte_bytes);
    const { proxy } = await start(memory);
    const sockets = [1, 2, 3].map(() => unfinished(proxy.port, hostile, signedHead({ body: large })));
    await waitFor(() => memory.used_bytes > 22 * megabyte_bytes, { what: "three held bodies" });
    for (const socket of sockets) socket.destroy();
    await waitFor(() => memory.used_bytes === 0, { deadline_ms: 2_000, what: "memory given back" });
  });
});

test("40 valid uploads of 7.4 MB at once are all answered, with 200 or with 503, within the memory there is", async () => {
  const memory = new WatchedBudget(96 * megabyte_bytes, 32 * megabyte_bytes);
  const { proxy, challenge } = await start(memory);
  const heads = Array.from({ length: 40 }, () => signedHead({ body: large }));
  const answers = await Promise.all(heads.map((head) => ask(proxy.port, [head, large], { address: honest })));
  const statuses = answers.map(({ status }) => status);
  expect(statuses.filter((status) => status === 200 || status === 503)).toHaveLength(40);
  const taken = statuses.filter((status) => status === 200).length;
  expect(taken).toBeGreaterThanOrEqual(4);
  expect(challenge.received).toHaveLength(taken);
  expect(challenge.received.every(({ body }) => body.equals(large))).toBe(true);
  expect(memory.most).toBeLessThanOrEqual(33 * megabyte_bytes);
  expect(memory.used_bytes).toBe(0);
}, 60_000);

test("a body is held until the challenge has it, not until it answers or the client has read the answer", async () => {
  let bytes = 0;
  const upstream = await startTcp((socket) => {
    socket.on("data", (chunk: Buffer) => {
      bytes += chunk.length;
    });
  });
  const memory = new WatchedBudget(96 * megabyte_bytes);
  const proxy = await startProxy({ upstream: upstream.url, memory });
  running.push(proxy, upstream);
  const client = connect(proxy.port, "127.0.0.1");
  running.push({ stop: () => client.destroy() });
  client.write(signedHead({ body: large }));
  client.write(large);
  await waitFor(() => bytes > large.length, { what: "the body at the challenge" });
  expect(memory.most).toBeGreaterThanOrEqual(large.length);
  await waitFor(() => memory.used_bytes === 0, { what: "memory given back" });
});

test("a challenge that does not read a body leaves it with its client", async () => {
  const upstream = await startTcp((socket) => void socket.pause());
  const memory = new WatchedBudget(96 * megabyte_bytes);
  const proxy = await startProxy({ upstream: upstream.url, memory });
  running.push(proxy, upstream);
  const client = connect(proxy.port, "127.0.0.1");
  running.push({ stop: () => client.destroy() });
  client.write(headOf("POST", "/challenges/demo/x", { "Content-Length": 200 * megabyte_bytes }));
  const piece = Buffer.alloc(megabyte_bytes);
  for (let n = 0; n < 200; n += 1) client.write(piece);
  await waitFor(() => memory.used_bytes > 0, { what: "a piece that waits" });
  expect(client.writableLength).toBeGreaterThan(100 * megabyte_bytes);
  expect(memory.most).toBeLessThan(2 * megabyte_bytes);
});
