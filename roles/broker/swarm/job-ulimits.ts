import type { JobRequest } from "#shared/schemas/job.ts";
import { limits } from "#shared/schemas/limits.ts";
import { parseBytes, parseTmpfs, parseUlimit, type Ulimit } from "../job/quantities.ts";

/** A job's resource limits as requested. A request can only lower the largest file size. */
export function jobUlimits({ limits: asked }: JobRequest): Ulimit[] {
  const ulimits = asked.ulimits.flatMap((text) => parseUlimit(text) ?? []);
  const ours = fileBytesMax(asked);
  const own = ulimits.filter(({ Name }) => Name === "fsize");
  // -1 means no limit.
  const lowest = (values: readonly number[]) => Math.min(ours, ...values.filter((value) => value >= 0));
  const Hard = lowest(own.map((limit) => limit.Hard));
  const Soft = Math.min(Hard, lowest(own.map((limit) => limit.Soft)));
  return [...ulimits.filter(({ Name }) => Name !== "fsize"), { Name: "fsize", Soft, Hard }];
}

/** The largest useful file: outputs are bounded, and a tmpfs is bounded by the job's memory. */
function fileBytesMax({ tmpfs, memory }: JobRequest["limits"]): number {
  const largest = Math.max(0, ...tmpfs.map((text) => parseTmpfs(text)?.size_bytes ?? 0));
  return Math.max(limits.jobs.output_bytes_max, Math.min(largest, parseBytes(memory) ?? 0));
}
