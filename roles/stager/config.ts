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

export const FetchConfig = Type.Object({
  ...volumes,
  ...FetchOrder.properties,
  mounts: Secret(FetchOrder.properties.mounts),
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
  ...volumes,
  ...CollectOrder.properties,
  mounts: Secret(CollectOrder.properties.mounts),
});
export type CollectConfig = Static<typeof CollectConfig>;

const docker = {
  docker_socket: Type.String({ default: "/var/run/docker.sock", pattern: "^/.", description: "the node's engine" }),
};
export const JanitorConfig = Type.Object({ ...docker, ...JanitorOrder.properties });
export type JanitorConfig = Static<typeof JanitorConfig>;

export const InspectConfig = Type.Object({ ...docker, ...InspectOrder.properties });
export type InspectConfig = Static<typeof InspectConfig>;
