import { type Static, Type } from "@sinclair/typebox";
import { limits } from "#shared/schemas/limits.ts";

const strict = { additionalProperties: false } as const;
const Port = (what: string) => Type.Integer({ minimum: 1, maximum: 65_535, description: `${what}, 1 to 65535` });

/** A subnet's number on a chain. */
export const Netuid = Type.Integer({ minimum: 0, maximum: 65_535, description: "the subnet's number, 0 to 65535" });

/** The installation's name, which a person types to delete the installation. */
export const InstallationName = Type.String({
  pattern: "^[a-z0-9](?:[a-z0-9.-]{0,61}[a-z0-9])?$",
  description: "lower case letters, digits, dots and dashes, 1 to 63 characters",
});

const ChainChoice = Type.Union(
  [
    Type.Object({ kind: Type.Literal("development") }, strict),
    Type.Object(
      {
        kind: Type.Literal("external"),
        endpoints: Type.Array(Type.String({ minLength: 1 }), { minItems: 1, maxItems: limits.chain.endpoints_max }),
        genesis: Type.Optional(Type.String({ pattern: "^0x[0-9a-f]{64}$" })),
      },
      strict,
    ),
  ],
  {
    description:
      'kind = "development", or kind = "external" with endpoints (names or ws URLs) and, once it answered, its genesis (a block hash)',
  },
);

/**
 * The choices of an installation, in the form of `/etc/platform/platform.toml`. The database's URL is a secret and has a
 * file of its own.
 */
export const Installation = Type.Object(
  {
    name: InstallationName,
    subnet: Type.Object(
      {
        netuid: Netuid,
        epoch_seconds: Type.Optional(
          Type.Integer({
            minimum: 1,
            maximum: 999_999_999,
            description: "seconds between two sealed vectors; left out: 10 on the development chain, 360 elsewhere",
          }),
        ),
      },
      strict,
    ),
    chain: ChainChoice,
    database: Type.Object(
      {
        kind: Type.Union([Type.Literal("embedded"), Type.Literal("external")], {
          description: '"embedded", or "external": its URL is in the file database_url',
        }),
      },
      strict,
    ),
    ports: Type.Object(
      {
        proxy: Port("the public door"),
        admin: Port("the admin API, on loopback"),
        ops: Port("the operator's routes, on loopback"),
        chain: Port("the development chain"),
      },
      strict,
    ),
    network: Type.Object(
      {
        is_encrypted: Type.Boolean({ description: "whether overlay networks use ESP" }),
        advertise_addr: Type.Optional(
          Type.String({ minLength: 1, description: "this node's address in a Swarm that is made" }),
        ),
      },
      strict,
    ),
    engine: Type.Object(
      { socket: Type.String({ pattern: "^/", description: "absolute path of the Docker Engine's socket" }) },
      strict,
    ),
  },
  strict,
);
export type Installation = Static<typeof Installation>;
export type ChainChoice = Static<typeof ChainChoice>;
