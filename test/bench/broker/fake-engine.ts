import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { firstLine, program } from "./program.ts";

export interface FakeEngine extends AsyncDisposable {
  readonly socket: string;
}

/** An Engine API in a process of its own, whose nodes take every job and keep it running. */
export async function startFakeEngine({ node_count }: { readonly node_count: number }): Promise<FakeEngine> {
  const folder = mkdtempSync(join(tmpdir(), "platform-broker-engine-"));
  const socket = join(folder, "docker.sock");
  const child = Bun.spawn(program("broker-bench-engine", socket, String(node_count)), {
    stdout: "pipe",
    stderr: "inherit",
  });
  await firstLine(child.stdout);
  return {
    socket,
    async [Symbol.asyncDispose]() {
      child.kill();
      await child.exited;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
