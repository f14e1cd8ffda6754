const units: Readonly<Record<string, number>> = { "": 1, b: 1, k: 2 ** 10, m: 2 ** 20, g: 2 ** 30, t: 2 ** 40 };

/** Bytes of a size as Docker writes it ("512m", "4g", "1.5GiB", "1024"), or null when it is not one. */
export function parseBytes(text: string): number | null {
  const match = /^(\d{1,15}(?:\.\d{1,6})?)\s*([bkmgt]?)(?:i?b)?$/i.exec(text.trim());
  if (!match) return null;
  const bytes = Math.floor(Number(match[1]) * (units[(match[2] ?? "").toLowerCase()] ?? Number.NaN));
  return Number.isSafeInteger(bytes) && bytes > 0 ? bytes : null;
}

export interface Tmpfs {
  readonly target: string;
  readonly size_bytes: number;
  /** Permission bits. */
  readonly mode: number;
  readonly isExec: boolean;
}

const tmpfs_bytes_default = 512 * 2 ** 20;

/** The parts of "/tmp:rw,noexec,nosuid,size=512m"; null when an option is unknown. */
export function parseTmpfs(text: string): Tmpfs | null {
  const [target = "", options = ""] = text.split(":", 2);
  const words = options === "" ? [] : options.split(",");
  const size = words.find((word) => word.startsWith("size="))?.slice("size=".length);
  const size_bytes = size === undefined ? tmpfs_bytes_default : parseBytes(size);
  if (size_bytes === null) return null;
  const known = /^(rw|exec|noexec|nosuid|nodev|size=.+|mode=[0-7]{3,4})$/;
  if (!words.every((word) => known.test(word))) return null;
  const mode = words.find((word) => word.startsWith("mode="))?.slice("mode=".length) ?? "1777";
  const isExec = words.findLast((word) => word === "exec" || word === "noexec") === "exec";
  return { target, size_bytes, mode: Number.parseInt(mode, 8), isExec };
}

export interface Ulimit {
  readonly Name: string;
  readonly Soft: number;
  readonly Hard: number;
}

/** The parts of "nofile=1024:2048" or "nofile=1024"; null when it is neither. */
export function parseUlimit(text: string): Ulimit | null {
  const match = /^([a-z]{2,16})=(-1|\d{1,12})(?::(-1|\d{1,12}))?$/.exec(text);
  if (!match) return null;
  return { Name: match[1] ?? "", Soft: Number(match[2]), Hard: Number(match[3] ?? match[2]) };
}
