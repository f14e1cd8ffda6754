import { readFileSync } from "node:fs";

/** A process's identity, which differs from that of a later process with the same number. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Clock ticks between boot and the process's start: proc(5), /proc/pid/stat field 22. */
  readonly start_ticks: string;
  readonly boot_id: string;
}

/** The identity of a live process, or undefined when there is none (a zombie counts as none). */
export function identify(pid: number): ProcessIdentity | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    // The command's name may hold spaces and parentheses: count the fields after the last one.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    const [state, start_ticks] = [fields[0], fields[19]];
    if (start_ticks === undefined || state === "Z" || state === "X") return undefined;
    return { pid, start_ticks, boot_id: readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim() };
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code;
    if (code === "ENOENT" || code === "ESRCH") return undefined;
    throw cause;
  }
}

export function isAlive(identity: ProcessIdentity): boolean {
  const now = identify(identity.pid);
  return now?.start_ticks === identity.start_ticks && now.boot_id === identity.boot_id;
}
