import { type Static, Type } from "@sinclair/typebox";
import { Value } from "@sinclair/typebox/value";
import { GrantedNetwork } from "./granted-network.ts";
import { limits } from "./limits.ts";
import { Slug } from "./names.ts";

const strict = { additionalProperties: false } as const;
const c = limits.challenge;

export const ChallengeStatus = Type.Union([Type.Literal("draft"), Type.Literal("active"), Type.Literal("inactive")], {
  description: "draft: not shown; active: shown, runs and earns; inactive: shown, does not run",
});
export type ChallengeStatus = Static<typeof ChallengeStatus>;

export const Capability = Type.String({
  pattern: "^[a-z0-9_]{1,64}$",
  description: "for example get_weights, docker_executor",
});

const Path = Type.String({ pattern: "^/[^?#\\s]*$", maxLength: 512 });

export const SignedRoute = Type.Object(
  {
    methods: Type.Array(Type.String({ pattern: "^[A-Z]{1,16}$" }), { minItems: 1, maxItems: 8 }),
    path: Path,
  },
  {
    ...strict,
    description:
      "a route on which the miner's X-Hotkey, X-Signature, X-Nonce and X-Timestamp pass through; {name} stands for one segment",
  },
);

export const PathAlias = Type.Object(
  { from: Path, to: Path },
  { ...strict, description: "a public path and the challenge's own path for it; {name} stands for one segment" },
);

export const MetadataKey = Type.Union(
  [
    "tagline",
    "summary",
    "docs_url",
    "miner_docs_url",
    "validator_docs_url",
    "repository_url",
    "website_url",
    "banner_url",
    "icon_url",
    "category",
    "difficulty",
    "benchmark_label",
    "submission_format",
    "evaluation_timeout_seconds",
    "rate_limit_label",
  ].map((key) => Type.Literal(key)),
);

export const ServiceResources = Type.Object(
  {
    cpus: Type.Number({
      exclusiveMinimum: 0,
      maximum: 256,
      default: 1,
      description: "CPU limit of the challenge's own service",
    }),
    memory_bytes: Type.Integer({
      minimum: 16 << 20,
      default: 1 << 30,
      description: "memory limit of the challenge's own service",
    }),
  },
  strict,
);

/** A data set that operators put on workers. It is the volume `platform-data-NAME` on nodes whose label `platform.data.NAME` is "true". */
export const DataVolumeName = Type.String({ pattern: "^[a-z0-9][a-z0-9_-]{0,62}$" });

/** What the input archives of a challenge's jobs may be, besides a plain or gzipped tar of files and directories. */
export const ArchivePolicy = Type.Object(
  {
    forms: Type.Array(
      Type.Union([Type.Literal("zip"), Type.Literal("tar.bz2"), Type.Literal("tar.xz"), Type.Literal("tar.zst")]),
      {
        maxItems: 4,
        uniqueItems: true,
        default: [],
        description: "further archive forms that are accepted and packed again as tar",
      },
    ),
    links: Type.Union([Type.Literal("refuse"), Type.Literal("copy")], {
      default: "refuse",
      description:
        "refuse: links are refused; copy: hard links, and symbolic links that stay inside, become copies of their targets",
    }),
    macos_files: Type.Union([Type.Literal("keep"), Type.Literal("drop")], {
      default: "keep",
      description: "keep: files of macOS are kept; drop: ._*, .DS_Store, Icon\\r and __MACOSX/ are left out",
    }),
  },
  strict,
);
export type ArchivePolicy = Static<typeof ArchivePolicy>;

export const JobPolicy = Type.Object(
  {
    running_max: Type.Integer({
      minimum: 0,
      maximum: 10_000,
      default: 8,
      description: "number of jobs that may run at once",
    }),
    queued_max: Type.Integer({
      minimum: 0,
      maximum: 100_000,
      default: 10_000,
      description: "number of jobs that may wait",
    }),
    share_weight: Type.Number({
      exclusiveMinimum: 0,
      maximum: 1_000,
      default: 1,
      description: "weight of the challenge's share of the workers when challenges compete",
    }),
    gpu_count_max: Type.Integer({
      minimum: 0,
      maximum: 64,
      default: 0,
      description: "number of GPUs that one job may ask for",
    }),
    image_allowlist: Type.Array(Type.String({ minLength: 1, maxLength: 255 }), {
      maxItems: 64,
      default: [],
      description:
        "repositories whose images the challenge's jobs may run; a trailing / allows all repositories below it",
    }),
    allow_egress: Type.Boolean({
      default: false,
      description: 'whether jobs of the challenge may ask for network "default"',
    }),
    networks: Type.Array(GrantedNetwork, {
      maxItems: 16,
      default: [],
      description:
        "further networks that the challenge's jobs may join; the operator makes each and labels it platform.challenge.SLUG=true; networks of the engine and of the platform are refused",
    }),
    data_volumes: Type.Array(DataVolumeName, {
      maxItems: 16,
      uniqueItems: true,
      default: [],
      description: "data sets of workers that the challenge's jobs may read below /data",
    }),
    allow_tmpfs_exec: Type.Boolean({
      default: false,
      description:
        'whether jobs of the challenge may execute files of a tmpfs that has the option "exec"; needs Docker Engine 27',
    }),
    queueing: Type.Boolean({
      default: true,
      description: "false: a job over the cap is refused with 429 instead of waiting",
    }),
    blob_bytes_max: Type.Integer({
      minimum: 0,
      default: 10 * 2 ** 30,
      description: "bytes of inputs, logs and artifacts that the challenge may keep",
    }),
    archives: Type.Optional(ArchivePolicy),
  },
  strict,
);
export type JobPolicy = Static<typeof JobPolicy>;

/** A challenge as its administrator describes it. Everything else follows from this. */
export const ChallengeSpec = Type.Object(
  {
    slug: Slug,
    name: Type.String({
      minLength: 1,
      maxLength: c.name_chars_max,
      description: "the name that people see; it also addresses the challenge, in upper or lower case",
    }),
    image: Type.String({ minLength: 1, maxLength: 255 }),
    version: Type.Union([Type.String({ minLength: 1, maxLength: 64 }), Type.Null()], {
      default: null,
      description: "the challenge_version that the challenge must report to be ready; null: any",
    }),
    api_version: Type.String({ default: "1.0", maxLength: 16 }),
    emission_percent: Type.Number({
      minimum: 0,
      maximum: 100,
      default: 0,
      description: "the challenge's share of the subnet's emission",
    }),
    description: Type.String({ maxLength: c.description_chars_max, default: "" }),
    internal_port: Type.Integer({
      minimum: 1,
      maximum: 65_535,
      default: 8000,
      description: "port on which the challenge listens inside its container",
    }),
    required_capabilities: Type.Array(Capability, { maxItems: 32, uniqueItems: true, default: [] }),
    resources: Type.Optional(ServiceResources),
    env: Type.Record(
      Type.String({ pattern: "^[A-Za-z_][A-Za-z0-9_]*$" }),
      Type.String({ maxLength: c.env_value_chars_max }),
      { ...strict, maxProperties: c.env_entries_max, default: {} },
    ),
    secrets: Type.Array(Type.String({ pattern: "^[A-Za-z0-9_.-]{1,64}$" }), {
      maxItems: c.secrets_max,
      uniqueItems: true,
      default: [],
      description: "names of the secrets that the challenge gets as files",
    }),
    metadata: Type.Partial(
      Type.Record(
        MetadataKey,
        Type.Union([Type.String({ maxLength: c.metadata_value_chars_max }), Type.Number(), Type.Boolean()]),
        strict,
      ),
      { default: {} },
    ),
    signed_routes: Type.Array(SignedRoute, { maxItems: c.routes_max, default: [] }),
    path_aliases: Type.Array(PathAlias, { maxItems: c.routes_max, default: [] }),
    egress: Type.Boolean({ default: false, description: "whether the challenge's own service can reach the internet" }),
    jobs: Type.Optional(JobPolicy),
  },
  { ...strict, description: "a challenge as its administrator describes it" },
);
export type ChallengeSpec = Static<typeof ChallengeSpec>;

/** Whether the challenge answered as contract §1 demands when admin last asked it. */
export const Readiness = Type.Object(
  {
    ready: Type.Boolean(),
    reason: Type.Union([Type.String(), Type.Null()]),
    checked_at: Type.String({ format: "date-time" }),
  },
  strict,
);
export type Readiness = Static<typeof Readiness>;

export interface Challenge {
  readonly spec: ChallengeSpec;
  readonly status: ChallengeStatus;
  /** Generation of the derived challenge and broker tokens. The generation before it stays valid while `token_rotating` is true. */
  readonly token_generation: number;
  readonly token_rotating: boolean;
  readonly readiness: Readiness | null;
  readonly created_at: Date;
  readonly updated_at: Date;
}

const defaultPolicy = Value.Default(JobPolicy, {}) as JobPolicy;

/** The challenge's job policy. It has the default values when the record has none. */
export function jobPolicyOf({ jobs }: ChallengeSpec): JobPolicy {
  return jobs ?? defaultPolicy;
}

/** The challenge's name on its own network. Its service has the same name. */
export function challengeHost(slug: string): string {
  return `challenge-${slug}`;
}

const plainArchives = Value.Default(ArchivePolicy, {}) as ArchivePolicy;

/** The rules for input archives. The default allows plain and gzipped tar without links. */
export function archivePolicyOf({ archives }: Pick<JobPolicy, "archives">): ArchivePolicy {
  return archives ?? plainArchives;
}

/** The URL by which the platform reaches the challenge on the challenge's own network (contract §1). */
export function internalBaseUrl(spec: ChallengeSpec): string {
  return `http://${challengeHost(spec.slug)}:${spec.internal_port}`;
}
