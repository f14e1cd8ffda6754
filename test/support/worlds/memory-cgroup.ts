import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const root = "/sys/fs/cgroup";
/** Cgroup version 1 has a tree for each controller, version 2 one for all. */
const isVersion1 = existsSync(join(root, "memory/memory.limit_in_bytes"));

/** A group of processes under one memory limit, like a container. Needs root. */
export interface MemoryCgroup extends Disposable {
  /** A process joins by writing its id here. */
  readonly procsFile: string;
  /** The peak use, with caches and socket buffers as the kernel counts them. */
  peakBytes(): number;
  /** The memory that its processes use now, without caches. */
  allocatedBytes(): number;
}

export function createMemoryCgroup(name: string, limit_bytes: number): MemoryCgroup {
  const folder = join(root, isVersion1 ? "memory" : "", name);
  if (!isVersion1) writeFileSync(join(root, "cgroup.subtree_control"), "+memory");
  mkdirSync(folder);
  const limitFile = isVersion1 ? "memory.limit_in_bytes" : "memory.max";
  const swapFile = isVersion1 ? "memory.memsw.limit_in_bytes" : "memory.swap.max";
  writeFileSync(join(folder, limitFile), String(limit_bytes));
  if (existsSync(join(folder, swapFile))) writeFileSync(join(folder, swapFile), isVersion1 ? String(limit_bytes) : "0");
  const numberIn = (file: string) => Number(readFileSync(join(folder, file), "utf8"));
  return {
    procsFile: join(folder, "cgroup.procs"),
    peakBytes: () => numberIn(isVersion1 ? "memory.max_usage_in_bytes" : "memory.peak"),
    allocatedBytes() {
      const stat = readFileSync(join(folder, "memory.stat"), "utf8");
      return Number(new RegExp(`^${isVersion1 ? "rss" : "anon"} (\\d+)$`, "m").exec(stat)?.[1]);
    },
    [Symbol.dispose]: () => rmdirSync(folder),
  };
}
