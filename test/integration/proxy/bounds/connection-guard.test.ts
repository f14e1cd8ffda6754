import { afterAll, beforeAll, beforeEach, expect, test } from "bun:test";
import { connect, type Socket } from "node:net";
import { waitFor } from "../../../support/wait-for.ts";
import {
  type FakeChallenge,
  type ProxyUnderTest,
  startChallenge,
  startProxy,
} from "../../../support/worlds/proxy-world.ts";

let challenge: FakeChallenge;
let proxy: ProxyUnderTest;
beforeAll(async () => {
  challenge = await startChallenge();
  proxy = await startProxy({ upstream: challenge.url }, { connections_per_address_max: 20 });
});
afterAll(async () => {
  await proxy.stop();
  challenge.stop();
});
beforeEach(() => {
  challenge.received.length = 0;
});

test("a client with too many connections loses the last, and may come back when it has closed some", async () => {
  const open: Socket[] = [];
  const state = { closed: 0 };
  for (let n = 0; n < 24; n += 1) {
    const socket = connect(proxy.port, "127.0.0.1");
    socket.on("close", () => {
      state.closed += 1;
    });
    socket.on("error", () => undefined).resume();
    open.push(socket);
  }
  await waitFor(() => state.closed >= 4, { what: "end of connections beyond the limit" });
  expect(state.closed).toBe(4);
  for (const socket of open) socket.destroy();
  await waitFor(async () => (await fetch(proxy.url, { keepalive: false })).ok, { what: "a free place" });
});
