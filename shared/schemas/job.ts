import { type Static, Type } from "@sinclair/typebox";
import { Sha256 } from "./names.ts";

const strict = { additionalProperties: false } as const;

const live = ["queued", "staging", "starting", "running", "collecting"] as const;
const final = ["succeeded", "failed", "timed_out", "cancelled", "rejected", "lost"] as const;

export const JobState = Type.Union(
  [...live, ...final].map((state) => Type.Literal(state)),
  { description: "where the job is (jobs §2); the last six are final" },
);

export type LiveState = (typeof live)[number];
export type FinalState = (typeof final)[number];
export type JobStateName = LiveState | FinalState;

const finalStates: ReadonlySet<string> = new Set(final);

/** Whether the job's state is final. */
export function hasEnded({ state }: { readonly state: string }): boolean {
  return finalStates.has(state);
}

/** Whose doing an end is: a challenge retries what was not the miner's. */
export const Fault = Type.Union([Type.Literal("submission"), Type.Literal("challenge"), Type.Literal("platform")]);
export type Fault = Static<typeof Fault>;

export const JobReason = Type.Object(
  {
    code: Type.Integer({ description: "1xxx the submission's, 2xxx the challenge's, 3xxx the platform's doing" }),
    name: Type.String(),
    detail: Type.String(),
  },
  { ...strict, description: "why the job ended as it did" },
);
export type JobReason = Static<typeof JobReason>;

export const MountRequest = Type.Object(
  {
    target: Type.String({ minLength: 1, maxLength: 255 }),
    read_only: Type.Boolean({ default: true }),
    source_type: Type.Union([Type.Literal("directory"), Type.Literal("file")], { default: "directory" }),
    source_name: Type.String({ default: ".", maxLength: 255 }),
    blob: Type.Optional(Sha256),
    archive_b64: Type.Optional(Type.String({ minLength: 1, description: "base64 of a gzip or plain tar" })),
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
    security_opt: Texts("must hold no-new-privileges", ["no-new-privileges"]),
    privileged: Type.Boolean({ default: false }),
  },
  strict,
);

/** What a challenge asks for (jobs §1; the bounds of contract §4). */
export const JobRequest = Type.Object(
  {
    job_id: Type.String({
      minLength: 1,
      maxLength: 128,
      default: "job",
      description: "groups jobs; need not be unique",
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
      description: "among the challenge's own jobs; higher first",
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

/** What was left out of the artifacts: how many names, and the first of them. */
export const SkippedOutputs = Type.Object(
  {
    count: Type.Integer({ description: "names that were left out; a directory counts once, with all that lies in it" }),
    first: Type.Array(
      Type.Object(
        {
          mount: Type.Integer(),
          name: Type.String({ description: "within the mount, escaped and cut" }),
          reason: Type.String({
            description: "link, special_file, or the rule of archives that the name breaks, as twin or name_backslash",
          }),
        },
        strict,
      ),
    ),
  },
  { ...strict, description: "what the job left in its mounts that no archive may hold, so that it is in no artifact" },
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
        description: "how long a queued job may wait, by the pace of the last ten minutes; null where nothing started",
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
    artifacts_complete: Type.Boolean({ description: "whether the artifacts hold all that the job left" }),
    artifacts: Type.Array(Artifact),
    artifacts_skipped: SkippedOutputs,
  },
  { description: "a job" },
);
export type JobResource = Static<typeof JobResource>;
