import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "../support/free-port.ts";
import { waitFor } from "../support/wait-for.ts";
import { roleCommand } from "./role-command.ts";

/** A devchain as a child process, with its fault control. */
export interface DevchainProcess {
  readonly endpoint: string;
  readonly port: number;
  readonly directory: string;
  /** `dev_*` over the owner's socket, the rest over the port. */
  rpc<T>(method: string, ...params: readonly unknown[]): Promise<T>;
  control(path: string, body: unknown): Promise<unknown>;
  /** SIGKILL, and waits for the end. */
  kill(): Promise<void>;
  /** Starts the same chain again on the same port. */
  restart(): Promise<void>;
  /** Ends it and removes its files. */
  dispose(): Promise<void>;
}

/** Starts `roles/devchain` on free ports; `genesis` is its genesis file's content. */
export async function startDevchain(
  options: {
    readonly genesis?: unknown;
    readonly block_ms?: number;
    readonly env?: Readonly<Record<string, string>>;
  } = {},
): Promise<DevchainProcess> {
  const directory = await mkdtemp(join(tmpdir(), "devchain-"));
  const [port, control_port] = [await freePort(), await freePort()];
  const genesis_file = join(directory, "genesis.json");
  if (options.genesis !== undefined) await writeFile(genesis_file, JSON.stringify(options.genesis));
  const env = {
    PATH: process.env["PATH"] ?? "",
    PLATFORM_RUN_DIRECTORY: join(directory, "run"),
    PLATFORM_LISTEN_PORT: String(port),
    PLATFORM_CONTROL_PORT: String(control_port),
    PLATFORM_BLOCK_MS: String(options.block_ms ?? 100),
    PLATFORM_DATA_DIRECTORY: join(directory, "data"),
    PLATFORM_LOG_LEVEL: "warn",
    ...(options.genesis === undefined ? {} : { PLATFORM_GENESIS_FILE: genesis_file }),
    ...options.env,
  };
  const spawn = () => Bun.spawn(roleCommand("devchain"), { env, stdout: "ignore", stderr: "inherit" });
  let child = spawn();

  const rpc = async <T>(method: string, ...params: readonly unknown[]): Promise<T> => {
    const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method, params });
    const call = { method: "POST", body, keepalive: false };
    const response = method.startsWith("dev_")
      ? await fetch("http://devchain", { ...call, unix: join(directory, "run/devchain/dev.sock") })
      : await fetch(`http://127.0.0.1:${port}`, call);
    const answer = (await response.json()) as { result: T; error?: unknown };
    if (answer.error !== undefined) throw new Error(JSON.stringify(answer.error));
    return answer.result;
  };
  const ready = () =>
    waitFor(() => rpc<string>("system_chain"), {
      deadline_ms: 20_000,
      every_ms: 50,
      what: "the devchain's first answer",
    });
  const kill = async (): Promise<void> => {
    child.kill("SIGKILL");
    await child.exited;
  };
  try {
    await ready();
  } catch (error) {
    await kill();
    throw error;
  }
  return {
    endpoint: `ws://127.0.0.1:${port}`,
    port,
    directory,
    rpc,
    async control(path, body) {
      const headers = { "content-type": "application/json" };
      const response = await fetch(`http://127.0.0.1:${control_port}${path}`, {
        method: "POST",
        headers,
        body: JSON.stringify(body),
      });
      if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
      return await response.json();
    },
    kill,
    async restart() {
      child = spawn();
      await ready();
    },
    async dispose() {
      await kill();
      await rm(directory, { recursive: true });
    },
  };
}
