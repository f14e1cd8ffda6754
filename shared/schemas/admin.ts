import { type Static, type TObject, type TSchema, Type } from "@sinclair/typebox";
import { ArchivePolicy, ChallengeSpec, ChallengeStatus, JobPolicy, Readiness, ServiceResources } from "./challenge.ts";
import { Slug } from "./names.ts";
import { PublishedVector, SourceChallenge } from "./weights.ts";

/** What an admin token may do; each scope includes the one before. */
export const AdminScope = Type.Union([Type.Literal("read"), Type.Literal("operate"), Type.Literal("admin")], {
  description:
    "read: look; operate: also change challenges and rotate their tokens; admin: also mint and revoke admin tokens, and delete",
});
export type AdminScope = Static<typeof AdminScope>;

const order: readonly AdminScope[] = ["read", "operate", "admin"];

/** Whether a token of scope `held` may do what needs `needed`. */
export function includesScope(held: AdminScope, needed: AdminScope): boolean {
  return order.indexOf(held) >= order.indexOf(needed);
}

/** A name of a token: what the audit log calls its holder. */
export const AdminTokenName = Type.String({
  pattern: "^[a-z0-9](?:[a-z0-9._-]{0,62}[a-z0-9])?$",
  description: "lower case letters, digits, dots, dashes and underscores, 1 to 64 characters",
});

const Time = Type.String({ format: "date-time" });
const Count = Type.Integer({ minimum: 0 });
const strict = { additionalProperties: false } as const;

/** What an object needs when it is sent: members with a default may be left out. */
function asSent(schema: TObject, replaced: Record<string, TSchema> = {}): TObject {
  const members = Object.entries(schema.properties).map(([name, member]): [string, TSchema] => {
    const sent = replaced[name] ?? member;
    return [name, sent.default !== undefined || !schema.required?.includes(name) ? Type.Optional(sent) : sent];
  });
  return Type.Object(Object.fromEntries(members), strict);
}

/** A challenge's record as an administrator sends it. */
export const ChallengeInput = asSent(ChallengeSpec, {
  resources: asSent(ServiceResources),
  jobs: asSent(JobPolicy, { archives: asSent(ArchivePolicy) }),
});

export const ChallengePatch = Type.Record(Type.String(), Type.Unknown(), {
  description: "a JSON merge patch (RFC 7396) of the record: null removes a member, which then has its default",
});

export const ChallengeResource = Type.Object(
  {
    slug: Slug,
    spec: ChallengeSpec,
    status: ChallengeStatus,
    token_generation: Type.Integer({ minimum: 1 }),
    token_rotating: Type.Boolean({ description: "the former generation is still accepted" }),
    readiness: Type.Union([Readiness, Type.Null()]),
    created_at: Time,
    updated_at: Time,
  },
  { description: "a challenge" },
);
export type ChallengeResource = Static<typeof ChallengeResource>;

/** As an image's full name begins: docker.io for Docker Hub. */
export const RegistryName = Type.String({
  pattern: "^(?=.{1,255}$)[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:[0-9]{1,5})?$",
  description: "a registry's host, with its port where it has one of its own; Docker Hub is docker.io",
});

export const RegistryAccountInput = Type.Object(
  {
    username: Type.String({ minLength: 1, maxLength: 255 }),
    password: Type.String({
      minLength: 1,
      maxLength: 4_096,
      description: "or an access token; it is never shown again",
    }),
  },
  strict,
);

export const RegistryAccountResource = Type.Object(
  { registry: RegistryName, username: Type.String(), updated_at: Time },
  { description: "an account, without its password" },
);

export const TokenInput = Type.Object(
  {
    name: AdminTokenName,
    scope: AdminScope,
    expires_in_seconds: Type.Optional(
      Type.Integer({ minimum: 60, maximum: 31_622_400, default: 2_592_000, description: "30 days when left out" }),
    ),
  },
  strict,
);

export const TokenResource = Type.Object(
  {
    name: AdminTokenName,
    scope: AdminScope,
    created_at: Time,
    expires_at: Time,
    revoked_at: Type.Union([Time, Type.Null()]),
  },
  { description: "a token, without its text" },
);
export type TokenResource = Static<typeof TokenResource>;

export const MintedToken = Type.Object(
  { ...TokenResource.properties, token: Type.String({ description: "shown this once" }) },
  { description: "the new token" },
);

const Json = Type.Unknown({ description: "JSON, null when there is nothing" });
export const AuditResource = Type.Object(
  {
    id: Type.Integer(),
    at: Time,
    actor: Type.String(),
    action: Type.String(),
    subject: Type.String(),
    before: Json,
    after: Json,
    request_id: Type.String(),
    previous: Type.String(),
    hash: Type.String(),
  },
  { description: "an act of an administrator" },
);

export const AuditVerdictResource = Type.Object(
  {
    ok: Type.Boolean(),
    checked: Count,
    broken_at: Type.Union([Type.Integer(), Type.Null()]),
    head: Type.String({ description: "hash of the last record: kept elsewhere, it shows later that none was cut off" }),
  },
  { description: "whether the chain of hashes holds" },
);

const DeadlineSeconds = Type.Optional(
  Type.Integer({
    minimum: 0,
    maximum: 86_400,
    default: 900,
    description: "after so long jobs that still run there are cancelled, as the platform's fault",
  }),
);
const WorkerClass = Type.Union([Type.Literal("cpu"), Type.Literal("gpu"), Type.Null()], {
  description: "whose jobs it runs; null: none",
});

export const DrainInput = Type.Object({ deadline_seconds: DeadlineSeconds }, strict);
export const LabelInput = Type.Object({ workload: WorkerClass, deadline_seconds: DeadlineSeconds }, strict);

export const NodeResource = Type.Object(
  {
    id: Type.String(),
    hostname: Type.String(),
    workload: Type.Union([Type.String(), Type.Null()]),
    state: Type.String(),
    availability: Type.String(),
    data_volumes: Type.Array(Type.String(), {
      description: "data sets that lie on it, by its labels platform.data.NAME",
    }),
    seen_at: Time,
    jobs: Type.Integer({ minimum: 0, description: "jobs whose capacity it gives, those that are lost among them" }),
    order: Type.Union(
      [
        Type.Object({
          kind: Type.Union([Type.Literal("drain"), Type.Literal("label"), Type.Literal("activate")]),
          workload: WorkerClass,
          deadline_at: Time,
        }),
        Type.Null(),
      ],
      { description: "what was ordered of it; a drain stands until another order" },
    ),
  },
  { description: "a node of the Swarm as the supervisor last saw it" },
);

export const EpochResource = Type.Object(
  {
    epoch: Type.Integer(),
    computed_at: Time,
    expires_at: Time,
    digest: Type.String(),
    uid_count: Count,
    challenge_count: Count,
    failed_count: Type.Integer({ minimum: 0, description: "challenges that did not answer in it" }),
  },
  { description: "a sealed epoch" },
);

export const EpochDetail = Type.Object(
  {
    vector: PublishedVector,
    inputs: Type.Array(
      Type.Object({
        ...Type.Omit(SourceChallenge, ["weights", "unknown_hotkeys", "unknown_weight"]).properties,
        weights: Type.Record(Type.String(), Type.Number(), { description: "all that it answered, by hotkey" }),
        challenge_epoch: Type.Union([Type.Number(), Type.Null()]),
        ms: Type.Integer({ description: "how long the challenge took to answer" }),
      }),
    ),
  },
  { description: "a sealed epoch and what it was made of" },
);

export const JobsResource = Type.Object(
  {
    items: Type.Array(Type.Object({ challenge: Type.String(), state: Type.String(), count: Count })),
    next_cursor: Type.Null(),
  },
  { description: "how many jobs each challenge has in which state" },
);

export const StatusResource = Type.Object(
  {
    version: Type.String(),
    commit: Type.String(),
    schema_version: Type.Integer(),
    netuid: Type.Integer(),
    vector_public_key: Type.String({ description: "what a validator pins to verify the weight vector" }),
    challenges: Type.Object({ draft: Count, active: Count, inactive: Count, ready: Count }),
    challenges_not_ready: Type.Array(
      Type.Object({
        slug: Slug,
        reason: Type.Union([Type.String(), Type.Null()], { description: "null: it has not been probed yet" }),
      }),
      { description: "active challenges that cannot do their work, or whose weights are not taken" },
    ),
    emission_percent_active: Type.Number({ description: "above 100 the shares are scaled down together" }),
    jobs: Type.Record(Type.String(), Count, { description: "jobs by state" }),
    nodes_ready: Count,
    last_epoch: Type.Union([EpochResource, Type.Null()]),
  },
  { description: "the platform at a glance" },
);
export type StatusResource = Static<typeof StatusResource>;
