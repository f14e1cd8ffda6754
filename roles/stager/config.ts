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

const volume = {
  volume_path: Type.String({ default: "/volume", pattern: "^/.", description: "where the job's volume is mounted" }),
  deadline_ms: deadline(300_000),
};

const transfer_url = Type.String({ pattern: "^https?://", description: "the broker's transfer route for this mount" });
const transfer_token = Secret(
  Type.String({ pattern: "^[A-Za-z0-9_-]{16,512}$", description: "the bearer token of that route, base64url" }),
);

export const FetchConfig = Type.Object({
  ...volume,
  transfer_url: Type.Optional(transfer_url),
  transfer_token: Type.Optional(transfer_token),
  digest: Type.Optional(Sha256),
  writable: Type.Boolean({ default: false, description: "whether any user of the job may write into the volume" }),
  input_bytes_max: Type.Integer({
    default: limits.archive.expanded_bytes_max,
    minimum: 1_024,
    description: "largest canonical archive in bytes",
  }),
});
export type FetchConfig = Static<typeof FetchConfig>;

export const CollectConfig = Type.Object({
  ...volume,
  transfer_url,
  transfer_token,
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
const names = (description: string) =>
  Type.Array(Type.String({ maxLength: 128 }), { default: [], maxItems: 1_000, description });

export const JanitorConfig = Type.Object({
  ...docker,
  volumes: names("names of job volumes to remove"),
  containers: names("ids of task containers to remove"),
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
