import { afterEach, expect, test } from "bun:test";
import { mkdtempSync } from "node:fs";
import { connect, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ByteBudget } from "../../../roles/proxy/bounds/byte-budget.ts";
import { headOf } from "../../support/clients/door-clients.ts";
import { Flood } from "../../support/clients/flood.ts";
import { waitFor } from "../../support/wait-for.ts";
import { startProxy } from "../../support/worlds/proxy-world.ts";

const running: { stop(): unknown }[] = [];
afterEach(async () => {
  for (const one of running.splice(0)) await one.stop();
});

const flood_bytes = 96 * 1_048_576;

/** A proxy whose admin sends a flood, a client that has asked for it and does not read, and whether admin's connection has ended. */
async function unreadFlood(memory: ByteBudget) {
  const flood = new Flood(flood_bytes);
  const state = { isAdminLeft: false };
  const publicSocket = join(mkdtempSync(join(tmpdir(), "platform-proxy-")), "public.sock");
  const admin = createServer((socket: Socket) => {
    socket
      .on("error", () => undefined)
      .on("close", () => {
        state.isAdminLeft = true;
      });
    socket.once("data", () => {
      socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${flood_bytes}\r\n\r\n`);
      flood.pour(socket, () => socket.end());
    });
  }).listen(publicSocket);
  const proxy = await startProxy({ publicSocket, memory });
  const client = connect(proxy.port, "127.0.0.1", () => client.write(headOf("GET", "/v1/registry")));
  client.on("error", () => undefined).pause();
  running.push(proxy, { stop: () => admin.close() }, { stop: () => client.destroy() });
  return { flood, client, state };
}

test("a public read that its client does not read is taken from the client's share of memory", async () => {
  const memory = new ByteBudget(100_000_000);
  const { flood, client, state } = await unreadFlood(memory);
  await flood.standstill();
  await waitFor(() => memory.used_bytes > 65_536, { what: "held bytes" });
  client.destroy();
  await waitFor(() => state.isAdminLeft && memory.used_bytes === 0, { what: "everything given back" });
});

test("a public read beyond its client's share of memory is cut, and admin is left alone", async () => {
  const memory = new ByteBudget(20_000, 10_000);
  const { client, state } = await unreadFlood(memory);
  const closed = new Promise((resolve) => client.on("close", resolve));
  await waitFor(() => state.isAdminLeft, { what: "the end of admin's connection" });
  client.resume();
  await closed;
  expect(client.bytesRead).toBeLessThan(flood_bytes);
  await waitFor(() => memory.used_bytes === 0, { what: "memory given back" });
});
