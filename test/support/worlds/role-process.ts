import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { MemoryCgroup } from "../memory-cgroup.ts";
import { projectRoot } from "../runner/suite-list.ts";
import { waitFor } from "../wait-for.ts";

/** A compiled role that runs with its own run folder. It ends with the test. */
export interface RoleProcess extends AsyncDisposable {
  readonly directory: string;
  readonly pid: number;
  /** Everything it wrote so far. */
  output(): string;
  /** Sends SIGTERM. @returns the exit code */
  stop(): Promise<number>;
}

/** Starts `dist/platform-<role>` with `settings` as its whole environment. Resolves when it is ready, or only live. */
export async function startRole(
  role: string,
  settings: Readonly<Record<string, string>>,
  until: "ready" | "live" = "ready",
  memory?: MemoryCgroup,
): Promise<RoleProcess> {
  const directory = mkdtempSync(join(tmpdir(), `platform-${role}-`));
  const command = [join(projectRoot, "dist", `platform-${role}`)];
  const child = Bun.spawn(memory ? memory.command(command) : command, {
    env: { NODE_ENV: "production", PLATFORM_RUN_DIRECTORY: directory, ...settings },
    stdout: "pipe",
    stderr: "pipe",
  });
  let written = "";
  const collect = async (stream: ReadableStream<Uint8Array<ArrayBuffer>>) => {
    for await (const chunk of stream.pipeThrough(new TextDecoderStream())) written += chunk;
  };
  const collected = Promise.all([collect(child.stdout), collect(child.stderr)]);
  const stop = async () => {
    child.kill("SIGTERM");
    const code = await child.exited;
    await collected;
    rmSync(directory, { recursive: true, force: true });
    return code;
  };
  try {
    await waitFor(
      async () => {
        if (child.exitCode !== null) return true;
        return (
          await fetch(`http://ops/${until === "ready" ? "readyz" : "livez"}`, {
            unix: join(directory, role, "ops.sock"),
          })
        ).ok;
      },
      { deadline_ms: 30_000, what: `readiness of ${role}` },
    );
    if (child.exitCode !== null) throw new Error(`${role} ended with ${child.exitCode}`);
  } catch (cause) {
    await stop();
    throw new Error(`${role} did not become ready:\n${written}`, { cause });
  }
  return {
    directory,
    pid: child.pid,
    output: () => written,
    stop,
    [Symbol.asyncDispose]: async () => void (await stop()),
  };
}
