/**
 * The load of the broker's bench, in a process of its own: `URL HEADERS COUNT AT_ONCE`. It makes COUNT different jobs with an
 * inline archive each, and posts them, AT_ONCE at a time. Prints the seconds and its own CPU seconds as JSON.
 */
import { randomBytes } from "node:crypto";
import { gzipSync } from "node:zlib";
import { tarOf } from "../builders/archives/tar-builder.ts";

const files = 4;
const file_bytes = 50_000;
const warm_up_jobs = 16;
const [url = "", headersText = "{}", count = "0", atOnce = "1"] = process.argv.slice(2);
const headers = JSON.parse(headersText) as Record<string, string>;

function body(): Buffer<ArrayBuffer> {
  const entries = Array.from({ length: files }, (_, index) => ({
    name: `file-${index}`,
    content: randomBytes(file_bytes),
  }));
  const archive_b64 = gzipSync(tarOf(entries), { level: 1 }).toString("base64");
  const mounts = [{ target: "/in", archive_b64 }];
  const limits = { cpus: 0.1, memory: "32m" };
  return Buffer.from(JSON.stringify({ image: "lab/busybox:1", command: ["true"], limits, mounts }));
}

async function post(bodies: Buffer<ArrayBuffer>[]): Promise<void> {
  const lane = async () => {
    for (let next = bodies.pop(); next; next = bodies.pop()) {
      const response = await fetch(url, { method: "POST", headers, body: next });
      const answer = await response.text();
      if (response.status !== 202) throw new Error(`${url} answered ${response.status}: ${answer.slice(0, 500)}`);
    }
  };
  await Promise.all(Array.from({ length: Number(atOnce) }, lane));
}

const bodies = Array.from({ length: Number(count) }, body);
await post(Array.from({ length: warm_up_jobs }, body));
const [cpu, begin] = [process.cpuUsage(), performance.now()];
await post(bodies);
const seconds = (performance.now() - begin) / 1_000;
const { user, system } = process.cpuUsage(cpu);
process.stdout.write(`${JSON.stringify({ seconds, cpu_seconds: (user + system) / 1e6 })}\n`);
process.exit(0);
