import { Type } from "@sinclair/typebox";
import { MasterKeyConfig } from "#shared/auth/config.ts";
import { DatabaseConfig } from "#shared/database/config.ts";

export const AdminConfig = Type.Object(
  {
    ...DatabaseConfig,
    ...MasterKeyConfig,
    netuid: Type.Integer({ minimum: 0, maximum: 65_535, description: "the subnet whose weights are served" }),
    probe_interval_ms: Type.Integer({
      minimum: 100,
      maximum: 3_600_000,
      default: 5_000,
      description: "milliseconds between two readiness probes of a challenge",
    }),
  },
  { additionalProperties: false },
);
