import { type Static, Type } from "@sinclair/typebox";
import { Secret } from "#shared/config/load-config.ts";
import { limits } from "#shared/schemas/limits.ts";
import { CollectOrder, FetchOrder, InspectOrder, JanitorOrder } from "#shared/schemas/stager.ts";

const volumes = {
  volumes_path: Type.String({
    default: "/volumes",
    pattern: "^/.",
    description: "where the job's volumes are mounted, each under its mount's index",
  }),
};

const diskFloor = {
  free_bytes_min: Type.Integer({
    default: limits.jobs.free_bytes_min,
    minimum: 0,
    description:
      "free space of the worker's disk; below it no inputs are brought there, and bad ends are not the job's fault",
  }),
  free_inodes_min: Type.Integer({
    default: limits.jobs.free_inodes_min,
    minimum: 0,
    description: "the same for free inodes",
  }),
};

export const FetchConfig = Type.Object({
  ...volumes,
  ...diskFloor,
  ...FetchOrder.properties,
  mounts: Secret(FetchOrder.properties.mounts),
  input_bytes_max: Type.Integer({
    default: limits.archive.expanded_bytes_max,
    minimum: 1_024,
    description: "largest canonical archive in bytes",
  }),
});
export type FetchConfig = Static<typeof FetchConfig>;

export const CollectConfig = Type.Object({
  ...volumes,
  ...diskFloor,
  ...CollectOrder.properties,
  mounts: Secret(CollectOrder.properties.mounts),
});
export type CollectConfig = Static<typeof CollectConfig>;

const docker = {
  docker_socket: Type.String({ default: "/var/run/docker.sock", pattern: "^/.", description: "the node's engine" }),
};
export const JanitorConfig = Type.Object({ ...docker, ...JanitorOrder.properties });
export type JanitorConfig = Static<typeof JanitorConfig>;

export const InspectConfig = Type.Object({
  ...docker,
  ...diskFloor,
  ...InspectOrder.properties,
  disk_path: Type.String({
    default: "/",
    pattern: "^/",
    description: "what lies on the disk of the node's containers",
  }),
});
export type InspectConfig = Static<typeof InspectConfig>;
