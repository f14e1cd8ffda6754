/**
 * What a proxied request costs: CPU of the proxy's process per request and the rate, for our door and, as its peer, for a bare
 * pass-through on node:http in the same run, taking turns; the best of three rounds each.
 */
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const program = join(import.meta.dir, "../support/programs/proxy-bench-part.ts");
const rounds = 3;
const connections = 16;

interface Part {
  readonly port: number;
  cpuSeconds(): Promise<number>;
  stop(): void;
}

async function start(...args: readonly string[]): Promise<Part> {
  const child = Bun.spawn([process.execPath, program, ...args], {
    stdin: "pipe",
    stdout: "pipe",
    stderr: "inherit",
    env: { ...process.env, NODE_ENV: "production" },
  });
  const reader = child.stdout.getReader();
  const line = async () => Number(Buffer.from((await reader.read()).value ?? []).toString());
  return {
    port: await line(),
    cpuSeconds() {
      child.stdin.write("cpu\n");
      child.stdin.flush();
      return line();
    },
    stop: () => child.kill(),
  };
}

/** Keeps `connections` requests under way until `count` are answered. */
async function drive(url: string, count: number, init: RequestInit): Promise<void> {
  let left = count;
  const one = async () => {
    while (left-- > 0) {
      const response = await fetch(url, init);
      if (response.status !== 200) throw new Error(`${url} answered ${response.status}`);
      await response.arrayBuffer();
    }
  };
  await Promise.all(Array.from({ length: connections }, one));
}

/** The public read is the one that goes through Elysia: its ratio beside that of `get_256b` is what Elysia costs a request. */
const workloads = [
  { name: "get_256b", path: "/challenges/demo/x", count: 10_000, init: {} },
  { name: "public_read_256b", path: "/v1/registry", count: 10_000, init: {} },
  { name: "post_1kb", path: "/challenges/demo/x", count: 4_000, init: { method: "POST", body: Buffer.alloc(1_024) } },
  { name: "post_1mb", path: "/challenges/demo/x", count: 200, init: { method: "POST", body: Buffer.alloc(1 << 20) } },
];

function report(name: string, unit: string, ours: number, peer: number): void {
  const ratio = Number((ours / peer).toFixed(2));
  process.stdout.write(`${JSON.stringify({ name, unit, ours: Math.round(ours), peer: Math.round(peer), ratio })}\n`);
}

const publicSocket = join(mkdtempSync(join(tmpdir(), "platform-bench-")), "public.sock");
const challenge = await start("challenge", publicSocket);
const parts = {
  proxy: await start("proxy", String(challenge.port), publicSocket),
  passthrough: await start("passthrough", String(challenge.port)),
};
try {
  for (const { name, path, count, init } of workloads) {
    const best = {
      proxy: { us: Number.POSITIVE_INFINITY, rate: 0 },
      passthrough: { us: Number.POSITIVE_INFINITY, rate: 0 },
    };
    for (let round = 0; round <= rounds; round += 1) {
      for (const part of ["proxy", "passthrough"] as const) {
        const { port, cpuSeconds } = parts[part];
        const before = await cpuSeconds();
        const begin = performance.now();
        await drive(`http://127.0.0.1:${port}${path}`, count, init);
        const rate = count / ((performance.now() - begin) / 1_000);
        const us = ((await cpuSeconds()) - before) * (1e6 / count);
        // The first round warms up.
        if (round === 0) continue;
        best[part] = { us: Math.min(us, best[part].us), rate: Math.max(rate, best[part].rate) };
      }
    }
    report(`${name}_cpu`, "us", best.proxy.us, best.passthrough.us);
    report(`${name}_rate`, "per_second", best.proxy.rate, best.passthrough.rate);
  }
} finally {
  for (const part of [...Object.values(parts), challenge]) part.stop();
}
