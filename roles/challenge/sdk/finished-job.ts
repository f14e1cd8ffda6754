import { ArchiveError, type ArchiveLimits, archiveEvents } from "#shared/archive/canonical-archive.ts";
import { limits } from "#shared/schemas/limits.ts";
import type { Broker } from "./broker/broker-client.ts";
import type { Job } from "./broker/job.ts";
import type { JobSpec } from "./job-plan.ts";
import { SubmissionFault } from "./submission-fault.ts";

/** A job that ended well, and what it left. */
export interface FinishedJob {
  readonly submission_id: string;
  readonly hotkey: string;
  readonly job: Job;
  /**
   * The files `names` of an output folder, in that order; null for a missing file. The archive counts as hostile and is validated.
   *
   * @throws SubmissionFault when the archive is refused or a wanted file has more than `bytes_max`
   */
  outputFiles(target: string, names: readonly string[], bytes_max: number): Promise<readonly (Buffer | null)[]>;
}

const archiveLimits: ArchiveLimits = limits.archive;

/** Reads outputs of `job` from the broker until `signal` is aborted. */
export function finishedJob(
  submission: { readonly id: string; readonly hotkey: string },
  { job, spec }: { readonly job: Job; readonly spec: JobSpec },
  broker: Broker,
  signal: AbortSignal,
): FinishedJob {
  return {
    submission_id: submission.id,
    hotkey: submission.hotkey,
    job,
    async outputFiles(target, names, bytes_max) {
      const mount = spec.mounts.findIndex((one) => one.target === target && !one.read_only);
      if (mount === -1) throw new Error(`the job has no output ${target}`);
      try {
        return await broker.artifact(job.id, mount, (tar) => readFiles(tar, names, bytes_max), signal);
      } catch (error) {
        throw blamed(error);
      }
    },
  };
}

async function readFiles(
  source: AsyncIterable<Uint8Array>,
  names: readonly string[],
  bytes_max: number,
): Promise<readonly (Buffer | null)[]> {
  const found = new Map<string, Uint8Array[]>();
  let chunks: Uint8Array[] | undefined;
  for await (const event of archiveEvents(source, archiveLimits)) {
    if (event.kind === "data") {
      // A copy: the data is a view into the parser's input.
      chunks?.push(event.data.slice());
      continue;
    }
    const { kind, name, size_bytes } = event.entry;
    chunks = undefined;
    if (kind !== "file" || !names.includes(name)) continue;
    if (size_bytes > bytes_max)
      throw new SubmissionFault("output_too_large", `${name} has more than ${bytes_max} bytes`);
    chunks = [];
    found.set(name, chunks);
  }
  return names.map((name) => {
    const parts = found.get(name);
    return parts === undefined ? null : Buffer.concat(parts);
  });
}

function blamed(error: unknown): unknown {
  return error instanceof ArchiveError ? new SubmissionFault("output_refused", error.message) : error;
}
