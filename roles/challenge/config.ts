import { type Static, Type } from "@sinclair/typebox";
import { FromEnvironment, Secret } from "#shared/config/load-config.ts";
import { Slug } from "#shared/schemas/names.ts";

/** The settings that the platform gives every challenge container (contract §1), and the listening address. */
export const ChallengeConfig = Type.Object({
  challenge_slug: Slug,
  run_directory: Type.String({
    default: "/tmp/platform",
    pattern: "^/",
    description: "absolute path of the folder for the ops socket",
  }),
  database_url: FromEnvironment(
    "CHALLENGE_DATABASE_URL",
    Type.String({
      default: "sqlite+aiosqlite:////data/challenge.sqlite3",
      pattern: "^sqlite(\\+[a-z]+)?:///.+",
      description: "the SQLite file, as sqlite:///relative/path or sqlite:////absolute/path",
    }),
  ),
  shared_token: FromEnvironment(
    "CHALLENGE_SHARED_TOKEN",
    Type.Optional(
      Secret(Type.String({ minLength: 1, description: "bearer token of the platform on the internal routes" })),
    ),
  ),
  broker_url: FromEnvironment(
    "CHALLENGE_DOCKER_BROKER_URL",
    Type.Optional(Type.String({ pattern: "^https?://", description: "where evaluation jobs are asked for" })),
  ),
  broker_token: FromEnvironment(
    "CHALLENGE_DOCKER_BROKER_TOKEN",
    Type.Optional(Secret(Type.String({ minLength: 1, description: "bearer token for the broker" }))),
  ),
  listen_host: FromEnvironment(
    "CHALLENGE_LISTEN_HOST",
    Type.String({ default: "0.0.0.0", description: "address to listen on" }),
  ),
  listen_port: FromEnvironment(
    "CHALLENGE_LISTEN_PORT",
    Type.Integer({ default: 8000, minimum: 0, maximum: 65_535, description: "port to listen on; 0 takes any" }),
  ),
  evaluations_max: FromEnvironment(
    "CHALLENGE_EVALUATIONS_MAX",
    Type.Integer({ default: 16, minimum: 1, maximum: 1_000, description: "submissions evaluated at once" }),
  ),
});
export type ChallengeConfig = Static<typeof ChallengeConfig>;

/** The file behind a database URL in SQLAlchemy's form: three slashes before a relative path, four before an absolute one. */
export function databasePath(url: string): string {
  return url.replace(/^sqlite(\+[a-z]+)?:\/\/\//, "");
}
