import { type Static, Type } from "@sinclair/typebox";
import { MasterKeyConfig } from "#shared/auth/config.ts";
import { DatabaseConfig } from "#shared/database/config.ts";
import { limits } from "#shared/schemas/limits.ts";
import { ports, transferUrl } from "#shared/swarm/addresses.ts";

const { jobs } = limits;
const Port = (fallback: number, description: string) =>
  Type.Integer({ minimum: 0, maximum: 65_535, default: fallback, description });
const Ms = (fallback: number, description: string) =>
  Type.Integer({ minimum: 50, maximum: 604_800_000, default: fallback, description });

export const BrokerConfig = Type.Object(
  {
    ...DatabaseConfig,
    ...MasterKeyConfig,
    docker_socket: Type.String({ default: "/var/run/docker.sock", pattern: "^/", description: "the manager's engine" }),
    listen_host: Type.String({ default: "0.0.0.0", description: "address of both ports" }),
    job_port: Port(ports.job_api, "port of the job API, for challenges"),
    transfer_port: Port(ports.transfer, "port of the transfer routes, for stagers"),
    blob_directory: Type.String({
      default: "/data",
      pattern: "^/",
      description: "folder of inputs, logs and artifacts",
    }),
    stager_image: Type.String({
      minLength: 1,
      description: "the stager's image, by ID or reference; every node has it",
    }),
    transfer_network: Type.Optional(
      Type.String({
        minLength: 1,
        description: "the stagers' network: the transfer routes listen only there, the job API answers nobody there",
      }),
    ),
    transfer_url: Type.String({
      default: transferUrl,
      pattern: "^http://",
      description: "the transfer port as stagers reach it",
    }),
    encrypted_overlays: Type.Boolean({ default: true, description: "whether job networks are encrypted (ESP)" }),
    free_bytes_min: Type.Integer({
      minimum: 0,
      default: jobs.free_bytes_min,
      description: "free space below which new blobs and jobs are refused",
    }),
    tick_ms: Ms(
      jobs.dispatch.tick_ms,
      "milliseconds between two looks at the Swarm while something is about to change",
    ),
    queued_ms: Ms(jobs.queued_ms_max, "how long a job may wait for capacity"),
    staging_ms: Ms(jobs.staging_ms_max, "how long placing inputs may take"),
    starting_ms: Ms(jobs.starting_ms_max, "how long image pull and start may take"),
    collecting_ms: Ms(jobs.collecting_ms_max, "how long fetching logs and artifacts may take"),
    volume_ms: Ms(jobs.volume_ms_max, "how long an ended job's volumes stay on its worker"),
    node_lost_ms: Ms(jobs.node_lost_ms, "how long a node may be down before its jobs are lost"),
    finished_job_ms: Ms(jobs.finished_ms_max, "how long a finished job, its log and artifacts are kept"),
  },
  { additionalProperties: false },
);
export type BrokerConfig = Static<typeof BrokerConfig>;
