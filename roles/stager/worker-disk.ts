import { statfs } from "node:fs/promises";

/** The floor of free space on a worker's disk. Below it no inputs are brought there, and bad ends are not the job's fault. */
export interface DiskFloor {
  readonly free_bytes_min: number;
  readonly free_inodes_min: number;
}

/** Whether the disk of `path` has less free than the floor, for a process without privileges. */
export async function isBelowFloor(path: string, { free_bytes_min, free_inodes_min }: DiskFloor): Promise<boolean> {
  const { bavail, bsize, files, ffree } = await statfs(path);
  // A file system that creates inodes on demand (btrfs) reports none.
  return bavail * bsize < free_bytes_min || (files > 0 && ffree < free_inodes_min);
}
