import { type Static, Type } from "@sinclair/typebox";
import { Secret } from "#shared/config/load-config.ts";
import { limits } from "#shared/schemas/limits.ts";
import { Sha256 } from "#shared/schemas/names.ts";

const deadline = (default_ms: number) =>
  Type.Integer({
    default: default_ms,
    minimum: 1_000,
    maximum: 3_600_000,
    description: "milliseconds from start to end",
  });

const transfers = {
  volumes_path: Type.String({
    default: "/volumes",
    pattern: "^/.",
    description: "where the job's volumes are mounted, each under its mount's index",
  }),
  transfer_url: Type.String({ pattern: "^https?://", description: "the broker's transfer routes for this job" }),
  deadline_ms: deadline(300_000),
};
const MountIndex = Type.Integer({ minimum: 0, maximum: 15 });
const Token = Type.String({ pattern: "^[A-Za-z0-9_-]{16,512}$" });

const FetchMount = Type.Object(
  {
    index: MountIndex,
    writable: Type.Boolean(),
    digest: Type.Union([Sha256, Type.Null()]),
    token: Type.Union([Token, Type.Null()]),
  },
  { additionalProperties: false },
);
export type FetchMount = Static<typeof FetchMount>;

export const FetchConfig = Type.Object({
  ...transfers,
  mounts: Secret(
    Type.Array(FetchMount, {
      minItems: 1,
      maxItems: 16,
      description: "the mounts to fill, as JSON: index, whether any user may write, the input's digest, its token",
    }),
  ),
  input_bytes_max: Type.Integer({
    default: limits.archive.expanded_bytes_max,
    minimum: 1_024,
    description: "largest canonical archive in bytes",
  }),
  free_bytes_min: Type.Integer({
    default: limits.jobs.free_bytes_min,
    minimum: 0,
    description: "free space of the worker's disk below which nothing is brought there",
  }),
});
export type FetchConfig = Static<typeof FetchConfig>;

export const CollectConfig = Type.Object({
  ...transfers,
  mounts: Secret(
    Type.Array(Type.Object({ index: MountIndex, token: Token }, { additionalProperties: false }), {
      minItems: 1,
      maxItems: 16,
      description: "the mounts to send, as JSON: index and token",
    }),
  ),
  output_bytes_max: Type.Integer({
    default: limits.archive.expanded_bytes_max,
    minimum: 1_024,
    // A ustar header holds no larger file.
    maximum: 0o77777777777,
    description: "largest archive in bytes that is sent",
  }),
});
export type CollectConfig = Static<typeof CollectConfig>;

const docker = {
  docker_socket: Type.String({ default: "/var/run/docker.sock", pattern: "^/.", description: "the node's engine" }),
};
export const JanitorConfig = Type.Object({
  ...docker,
  jobs: Type.Array(Type.String({ pattern: "^[0-9a-f]{32}$" }), {
    minItems: 1,
    maxItems: 1_000,
    description: "ids of ended jobs whose volumes and containers are to go",
  }),
  deadline_ms: deadline(60_000),
});
export type JanitorConfig = Static<typeof JanitorConfig>;

export const InspectConfig = Type.Object({
  ...docker,
  task_id: Type.Optional(Type.String({ pattern: "^[a-z0-9]{1,64}$", description: "the Swarm task to look at" })),
  container_id: Type.Optional(Type.String({ pattern: "^[0-9a-f]{12,64}$", description: "or its container" })),
  deadline_ms: deadline(10_000),
});
export type InspectConfig = Static<typeof InspectConfig>;
