import { afterAll, beforeAll, expect, test } from "bun:test";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { type Asked, ask, headOf } from "../../support/clients/door-clients.ts";
import { minerOf, uploadRequest } from "../../support/clients/upload-client.ts";
import { container_bytes, type ProxyContainer, startProxyContainer } from "../../support/worlds/proxy-container.ts";

const program = join(import.meta.dir, "../../support/programs/door-storm.ts");
/** By hand longer, `PLATFORM_STORM_SECONDS=600`, or of some kinds alone, `PLATFORM_STORM_KINDS="pipelining uploads"`. */
const seconds = Number(process.env["PLATFORM_STORM_SECONDS"] ?? 20);
const kinds = (process.env["PLATFORM_STORM_KINDS"] ?? "").split(" ").filter((kind) => kind !== "");
const isRoot = process.getuid?.() === 0;
const honest = "127.0.0.9";

const piece = Buffer.alloc(65_536, "x");
const challenge = createServer((request, response) => {
  response.on("error", () => undefined);
  if (request.url === "/slow") return;
  if (request.url === "/big") {
    response.writeHead(200);
    const more = () => {
      while (!response.destroyed && response.write(piece));
    };
    response.on("drain", more);
    return more();
  }
  request.resume().on("end", () => response.writeHead(200, { "content-length": 2 }).end("ok"));
});
// A refused upgrade is an ordinary request to it.
challenge.on("upgrade", (_, socket) => {
  socket.on("error", () => undefined);
  socket.write("HTTP/1.1 200 OK\r\n\r\n");
  const more = () => {
    while (!socket.destroyed && socket.write(piece));
  };
  socket.on("drain", more);
  more();
});

let proxy: ProxyContainer;
beforeAll(async () => {
  await new Promise<void>((resolve) => challenge.listen(0, "127.0.0.1", resolve));
  if (!isRoot) return;
  const { port: challenge_port } = challenge.address() as AddressInfo;
  const hotkeys = [minerOf("//Alice").address, minerOf("//Bob").address];
  const settings = { PLATFORM_UPLOADS_PER_MINUTE_PER_HOTKEY: "0", PLATFORM_UPLOADS_PER_MINUTE_PER_ADDRESS: "0" };
  proxy = await startProxyContainer({ challenge_port, hotkeys, settings });
}, 60_000);
afterAll(async () => {
  await proxy?.[Symbol.asyncDispose]();
  challenge.close();
  challenge.closeAllConnections();
});

/** An honest client's requests until `signal` is aborted, one of each kind after another, `every_ms`. */
async function honestClient(every_ms: number, signal: AbortSignal): Promise<Asked[]> {
  const asked: Asked[] = [];
  const bob = minerOf("//Bob");
  const body = Buffer.alloc(50_000, "y");
  while (!signal.aborted) {
    const upload = Object.fromEntries(uploadRequest({ miner: bob, body }).headers as [string, string][]);
    const length = { "Content-Length": body.length };
    for (const pieces of [
      [headOf("GET", "/challenges/demo/x")],
      [headOf("GET", "/v1/registry")],
      [headOf("POST", "/v1/challenges/demo/submissions", { ...upload, ...length }), body],
    ]) {
      asked.push(await ask(proxy.port, pieces, { address: honest }));
      await Bun.sleep(every_ms);
    }
  }
  return asked;
}

test.skipIf(!isRoot)(
  "a storm of hostile clients costs an honest one nothing but time, and the process less than half of its memory",
  async () => {
    const storm = Bun.spawn([process.execPath, program, String(proxy.port), String(seconds), ...kinds], {
      stdout: "pipe",
      stderr: "inherit",
    });
    const over = new AbortController();
    let allocated = 0;
    const watch = setInterval(() => {
      allocated = Math.max(allocated, proxy.memory.allocatedBytes());
    }, 100);
    const asking = honestClient(50, over.signal);
    const outcome = JSON.parse(await new Response(storm.stdout).text()) as { uploads: Record<string, number> };
    over.abort();
    const asked = await asking;
    clearInterval(watch);
    const figures = { seconds, ...summary(asked), allocated, peak: proxy.memory.peakBytes(), limit: container_bytes };
    process.stdout.write(`${JSON.stringify({ ...figures, outcome })}\n`);
    expect(proxy.exitCode()).toBeNull();
    expect(allocated).toBeLessThan(container_bytes / 2);
    expect(figures.statuses).toEqual({ 200: asked.length });
    expect(figures.p50_ms).toBeLessThan(1_000);
    expect(Object.keys(outcome.uploads).sort()).toEqual(["200", "503 busy"]);
  },
  (seconds + 90) * 1_000,
);

function summary(asked: readonly Asked[]) {
  const times = asked.map(({ ms }) => Math.round(ms)).sort((a, b) => a - b);
  const at = (part: number) => times[Math.min(times.length - 1, Math.floor(times.length * part))] ?? 0;
  const statuses: Record<string, number> = {};
  for (const { status } of asked) statuses[String(status)] = (statuses[String(status)] ?? 0) + 1;
  return { statuses, p50_ms: at(0.5), p99_ms: at(0.99), max_ms: times.at(-1) ?? 0 };
}
