import { Type } from "@sinclair/typebox";
import { MasterKeyConfig } from "#shared/auth/config.ts";
import { DatabaseConfig } from "#shared/database/config.ts";

const Port = (fallback: number, description: string) =>
  Type.Integer({ minimum: 0, maximum: 65_535, default: fallback, description });

export const SupervisorConfig = Type.Object(
  {
    ...DatabaseConfig,
    ...MasterKeyConfig,
    docker_socket: Type.String({ default: "/var/run/docker.sock", pattern: "^/", description: "the manager's engine" }),
    admin_port: Port(8081, "loopback port that leads to the admin API; 0 takes any"),
    ops_port: Port(8090, "loopback port with the operator's routes of every role; 0 takes any"),
    chain_port: Type.Optional(
      Type.Integer({
        minimum: 0,
        maximum: 65_535,
        description: "loopback port that leads to the development chain; 0 takes any; absent: there is none",
      }),
    ),
    encrypted_overlays: Type.Boolean({
      default: true,
      description: "whether the challenges' networks are encrypted (ESP)",
    }),
    reconcile_ms: Type.Integer({
      minimum: 100,
      maximum: 600_000,
      default: 2_000,
      description: "milliseconds between two rounds",
    }),
    external_secrets_directory: Type.String({
      default: "/etc/platform/secrets",
      pattern: "^/",
      description: "folder with the files of external secrets that challenge records name",
    }),
  },
  { additionalProperties: false },
);
