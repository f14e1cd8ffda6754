import { type Static, Type } from "@sinclair/typebox";
import { Sha256 } from "./names.ts";

const strict = { additionalProperties: false } as const;

const live = ["queued", "staging", "starting", "running", "collecting"] as const;
const final = ["succeeded", "failed", "timed_out", "cancelled", "rejected", "lost"] as const;

export const JobState = Type.Union(
  [...live, ...final].map((state) => Type.Literal(state)),
  { description: "how far the job has come (jobs §2); the last six states are final" },
);

export type LiveState = (typeof live)[number];
export type FinalState = (typeof final)[number];
export type JobStateName = LiveState | FinalState;

const finalStates: ReadonlySet<string> = new Set(final);

/** Whether the job's state is final. */
export function hasEnded({ state }: { readonly state: string }): boolean {
  return finalStates.has(state);
}

/** Who caused a job's end. A challenge retries a job that did not end through the miner's fault. */
export const Fault = Type.Union([Type.Literal("submission"), Type.Literal("challenge"), Type.Literal("platform")]);
export type Fault = Static<typeof Fault>;

export const JobReason = Type.Object(
  {
    code: Type.Integer({
      description: "1xxx: caused by the submission; 2xxx: by the challenge; 3xxx: by the platform",
    }),
    name: Type.String(),
    detail: Type.String(),
  },
  { ...strict, description: "why the job ended" },
);
export type JobReason = Static<typeof JobReason>;

export const MountRequest = Type.Object(
  {
    target: Type.String({ minLength: 1, maxLength: 255 }),
    read_only: Type.Boolean({ default: true }),
    source_type: Type.Union([Type.Literal("directory"), Type.Literal("file")], { default: "directory" }),
    source_name: Type.String({ default: ".", maxLength: 255 }),
    blob: Type.Optional(Sha256),
    archive_b64: Type.Optional(Type.String({ minLength: 1, description: "a plain or gzipped tar in base64" })),
  },
  strict,
);
export type MountRequest = Static<typeof MountRequest>;

const Texts = (description: string, fallback: string[]) =>
  Type.Array(Type.String({ minLength: 1, maxLength: 1_024 }), { maxItems: 64, default: fallback, description });

export const JobLimits = Type.Object(
  {
    cpus: Type.Number({ exclusiveMinimum: 0, maximum: 1_024, default: 2 }),
    memory: Type.String({ default: "4g", minLength: 1, maxLength: 32, description: "for example 512m or 4g" }),
    memory_swap: Type.Union([Type.String({ minLength: 1, maxLength: 32 }), Type.Null()], { default: null }),
    pids_limit: Type.Integer({ minimum: 1, maximum: 1_000_000, default: 512 }),
    gpu_count: Type.Union([Type.Integer({ minimum: 1, maximum: 64 }), Type.Null()], { default: null }),
    network: Type.String({ default: "none", maxLength: 64 }),
    read_only: Type.Boolean({ default: true }),
    init: Type.Boolean({ default: true }),
    user: Type.Union([Type.String({ maxLength: 64 }), Type.Null()], { default: null }),
    tmpfs: Texts("absolute paths with options", ["/tmp:rw,noexec,nosuid,size=512m"]),
    ulimits: Texts("name=soft:hard", ["nofile=1024:1024"]),
    cap_drop: Texts("must contain ALL", ["ALL"]),
    security_opt: Texts("must contain no-new-privileges", ["no-new-privileges"]),
    privileged: Type.Boolean({ default: false }),
  },
  strict,
);

/** A job that a challenge asks for (jobs §1). Its bounds come from contract §4. */
export const JobRequest = Type.Object(
  {
    job_id: Type.String({
      minLength: 1,
      maxLength: 128,
      default: "job",
      description: "a name that groups jobs; it need not be unique",
    }),
    task_id: Type.Union([Type.String({ maxLength: 256 }), Type.Null()], { default: null }),
    image: Type.String({ minLength: 1, maxLength: 255 }),
    image_pull_policy: Type.Union(
      [Type.Literal("Always"), Type.Literal("IfNotPresent"), Type.Literal("Never"), Type.Null()],
      { default: null },
    ),
    command: Type.Array(Type.String({ maxLength: 131_072 }), { minItems: 1, maxItems: 1_024 }),
    workdir: Type.Union([Type.String({ maxLength: 1_024 }), Type.Null()], { default: null }),
    env: Type.Record(Type.String({ minLength: 1, maxLength: 256 }), Type.String({ maxLength: 131_072 }), {
      maxProperties: 512,
      default: {},
    }),
    labels: Type.Record(Type.String({ minLength: 1, maxLength: 256 }), Type.String({ maxLength: 1_024 }), {
      maxProperties: 128,
      default: {},
    }),
    timeout_seconds: Type.Integer({ minimum: 1, maximum: 86_400, default: 900 }),
    priority: Type.Integer({
      minimum: -100,
      maximum: 100,
      default: 0,
      description: "order among the challenge's own jobs; the highest starts first",
    }),
    mounts: Type.Array(MountRequest, { maxItems: 16, default: [] }),
    limits: Type.Object(JobLimits.properties, { ...strict, default: {} }),
  },
  { ...strict, description: "a job to run" },
);
export type JobRequest = Static<typeof JobRequest>;

const Time = Type.Union([Type.String({ format: "date-time" }), Type.Null()]);

export const Artifact = Type.Object(
  { mount: Type.Integer(), digest: Sha256, size_bytes: Type.Integer() },
  { ...strict, description: "what a writable mount held when the job ended" },
);
export type Artifact = Static<typeof Artifact>;

/** Outputs that are in no artifact: how many names, and the first of them. */
export const SkippedOutputs = Type.Object(
  {
    count: Type.Integer({
      description: "number of names that were left out; a directory and all that it contains count once",
    }),
    first: Type.Array(
      Type.Object(
        {
          mount: Type.Integer(),
          name: Type.String({ description: "the name within the mount, escaped and shortened" }),
          reason: Type.String({
            description:
              "link, special_file, or the archive rule that the name breaks, for example twin or name_backslash",
          }),
        },
        strict,
      ),
    ),
  },
  { ...strict, description: "outputs in the job's mounts that no archive may hold, so they are in no artifact" },
);
export type SkippedOutputs = Static<typeof SkippedOutputs>;

/** A job as its challenge sees it. */
export const JobResource = Type.Object(
  {
    id: Type.String(),
    job_id: Type.String(),
    task_id: Type.Union([Type.String(), Type.Null()]),
    state: JobState,
    reason: Type.Union([JobReason, Type.Null()]),
    fault: Type.Union([Fault, Type.Null()]),
    image: Type.String(),
    node_class: Type.Union([Type.String(), Type.Null()]),
    exit_code: Type.Union([Type.Integer(), Type.Null()]),
    wall_ms: Type.Union([Type.Integer(), Type.Null()]),
    timeout_seconds: Type.Integer(),
    limits: JobLimits,
    queue_position: Type.Union([Type.Integer(), Type.Null()]),
    queue_estimate_seconds: Type.Optional(
      Type.Union([Type.Integer(), Type.Null()], {
        description:
          "estimated wait of a queued job, from the starts of the last 10 minutes; null when nothing started",
      }),
    ),
    times: Type.Object({
      accepted: Time,
      staging: Time,
      starting: Time,
      running: Time,
      collecting: Time,
      ended: Time,
    }),
    log_complete: Type.Boolean(),
    artifacts_complete: Type.Boolean({ description: "whether the artifacts contain everything that the job left" }),
    artifacts: Type.Array(Artifact),
    artifacts_skipped: SkippedOutputs,
  },
  { description: "a job" },
);
export type JobResource = Static<typeof JobResource>;
