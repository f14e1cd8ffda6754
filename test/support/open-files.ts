import { readdirSync, readlinkSync } from "node:fs";

/** The open files of the process: paths, and the kernel's names of sockets and the like. */
export function openFiles(pid: number): string[] {
  return readdirSync(`/proc/${pid}/fd`).flatMap((name) => {
    try {
      return [readlinkSync(`/proc/${pid}/fd/${name}`)];
    } catch (error) {
      // The descriptor of this listing itself, which is closed by now.
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
      throw error;
    }
  });
}
