/** The job that an author asks for. */
export interface JobPlan {
  readonly image: string;
  readonly command: readonly [string, ...string[]];
  readonly env?: Readonly<Record<string, string>>;
  readonly workdir?: string;
  /** Counts while the job runs, not while it waits. */
  readonly timeout_seconds: number;
  /** Archives (tar, gzipped or plain). The job finds each one extracted and read-only at `target`. */
  readonly inputs: readonly { readonly target: string; readonly archive: Uint8Array }[];
  /** Folders that are empty at first. Their content is collected after the job. */
  readonly outputs: readonly string[];
  /** Limits of the broker's job request. A limit that is not given has the broker's default, which is the strictest. */
  readonly limits?: {
    readonly cpus?: number;
    readonly memory?: string;
    readonly pids_limit?: number;
    readonly gpu_count?: number;
    readonly user?: string;
    readonly tmpfs?: readonly string[];
    readonly network?: string;
  };
}

/** The body of `POST /v1/jobs`. It is stored as it is, so that a request after a crash asks for the same job. */
export interface JobSpec extends Omit<JobPlan, "inputs" | "outputs"> {
  readonly job_id: string;
  readonly task_id: string;
  readonly mounts: readonly { readonly target: string; readonly read_only: boolean; readonly blob?: string }[];
}

/** `plan` in the broker's form. `blobs` are the digests of its inputs, in the same order. */
export function jobSpecOf(plan: JobPlan, submission_id: string, blobs: readonly string[]): JobSpec {
  const { inputs, outputs, ...rest } = plan;
  const mounts = [
    ...inputs.map(({ target }, i) => ({ target, read_only: true, blob: digestAt(blobs, i) })),
    ...outputs.map((target) => ({ target, read_only: false })),
  ];
  return { job_id: submission_id, task_id: "evaluate", ...rest, mounts };
}

function digestAt(blobs: readonly string[], i: number): string {
  const digest = blobs[i];
  if (digest === undefined) throw new Error(`input ${i} was not uploaded`);
  return digest;
}
