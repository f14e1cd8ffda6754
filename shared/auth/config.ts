import { Type } from "@sinclair/typebox";
import { Secret } from "../config/load-config.ts";

/** The setting of every role that derives tokens. */
export const MasterKeyConfig = {
  master_key: Secret(
    Type.String({
      minLength: 32,
      maxLength: 1_024,
      description: "the secret that all tokens are derived from, 32 characters or more",
    }),
  ),
};
