/**
 * The protocol between broker and stager. The broker starts the stager's image as a Swarm job and writes the order into its
 * environment. Swarm reports the exit code. The last line of standard output is the result as JSON.
 */
import { type Static, Type } from "@sinclair/typebox";
import { limits } from "./limits.ts";
import { Sha256 } from "./names.ts";

/** The task of a stager. It is the first argument. */
export type StagerTask = "fetch" | "collect" | "janitor" | "inspect";

/** The exit codes of a stager. They tell the broker the outcome. */
export const stagerExit = {
  done: 0,
  /** The deadline passed, perhaps because the broker could not be reached. */
  deadline: 10,
  token_refused: 11,
  /** The bytes do not have the expected digest, or the stager's own checks refused them. */
  input_refused: 12,
  /** The node's disk is full or broken. */
  storage: 13,
  /** The task is done, but the worker had too little free disk when the job had just ended. */
  done_disk_low: 14,
  /** The job left more bytes than a mount may hold. */
  output_too_large: 20,
  /** The broker's checks refused what the job left. */
  output_refused: 21,
  /** The job left more files and directories than a mount may hold. */
  output_too_many: 22,
  /** A volume or container is still in use. */
  busy: 30,
  not_found: 31,
  usage: 64,
  internal: 70,
} as const;
export type StagerEnd = keyof typeof stagerExit;

const deadline = (default_ms: number) =>
  Type.Integer({
    default: default_ms,
    minimum: 1_000,
    maximum: 3_600_000,
    description: "milliseconds from start to end",
  });
const MountIndex = Type.Integer({ minimum: 0, maximum: 15 });
const Token = Type.String({ pattern: "^[A-Za-z0-9_-]{16,512}$" });
const transfer_url = Type.String({ pattern: "^https?://", description: "the broker's transfer routes for this job" });

/** A mount to fill with the input of this digest. Without a digest it stays empty. */
export const FetchMount = Type.Object(
  {
    index: MountIndex,
    writable: Type.Boolean(),
    digest: Type.Union([Sha256, Type.Null()]),
    token: Type.Union([Token, Type.Null()]),
  },
  { additionalProperties: false },
);
export type FetchMount = Static<typeof FetchMount>;

/** A mount whose content the stager sends. */
export const CollectMount = Type.Object({ index: MountIndex, token: Token }, { additionalProperties: false });
export type CollectMount = Static<typeof CollectMount>;

/** An order to bring a job's inputs to its volumes. */
export const FetchOrder = Type.Object({
  transfer_url,
  deadline_ms: deadline(300_000),
  mounts: Type.Array(FetchMount, {
    minItems: 1,
    maxItems: 16,
    description: "the mounts to fill, as JSON: index, whether any user may write, the input's digest, its token",
  }),
});

/** An order to send what a job left in its volumes. */
export const CollectOrder = Type.Object({
  transfer_url,
  deadline_ms: deadline(300_000),
  mounts: Type.Array(CollectMount, {
    minItems: 1,
    maxItems: 16,
    description: "the mounts to send, as JSON: index and token",
  }),
  output_bytes_max: Type.Integer({
    default: limits.archive.expanded_bytes_max,
    minimum: 1_024,
    // A ustar header cannot state a larger size.
    maximum: 0o77777777777,
    description: "largest archive in bytes that is sent",
  }),
});

/** Outputs of a mount that are not in its archive: how many names, and the first of them with their reasons. */
export const SkippedNames = Type.Object(
  {
    count: Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER }),
    first: Type.Array(
      Type.Object(
        { name: Type.String({ maxLength: 1_024 }), reason: Type.String({ pattern: "^[a-z0-9_]{1,32}$" }) },
        { additionalProperties: false },
      ),
      { maxItems: limits.jobs.skipped_told_max },
    ),
  },
  { additionalProperties: false },
);
export type SkippedNames = Static<typeof SkippedNames>;

/** The header of an upload that carries {@link SkippedNames}. */
export const skippedHeader = "x-platform-skipped";

/** The value of {@link skippedHeader}: JSON in ASCII, because a header can hold only ASCII. */
export function skippedHeaderOf(skipped: SkippedNames): string {
  const escaped = (unit: string) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`;
  return JSON.stringify(skipped).replace(/[^\x20-\x7e]/g, escaped);
}

/** An order to remove what ended jobs left on a node. */
export const JanitorOrder = Type.Object({
  jobs: Type.Array(Type.String({ pattern: "^[0-9a-f]{32}$" }), {
    minItems: 1,
    maxItems: limits.jobs.sweep_jobs_max,
    description: "ids of ended jobs whose volumes and containers are to go",
  }),
  deadline_ms: deadline(60_000),
});

/** An order to report how a container on a node ended. */
export const InspectOrder = Type.Object({
  container_id: Type.String({ pattern: "^[0-9a-f]{12,64}$", description: "the container to look at" }),
  deadline_ms: deadline(limits.jobs.inspect_ms_max),
});

/** The answer to an {@link InspectOrder}: the state of the node's disk, and of the container if it still exists. */
export const InspectResult = Type.Union([
  Type.Object({ kind: Type.Literal("inspect"), is_disk_low: Type.Boolean(), found: Type.Literal(false) }),
  Type.Object({
    kind: Type.Literal("inspect"),
    is_disk_low: Type.Boolean(),
    found: Type.Literal(true),
    container_id: Type.String(),
    oom_killed: Type.Boolean(),
    exit_code: Type.Integer(),
    started_at: Type.String(),
    finished_at: Type.String(),
    /** When the engine of the node was started. Null when the engine does not report it. */
    engine_started_at: Type.Union([Type.String(), Type.Null()]),
  }),
]);
export type InspectResult = Static<typeof InspectResult>;

type Order = Partial<
  Static<typeof FetchOrder> & Static<typeof CollectOrder> & Static<typeof JanitorOrder> & Static<typeof InspectOrder>
>;
/** Members of an order as the broker writes them. A member that is left out has the stager's default. */
export type StagerOrder = { readonly [Name in keyof Order]: Name extends "mounts" ? readonly object[] : Order[Name] };

/** The order as the stager's environment. */
export function environmentOfOrder(order: StagerOrder): Record<string, string> {
  return Object.fromEntries(
    Object.entries(order).map(([name, value]) => [
      `PLATFORM_${name.toUpperCase()}`,
      typeof value === "string" ? value : JSON.stringify(value),
    ]),
  );
}

/** The meaning of an exit code. Null when it is not an exit code of the stager. */
export function stagerEndOf(exit_code: number | null): StagerEnd | null {
  const found = Object.entries(stagerExit).find(([, code]) => code === exit_code);
  return found ? (found[0] as StagerEnd) : null;
}
