import { readdirSync, readlinkSync } from "node:fs";

/** What the process has open: paths, and sockets and the like by the names that the kernel gives them. */
export function openFiles(pid: number): string[] {
  return readdirSync(`/proc/${pid}/fd`).flatMap((name) => {
    try {
      return [readlinkSync(`/proc/${pid}/fd/${name}`)];
    } catch (error) {
      // The listing's own, which is closed by now.
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
      throw error;
    }
  });
}
