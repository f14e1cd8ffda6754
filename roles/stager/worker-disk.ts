import { statfs } from "node:fs/promises";

/** How much must be free on a worker's disk for a job there to be judged by what it did, and for another to be brought there. */
export interface DiskFloor {
  readonly free_bytes_min: number;
  readonly free_inodes_min: number;
}

/** Whether less than the floor is free on the disk that `path` lies on, for a process without rights. */
export async function isBelowFloor(path: string, { free_bytes_min, free_inodes_min }: DiskFloor): Promise<boolean> {
  const { bavail, bsize, files, ffree } = await statfs(path);
  // A file system that makes its inodes as it needs them (btrfs) says that it has none.
  return bavail * bsize < free_bytes_min || (files > 0 && ffree < free_inodes_min);
}
