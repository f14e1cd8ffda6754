import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { tarOf } from "../builders/archives/tar-builder.ts";
import { waitFor } from "../wait-for.ts";
import type { BrokerWorld } from "../worlds/broker-world.ts";

/** A gzip tar of one file, in base64. */
export const archive = (name: string, text: string, mtime = 1) =>
  gzipSync(tarOf([{ name, content: Buffer.from(text), mtime }])).toString("base64");
/** A run request as the first generation's client makes it. */
export const runRequest = (changes: Record<string, unknown> = {}) => ({
  job_id: "job",
  image: "acme/runner:1",
  command: ["run"],
  env: {},
  labels: { "platform.job": "job" },
  timeout_seconds: "900",
  mounts: [],
  limits: { cpus: "2.0", memory: "1g", pids_limit: 512 },
  ...changes,
});

/** A run call's answer, or its refusal; `raised` is what Python raised where it got neither. */
export interface Answer {
  readonly status: number;
  readonly body: {
    container_name?: string;
    stdout: string;
    stderr: string;
    returncode: number;
    timed_out: boolean;
    detail?: string;
    code?: string;
    raised?: string;
  };
}

/** What is asked with Python: a path, a body, seconds that each socket operation may take. */
export type Asked = [path: string, body: unknown, timeout_seconds?: number, ...options: "--bare"[]];

/** The unmodified client's way of asking: Python's urllib, or below it http.client. */
export async function askWithPython(
  world: Pick<BrokerWorld, "url" | "headers">,
  ...[path, body, timeout_seconds = 30, ...options]: Asked
): Promise<Answer> {
  const { authorization = "" } = world.headers();
  const child = Bun.spawn(
    [
      "python3",
      join(import.meta.dir, "../programs/docker-client.py"),
      `${world.url}${path}`,
      "demo",
      authorization.slice("Bearer ".length),
      String(timeout_seconds),
      ...options,
    ],
    { stdin: Buffer.from(JSON.stringify(body)), stdout: "pipe", stderr: "pipe" },
  );
  const [text, error] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
  if ((await child.exited) !== 0) throw new Error(error);
  return JSON.parse(text) as Answer;
}

/** A live job that is none of `known`. */
export async function newJobOf(world: Pick<BrokerWorld, "liveJobs">, ...known: string[]): Promise<string> {
  const find = async () => (await world.liveJobs()).find((id) => !known.includes(id));
  return (await waitFor(find, { deadline_ms: 20_000, what: "an accepted job" })) ?? "";
}
