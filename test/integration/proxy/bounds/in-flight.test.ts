import { afterEach, describe, expect, test } from "bun:test";
import { connect } from "node:net";
import { InFlight } from "../../../../roles/proxy/bounds/in-flight.ts";
import { headOf } from "../../../support/clients/door-clients.ts";
import { uploadRequest } from "../../../support/clients/upload-client.ts";
import { waitFor } from "../../../support/wait-for.ts";
import { challengeOf, rawRequest, startChallenge, startProxy, startTcp } from "../../../support/worlds/proxy-world.ts";

const running: { stop(): unknown }[] = [];
afterEach(async () => {
  for (const one of running.splice(0)) await one.stop();
});

const plenty = { in_flight_max: 100, in_flight_per_address_max: 100, in_flight_per_challenge_max: 100 };
const upload = Object.fromEntries(uploadRequest().headers as [string, string][]);
const upgrade = headOf("GET", "/challenges/demo/x", { Connection: "Upgrade", Upgrade: "websocket" });
const ofChallenge = [
  ["a challenge's page", headOf("GET", "/challenges/demo/x")],
  ["a submission that is read", headOf("GET", "/v1/challenges/demo/submissions/1")],
  ["an upload", `${headOf("POST", "/v1/challenges/demo/submissions", { ...upload, "Content-Length": 8 })}print(1)`],
  ["an upgrade", upgrade],
] as const;
const all = [
  ...ofChallenge,
  ["an own page", headOf("GET", "/")],
  ["a path that is none", headOf("GET", "/x")],
] as const;

/** A proxy whose challenge never answers, with three requests under way. */
async function busyProxy(bounds: Partial<typeof plenty>) {
  const sockets: { destroy(): void }[] = [];
  const upstream = await startTcp((socket) => sockets.push(socket));
  const inFlight = new InFlight({ ...plenty, ...bounds });
  const other = challengeOf({ slug: "other" as never, name: "Other" });
  const proxy = await startProxy({ upstream: upstream.url, inFlight, challenges: [challengeOf(), other] });
  const clients = [
    headOf("GET", "/challenges/demo/x"),
    upgrade,
    headOf("GET", "/v1/challenges/demo/submissions/1"),
  ].map((request) => {
    const client = connect(proxy.port, "127.0.0.1");
    client.on("error", () => undefined).write(request);
    return client;
  });
  running.push(proxy, upstream, { stop: () => clients.map((client) => client.destroy()) });
  await waitFor(() => sockets.length === 3, { what: "three requests at the challenge" });
  return { proxy, inFlight, clients };
}

describe("a request more than may be in flight", () => {
  test.each([
    ["of one client", { in_flight_per_address_max: 3 }, "client_busy", all],
    ["in all", { in_flight_max: 3 }, "door_busy", all],
    ["to one challenge", { in_flight_per_challenge_max: 3 }, "challenge_busy", ofChallenge],
  ] as const)("%s is 503 with Retry-After, whatever it asks for", async (_, bounds, code, kinds) => {
    const { proxy, inFlight } = await busyProxy(bounds);
    for (const [what, request] of kinds) {
      const answer = await rawRequest(proxy.port, request, { until: /"code":"\w+"/, ms: 2_000 });
      expect([what, answer.slice(0, 13)]).toEqual([what, "HTTP/1.1 503 "]);
      expect(answer).toMatch(/\r\nretry-after: 1\r\n/i);
      expect(answer).toContain(`"code":"${code}"`);
    }
    await waitFor(() => inFlight.count === 3, { what: "no place kept by the refused" });
  });

  test("to one challenge leaves the others and the door's own pages alone", async () => {
    const { proxy } = await busyProxy({ in_flight_per_challenge_max: 3 });
    expect((await fetch(proxy.url)).status).toBe(200);
    const other = await rawRequest(proxy.port, headOf("GET", "/challenges/other/x"), { ms: 300 });
    expect(other).toBe("");
  });

  test("is taken again when clients have gone, those of an upgrade too", async () => {
    const { proxy, inFlight, clients } = await busyProxy({ in_flight_per_address_max: 3 });
    for (const client of clients) client.destroy();
    await waitFor(() => inFlight.count === 0, { what: "free places" });
    expect((await fetch(proxy.url)).status).toBe(200);
  });
});

test("a refused upgrade whose client stays keeps its place only for a moment", async () => {
  const inFlight = new InFlight(plenty);
  const proxy = await startProxy({ inFlight });
  running.push(proxy);
  const client = connect({ port: proxy.port, host: "127.0.0.1", allowHalfOpen: true });
  running.push({ stop: () => client.destroy() });
  client.write(headOf("GET", "/challenges/nobody/x", { Connection: "Upgrade", Upgrade: "websocket" }));
  await new Promise((resolve) => client.once("data", resolve));
  expect(inFlight.count).toBe(1);
  await waitFor(() => inFlight.count === 0);
});

test("a place is free again after each answer, whatever it was", async () => {
  const challenge = await startChallenge();
  const inFlight = new InFlight({ in_flight_max: 1, in_flight_per_address_max: 1, in_flight_per_challenge_max: 1 });
  const proxy = await startProxy({ upstream: challenge.url, inFlight });
  running.push(proxy, challenge);
  for (let round = 0; round < 2; round += 1) {
    for (const [, request] of all) {
      await waitFor(() => inFlight.count === 0);
      const answer = await rawRequest(proxy.port, request.replace("\r\n", "\r\nConnection: close\r\n"));
      expect(answer).toMatch(/^HTTP\/1\.1 (?!503)/);
    }
  }
});
