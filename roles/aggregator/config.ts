import { type Static, Type } from "@sinclair/typebox";
import { MasterKeyConfig } from "#shared/auth/config.ts";
import { DatabaseConfig } from "#shared/database/config.ts";
import { limits } from "#shared/schemas/limits.ts";

const { chain, weights } = limits;

export const AggregatorConfig = Type.Object(
  {
    ...DatabaseConfig,
    ...MasterKeyConfig,
    netuid: Type.Integer({ minimum: 0, maximum: 65_535, description: "the subnet's number on the chain" }),
    chain_endpoints: Type.Array(Type.String({ minLength: 1, maxLength: 512 }), {
      maxItems: chain.endpoints_max,
      default: [],
      description:
        "finney, test, archive, local or ws(s) URLs, tried in turn; without any the metagraph stored last is used",
    }),
    share_policy: Type.Union([Type.Literal("burn"), Type.Literal("redistribute")], {
      default: "burn",
      description: "what happens to a share that nobody earned: burn (to uid 0) or redistribute",
    }),
    epoch_seconds: Type.Integer({
      minimum: 1,
      maximum: 86_400,
      default: 360,
      description: "seconds from one sealed vector to the next",
    }),
    metagraph_seconds: Type.Integer({
      minimum: 1,
      maximum: 3_600,
      default: 60,
      description: "seconds between two reads of the metagraph: how long a new miner stays unknown",
    }),
    vector_ttl_seconds: Type.Integer({
      minimum: 5,
      maximum: 604_800,
      default: 1_800,
      description: "seconds after which a sealed vector is no longer served",
    }),
    answer_ms: Type.Integer({
      minimum: 100,
      maximum: 300_000,
      default: weights.answer_ms_max,
      description: "milliseconds a challenge may take to answer get_weights",
    }),
    stale_epochs: Type.Integer({
      minimum: 0,
      maximum: 1_000,
      default: weights.stale_epochs_max,
      description: "epochs for which a challenge that fails is counted by its last good weights",
    }),
    epochs_kept: Type.Integer({
      minimum: 10,
      maximum: 1_000_000,
      default: weights.epochs_kept_max,
      description: "sealed epochs that are kept",
    }),
  },
  { additionalProperties: false },
);

/** @throws Error when a vector would expire before the next one is sealed */
export function requireFreshVectors({ epoch_seconds, vector_ttl_seconds }: Static<typeof AggregatorConfig>): void {
  if (vector_ttl_seconds > epoch_seconds) return;
  throw new Error(
    `PLATFORM_VECTOR_TTL_SECONDS: expected more than PLATFORM_EPOCH_SECONDS (${epoch_seconds}); got ${vector_ttl_seconds}`,
  );
}
