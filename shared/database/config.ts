import { Type } from "@sinclair/typebox";
import { Secret } from "../config/load-config.ts";

/** The setting of every role that uses the control plane's database. */
export const DatabaseConfig = {
  database_url: Secret(
    Type.String({
      pattern: "^postgres(ql)?://",
      description: "Postgres URL of the control plane; ?host=/folder means the unix socket in that folder",
    }),
  ),
};
