import { type Static, type TObject, type TSchema, Type } from "@sinclair/typebox";
import { ArchivePolicy, ChallengeSpec, ChallengeStatus, JobPolicy, Readiness, ServiceResources } from "./challenge.ts";
import { Slug } from "./names.ts";
import { PublishedVector, SourceChallenge } from "./weights.ts";

/** What an admin token may do. Each scope includes the scope before it. */
export const AdminScope = Type.Union([Type.Literal("read"), Type.Literal("operate"), Type.Literal("admin")], {
  description:
    "read: may only read; operate: may also change challenges and rotate their tokens; admin: may also delete, and mint and revoke admin tokens",
});
export type AdminScope = Static<typeof AdminScope>;

const order: readonly AdminScope[] = ["read", "operate", "admin"];

/** Whether a token of scope `held` may do something that needs scope `needed`. */
export function includesScope(held: AdminScope, needed: AdminScope): boolean {
  return order.indexOf(held) >= order.indexOf(needed);
}

/** The name of a token. The audit log names the token's holder by it. */
export const AdminTokenName = Type.String({
  pattern: "^[a-z0-9](?:[a-z0-9._-]{0,62}[a-z0-9])?$",
  description: "lower case letters, digits, dots, dashes and underscores, 1 to 64 characters",
});

const Time = Type.String({ format: "date-time" });
const Count = Type.Integer({ minimum: 0 });
const strict = { additionalProperties: false } as const;

/** The schema of an object as a client sends it. Members with a default may be left out. */
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
  description: "a JSON merge patch (RFC 7396) of the record: null removes a member, and its default applies",
});

export const ChallengeResource = Type.Object(
  {
    slug: Slug,
    spec: ChallengeSpec,
    status: ChallengeStatus,
    token_generation: Type.Integer({ minimum: 1 }),
    token_rotating: Type.Boolean({ description: "whether tokens of the previous generation are still accepted" }),
    readiness: Type.Union([Readiness, Type.Null()]),
    created_at: Time,
    updated_at: Time,
  },
  { description: "a challenge" },
);
export type ChallengeResource = Static<typeof ChallengeResource>;

/** The first part of an image's full name. It is docker.io for Docker Hub. */
export const RegistryName = Type.String({
  pattern: "^(?=.{1,255}$)[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:[0-9]{1,5})?$",
  description: "a registry's host, with the port if it is not the usual one; Docker Hub is docker.io",
});

export const RegistryAccountInput = Type.Object(
  {
    username: Type.String({ minLength: 1, maxLength: 255 }),
    password: Type.String({
      minLength: 1,
      maxLength: 4_096,
      description: "a password or an access token; it is never shown again",
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
      Type.Integer({
        minimum: 60,
        maximum: 31_622_400,
        default: 2_592_000,
        description: "lifetime of the token; 30 days when left out",
      }),
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
  { ...TokenResource.properties, token: Type.String({ description: "the token's text; it is shown only this once" }) },
  { description: "the new token" },
);

const Json = Type.Unknown({ description: "any JSON value; null when there is none" });
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
    head: Type.String({
      description: "hash of the last record; a copy kept elsewhere shows later whether records were cut off",
    }),
  },
  { description: "whether the chain of hashes is unbroken" },
);

const DeadlineSeconds = Type.Optional(
  Type.Integer({
    minimum: 0,
    maximum: 86_400,
    default: 900,
    description: "seconds until jobs that still run on the node are cancelled, as the platform's fault",
  }),
);
const WorkerClass = Type.Union([Type.Literal("cpu"), Type.Literal("gpu"), Type.Null()], {
  description: "class of the jobs that the node runs; null: it runs no jobs",
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
      description: "data sets on the node, as its labels platform.data.NAME say",
    }),
    seen_at: Time,
    jobs: Type.Integer({ minimum: 0, description: "jobs that hold capacity of the node, lost jobs included" }),
    order: Type.Union(
      [
        Type.Object({
          kind: Type.Union([Type.Literal("drain"), Type.Literal("label"), Type.Literal("activate")]),
          workload: WorkerClass,
          deadline_at: Time,
        }),
        Type.Null(),
      ],
      { description: "the order that the node was given; a drain stays until the next order" },
    ),
  },
  { description: "a node of the Swarm, as the supervisor last saw it" },
);

export const EpochResource = Type.Object(
  {
    epoch: Type.Integer(),
    computed_at: Time,
    expires_at: Time,
    digest: Type.String(),
    uid_count: Count,
    challenge_count: Count,
    failed_count: Type.Integer({ minimum: 0, description: "challenges that did not answer in this epoch" }),
  },
  { description: "a sealed epoch" },
);

export const EpochDetail = Type.Object(
  {
    vector: PublishedVector,
    inputs: Type.Array(
      Type.Object({
        ...Type.Omit(SourceChallenge, ["weights", "unknown_hotkeys", "unknown_weight"]).properties,
        weights: Type.Record(Type.String(), Type.Number(), {
          description: "all weights in the challenge's answer, by hotkey",
        }),
        challenge_epoch: Type.Union([Type.Number(), Type.Null()]),
        ms: Type.Integer({ description: "time that the challenge took to answer" }),
      }),
    ),
  },
  { description: "a sealed epoch and the answers that it was made from" },
);

export const JobsResource = Type.Object(
  {
    items: Type.Array(Type.Object({ challenge: Type.String(), state: Type.String(), count: Count })),
    next_cursor: Type.Null(),
  },
  { description: "number of jobs of each challenge in each state" },
);

export const StatusResource = Type.Object(
  {
    version: Type.String(),
    commit: Type.String(),
    schema_version: Type.Integer(),
    netuid: Type.Integer(),
    vector_public_key: Type.String({ description: "the key that a validator pins to verify the weight vector" }),
    challenges: Type.Object({ draft: Count, active: Count, inactive: Count, ready: Count }),
    challenges_not_ready: Type.Array(
      Type.Object({
        slug: Slug,
        reason: Type.Union([Type.String(), Type.Null()], {
          description: "null: the challenge has not been probed yet",
        }),
      }),
      { description: "active challenges that cannot work, or whose weights are not counted" },
    ),
    emission_percent_active: Type.Number({
      description: "sum of the active challenges' shares; above 100 all shares are scaled down together",
    }),
    jobs: Type.Record(Type.String(), Count, { description: "number of jobs in each state" }),
    nodes_ready: Count,
    last_epoch: Type.Union([EpochResource, Type.Null()]),
  },
  { description: "the platform at a glance" },
);
export type StatusResource = Static<typeof StatusResource>;
