import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { waitFor } from "./wait-for.ts";

const root = "/sys/fs/cgroup/memory";

/** Whether this machine has version 1 of memory cgroups, and lets us create some. */
export const hasMemoryCgroups = existsSync(join(root, "memory.limit_in_bytes")) && process.getuid?.() === 0;

/** A memory limit like a container's. Beyond it the kernel kills. */
export class MemoryCgroup implements AsyncDisposable {
  readonly #directory: string;

  constructor(name: string, bytes_max: number) {
    this.#directory = join(root, `${name}-${process.pid}`);
    mkdirSync(this.#directory);
    this.#write("memory.limit_in_bytes", bytes_max);
  }

  /** The command line that runs `command` in this group from its start. */
  command(command: readonly string[]): string[] {
    return ["sh", "-c", `echo $$ > ${join(this.#directory, "cgroup.procs")} && exec "$@"`, "sh", ...command];
  }

  /** The group's anonymous memory now. The file cache does not count, because the kernel frees it before it kills. */
  get anonymous_bytes(): number {
    const stat = readFileSync(join(this.#directory, "memory.stat"), "utf8");
    return Number(/^total_rss (\d+)$/m.exec(stat)?.[1]);
  }

  #write(file: string, value: number): void {
    writeFileSync(join(this.#directory, file), String(value));
  }

  /** Removes the group, once its processes have ended. */
  async [Symbol.asyncDispose](): Promise<void> {
    const isEmpty = () => readFileSync(join(this.#directory, "cgroup.procs"), "utf8") === "";
    await waitFor(isEmpty, { what: "the end of the processes in the cgroup" });
    rmdirSync(this.#directory);
  }
}
