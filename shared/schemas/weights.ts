import { type Static, Type } from "@sinclair/typebox";
import { Slug } from "./names.ts";

const Time = Type.String({ format: "date-time" });
const Hex = (bytes: number, description: string) => Type.String({ pattern: `^[0-9a-f]{${bytes * 2}}$`, description });

/** One challenge's part in an epoch (contract §5 `source_challenges`). */
export const SourceChallenge = Type.Object({
  slug: Slug,
  emission_percent: Type.Number(),
  weights: Type.Record(Type.String(), Type.Number(), {
    description: "the weights that were counted, by hotkey of the subnet",
  }),
  unknown_hotkeys: Type.Integer({
    minimum: 0,
    description: "number of hotkeys in the challenge's answer that the subnet does not have",
  }),
  unknown_weight: Type.Number({
    minimum: 0,
    description: "sum of the weights of the unknown hotkeys; the share policy decides what becomes of their share",
  }),
  ok: Type.Boolean({ description: "whether the challenge answered in this epoch" }),
  error: Type.Union([Type.String(), Type.Null()], { description: "why the challenge did not answer" }),
  stale_from_epoch: Type.Union([Type.Integer(), Type.Null()], {
    description: "the earlier epoch whose weights were counted instead",
  }),
});
export type SourceChallenge = Static<typeof SourceChallenge>;

/** The sealed vector as validators fetch it (contract §5). The seal covers netuid, epoch, uids, weights and both times. */
export const PublishedVector = Type.Object(
  {
    netuid: Type.Integer(),
    chain_endpoint: Type.String({ description: 'the chain that the vector was made from; "" when none is configured' }),
    epoch: Type.Integer({ description: "number of the platform's own epoch" }),
    uids: Type.Array(Type.Integer()),
    weights: Type.Array(Type.Number(), { description: "the weights in the order of the uids; their sum is 1" }),
    hotkey_weights: Type.Record(Type.String(), Type.Number()),
    computed_at: Time,
    expires_at: Time,
    source_challenges: Type.Array(SourceChallenge),
    metagraph_updated_at: Time,
    metagraph_block: Type.Integer({ description: "the block of the chain whose metagraph was used" }),
    share_policy: Type.Union([Type.Literal("burn"), Type.Literal("redistribute")]),
    digest: Hex(32, "SHA-256 of the canonical JSON (RFC 8785) of the sealed members"),
    signature: Hex(64, "Ed25519 signature of the digest's bytes"),
    public_key: Hex(32, "the public key of the signature"),
  },
  { description: "one sealed weight vector" },
);
export type PublishedVector = Static<typeof PublishedVector>;
