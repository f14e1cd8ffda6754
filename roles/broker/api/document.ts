import { type TSchema, Type } from "@sinclair/typebox";
import { createDocument } from "#shared/http/document.ts";
import { operation, PageOf, type Parameter } from "#shared/http/operation.ts";
import { JobRequest, JobResource, JobState } from "#shared/schemas/job.ts";
import { limits } from "#shared/schemas/limits.ts";
import { Sha256 } from "#shared/schemas/names.ts";

/** The OpenAPI document of the job API, for authors of challenges. */
export const jobApiDocument = () =>
  createDocument({
    title: "Platform job API",
    description: "Runs evaluation jobs for a challenge, which sees its own jobs only.",
    tags: {
      jobs: "Jobs, their logs and what they left",
      inputs: "Input archives",
      docker: "The first generation's routes, a thin layer over jobs",
      health: "Whether it answers",
    },
    security: {
      broker_token: { type: "http", scheme: "bearer", description: "the challenge's broker token" },
      challenge_slug: { type: "apiKey", in: "header", name: "X-Platform-Challenge-Slug" },
    },
  });

const tar = Type.String({ format: "binary", description: "a tar" });
const parameter = (place: Parameter["in"], name: string, schema: TSchema): Parameter => ({ in: place, name, schema });
const id = parameter("path", "id", Type.String({ description: "the job's id" }));
const text = (description: string) => Type.String({ description });

export const JobsQuery = Type.Object(
  {
    state: Type.Optional(JobState),
    job_id: Type.Optional(Type.String({ maxLength: 128 })),
    cursor: Type.Optional(Type.String({ pattern: "^[0-9a-f]{32}$" })),
    limit: Type.Optional(Type.String({ pattern: "^\\d{1,3}$" })),
  },
  { additionalProperties: false },
);

const Uploaded = Type.Object(
  { sha256: Sha256, size_bytes: Type.Integer({ description: "of the archive as it is kept" }) },
  { description: "the archive was already stored; 201 when it is new" },
);

/** Each route's part of the document. */
export const described = {
  submit: operation({
    tag: "jobs",
    summary: "Submit a job",
    status: 202,
    body: { "application/json": JobRequest },
    parameters: [
      parameter(
        "header",
        "Idempotency-Key",
        Type.String({
          maxLength: limits.jobs.idempotency_key_chars_max,
          description: "a repeated request with the same key and job gets 200 and the first job",
        }),
      ),
    ],
    answer: JobResource,
    refusals: [408, 409, 413, 422, 429, 503],
  }),
  list: operation({ tag: "jobs", summary: "List jobs, newest first", answer: PageOf(JobResource), refusals: [422] }),
  show: operation({
    tag: "jobs",
    summary: "Show a job",
    parameters: [id, parameter("query", "wait", text("for example 30s: the longest wait for the job's next state"))],
    answer: JobResource,
    refusals: [404],
  }),
  cancel: operation({
    tag: "jobs",
    summary: "Cancel a job; idempotent",
    parameters: [id],
    answer: JobResource,
    refusals: [404],
  }),
  log: operation({
    tag: "jobs",
    summary: "Read a job's log, while it runs and after",
    parameters: [
      id,
      parameter("query", "stream", Type.Union([Type.Literal("stdout"), Type.Literal("stderr")])),
      parameter("query", "since", text("where to start: an offset in bytes of the text, or `next` of a line")),
      parameter("query", "follow", Type.Boolean({ description: "sends new lines until the job ends" })),
      parameter("header", "Last-Event-ID", text("the same as since, for events")),
    ],
    contentType: "text/plain",
    answer: text("what the command wrote"),
    alternatives: {
      "application/x-ndjson": text("lines of { stream, time, data, next }, data in base64"),
      "text/event-stream": text("the same as events; the last event is named `end`"),
    },
    refusals: [404, 429],
  }),
  artifact: operation({
    tag: "jobs",
    summary: "Read what a writable mount held when the job ended",
    parameters: [id, parameter("path", "mount", Type.Integer({ description: "the mount's place in the request" }))],
    contentType: "application/x-tar",
    answer: tar,
    refusals: [404, 429],
  }),
  upload: operation({
    tag: "inputs",
    summary: "Upload an input archive; it is checked while it arrives",
    body: { "application/x-tar": tar, "application/gzip": tar },
    answer: Uploaded,
    refusals: [408, 413, 429, 503],
  }),
  health: operation({
    tag: "health",
    summary: "Whether it answers",
    isPublic: true,
    answer: Type.Object({ status: Type.Literal("ok") }, { description: "it does" }),
  }),
} as const;

const RunAnswer = Type.Object(
  {
    container_name: Type.String(),
    stdout: text("the last 64,000 bytes, followed by what the writable mounts held"),
    stderr: Type.String(),
    returncode: Type.Integer(),
    timed_out: Type.Boolean(),
  },
  { description: "the job's end" },
);
const Containers = Type.Object(
  {
    containers: Type.Array(
      Type.Object({
        container_id: Type.String(),
        container_name: Type.String(),
        image: Type.String(),
        status: Type.String(),
        job_id: Type.String(),
        task_id: Type.Union([Type.String(), Type.Null()]),
        created: Type.String({ format: "date-time" }),
        labels: Type.Record(Type.String(), Type.String()),
      }),
    ),
  },
  { description: "the challenge's live jobs" },
);

export const ListRequest = Type.Object({
  job_id: Type.Optional(Type.Union([Type.String({ maxLength: 128 }), Type.Null()])),
});
export const CleanupRequest = Type.Object({ job_id: Type.String({ minLength: 1, maxLength: 128 }) });

export const describedDocker = {
  run: operation({
    tag: "docker",
    summary: "Run a job and wait for its end",
    body: { "application/json": JobRequest },
    answer: RunAnswer,
    refusals: [408, 409, 413, 422, 429, 503],
  }),
  list: operation({
    tag: "docker",
    summary: "List live jobs",
    body: { "application/json": ListRequest },
    answer: Containers,
    refusals: [408, 413, 422, 503],
  }),
  cleanup: operation({
    tag: "docker",
    summary: "End the jobs of one job_id",
    body: { "application/json": CleanupRequest },
    answer: Type.Object({ status: Type.Literal("ok") }, { description: "they are asked to end" }),
    refusals: [408, 413, 422, 503],
  }),
} as const;
