import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { tarOf } from "../builders/archives/tar-builder.ts";
import type { FakeJobBroker } from "../fakes/fake-job-broker.ts";
import { waitFor } from "../wait-for.ts";

/** An executable to test instead of the source, because minified code may behave differently. */
const executable = process.env["PLATFORM_TEST_CHALLENGE"];
const demonstration = executable
  ? [executable]
  : [process.execPath, join(import.meta.dir, "../../../roles/challenge/main.ts")];
const samples = join(import.meta.dir, "../../../roles/challenge/samples");
export const sharedToken = "challenge-token";
export const minerHotkey = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY";

export interface PublicSubmission {
  readonly id: string;
  readonly hotkey: string;
  readonly sha256: string;
  readonly status: string;
  readonly score: number | null;
  readonly details: Record<string, unknown> | null;
  readonly failure: { readonly fault: string; readonly code: string; readonly detail: string } | null;
  readonly attempts: number;
  readonly job: { readonly id: string; readonly state: string; readonly node_class: string | null } | null;
}

/** A challenge, by default the demonstration, as a process. Its data folder outlives its crashes. */
export class ChallengeProcess {
  readonly directory = mkdtempSync(join(tmpdir(), "platform-challenge-"));
  readonly #program: readonly string[];
  readonly #env: Record<string, string>;
  #child: Bun.Subprocess<"ignore", "ignore", "pipe"> | undefined;
  #url = "";

  /** `env` adds to the environment; null takes a variable away. */
  constructor(
    broker: FakeJobBroker | null,
    env: Record<string, string | null> = {},
    program: readonly string[] = demonstration,
  ) {
    this.#program = program;
    const all: Record<string, string | null> = {
      PATH: process.env["PATH"] ?? "",
      PLATFORM_CHALLENGE_SLUG: "demo",
      PLATFORM_RUN_DIRECTORY: this.directory,
      PLATFORM_SHUTDOWN_MS: "5000",
      CHALLENGE_DATABASE_URL: `sqlite+aiosqlite:///${this.directory}/data/challenge.sqlite3`,
      CHALLENGE_SHARED_TOKEN: sharedToken,
      CHALLENGE_LISTEN_HOST: "127.0.0.1",
      CHALLENGE_LISTEN_PORT: "0",
      DEMO_JOB_IMAGE: "platform/demo-job:test",
      ...(broker && { CHALLENGE_DOCKER_BROKER_URL: broker.url, CHALLENGE_DOCKER_BROKER_TOKEN: broker.token }),
      ...env,
    };
    this.#env = Object.fromEntries(Object.entries(all).flatMap(([k, v]) => (v === null ? [] : [[k, v]])));
  }

  async start(): Promise<void> {
    const child = Bun.spawn([...this.#program], {
      cwd: this.directory,
      env: this.#env,
      stdin: "ignore",
      stdout: "ignore",
      stderr: "pipe",
    });
    this.#child = child;
    this.#url = await urlFrom(child.stderr);
  }

  get url(): string {
    return this.#url;
  }

  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  /** Ends the process and all its children, like a crash of the machine. */
  async kill(): Promise<void> {
    this.#child?.kill("SIGKILL");
    await this.#child?.exited;
  }

  /** Sends SIGTERM. @returns the exit code */
  async stop(): Promise<number> {
    this.#child?.kill("SIGTERM");
    return (await this.#child?.exited) ?? 0;
  }

  async get<T = unknown>(path: string, headers: Record<string, string> = {}): Promise<{ status: number; body: T }> {
    const response = await fetch(this.#url + path, { headers });
    return { status: response.status, body: (await response.json()) as T };
  }

  ops(path: string): Promise<Response> {
    return fetch(`http://challenge${path}`, { unix: join(this.directory, "challenge/ops.sock") });
  }

  /** Delivers an upload as the proxy does. `headers` replace the correct ones. */
  post(body: Uint8Array, headers: Record<string, string> = {}): Promise<Response> {
    return fetch(`${this.#url}/internal/v1/bridge/submissions`, {
      method: "POST",
      body: body as BodyInit,
      headers: { ...bridgeHeaders(body), ...headers },
    });
  }

  async submit(body: Uint8Array, headers: Record<string, string> = {}): Promise<PublicSubmission> {
    const response = await this.post(body, headers);
    if (!response.ok) throw new Error(`${response.status} ${await response.text()}`);
    return (await response.json()) as PublicSubmission;
  }

  async submission(id: string): Promise<PublicSubmission> {
    return (await this.get<PublicSubmission>(`/v1/submissions/${id}`)).body;
  }

  /** The submission once it is scored or failed. */
  ended(id: string): Promise<PublicSubmission> {
    const look = async () => {
      const seen = await this.submission(id);
      return ["scored", "failed"].includes(seen.status) ? seen : null;
    };
    return waitFor(look, { deadline_ms: 20_000, what: `the end of ${id}` });
  }

  async weights(): Promise<Record<string, number>> {
    const headers = { authorization: `Bearer ${sharedToken}`, "x-platform-challenge-slug": "demo" };
    return (await this.get<{ weights: Record<string, number> }>("/internal/v1/get_weights", headers)).body.weights;
  }
}

export function bridgeHeaders(body: Uint8Array): Record<string, string> {
  return {
    authorization: `Bearer ${sharedToken}`,
    "x-platform-challenge-slug": "demo",
    "x-platform-verified-hotkey": minerHotkey,
    "x-platform-verified-nonce": crypto.randomUUID(),
    "x-platform-request-hash": createHash("sha256").update(body).digest("hex"),
    "content-type": "application/gzip",
  };
}

/** A sample of the demonstration as a miner packs it. */
export function sampleArchive(name: "exact" | "even-only" | "multiples-of-four" | "constant"): Uint8Array {
  return programArchive(readFileSync(join(samples, name, "predict.awk"), "utf8"));
}

export const programArchive = (program: string, name = "predict.awk"): Uint8Array =>
  gzipSync(tarOf([{ name, content: Buffer.from(program) }]));

/** The address in the log line that tells it. The rest of the log is read, so that the pipe never fills. */
async function urlFrom(log: ReadableStream<Uint8Array>): Promise<string> {
  const [first, rest] = log.tee();
  void rest.pipeTo(new WritableStream());
  let text = "";
  for await (const chunk of first.pipeThrough(new TextDecoderStream() as never) as unknown as AsyncIterable<string>) {
    text += chunk;
    const url = /"url":"(http:[^"]+)"/.exec(text)?.[1];
    if (url) return url;
  }
  throw new Error(`the challenge did not start: ${text}`);
}
