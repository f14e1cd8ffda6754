import { connectDatabase, type Database } from "#shared/database/database.ts";
import { Candidate, type Lead } from "#shared/database/lead.ts";
import { migrate } from "#shared/database/migrate.ts";
import { createChallenges } from "#shared/database/tables/challenges.ts";
import { createLogger } from "#shared/observability/logger.ts";
import type { Challenge } from "#shared/schemas/challenge.ts";
import { type Clock, systemClock } from "#shared/time/clock.ts";
import { vectorSigningKey } from "#shared/weights/seal.ts";
import { askChallenge } from "../../../roles/aggregator/ask-challenge.ts";
import type { MetagraphReader } from "../../../roles/aggregator/metagraph-source.ts";
import type { EpochWorld } from "../../../roles/aggregator/seal-epoch.ts";
import { sealerSeat } from "../../../roles/aggregator/seat.ts";
import type { TestPostgres } from "./postgres.ts";

export const masterKey = "m".repeat(40);
export const netuid = 7;

type Handler = (request: Request) => Response | Promise<Response>;

export interface AggregatorWorld extends AsyncDisposable {
  readonly url: string;
  readonly sql: Database;
  /** Adds an active challenge that answers as `handler` does. */
  addChallenge(slug: string, emission_percent: number, handler: Handler): Promise<Challenge>;
  /** The world of `sealEpoch`, with a chain that lists `hotkeys` by uid. */
  epochWorld(hotkeys: readonly string[], changes?: Partial<EpochWorld>): EpochWorld;
  readonly warnings: string[];
}

/** A database, and challenges that answer on loopback. */
export async function createAggregatorWorld(server: TestPostgres): Promise<AggregatorWorld> {
  const url = await server.createDatabase();
  const sql = connectDatabase(url, "test");
  await migrate(sql);
  const handlers = new Map<string, Handler>();
  const warnings: string[] = [];
  const http = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    idleTimeout: 0,
    fetch: (request) => {
      const [, slug = "", ...path] = new URL(request.url).pathname.split("/");
      const known = path.join("/") === "internal/v1/get_weights" ? handlers.get(slug) : undefined;
      return known ? known(request) : new Response("not found", { status: 404 });
    },
  });
  const baseUrl = (spec: Challenge["spec"]) => `http://127.0.0.1:${http.port}/${spec.slug}`;
  return {
    url,
    sql,
    warnings,
    async addChallenge(slug, emission_percent, handler) {
      handlers.set(slug, handler);
      const spec = { slug, name: slug, image: "x/y:1", emission_percent };
      await sql`insert into challenges (slug, spec, status) values (${slug}, ${sql.json(spec)}, 'active')
        on conflict (slug) do nothing`;
      const challenge = await createChallenges(sql).bySlug(slug);
      if (!challenge) throw new Error("the challenge was not stored");
      return challenge;
    },
    epochWorld: (hotkeys, changes = {}) => ({
      sql,
      netuid,
      clock: systemClock,
      chain: chainOf(hotkeys),
      chainEndpoint: "ws://chain",
      signingKey: vectorSigningKey(masterKey),
      ask: (challenge) => askChallenge(challenge, { masterKey, fetch, answer_ms: 400, baseUrl }),
      policy: "burn",
      vector_ttl_ms: 60_000,
      stale_epochs: 2,
      epochs_kept: 100,
      warn: (sentence) => void warnings.push(sentence),
      ...changes,
    }),
    async [Symbol.asyncDispose]() {
      await http.stop(true);
      await sql.end();
    },
  };
}

/** Waits until the caller leads the aggregation of `subnet`. */
export function takeLead(database_url: string, subnet = netuid, clock: Clock = systemClock): Promise<Lead> {
  const log = createLogger("aggregator-test", "silent");
  return new Candidate({ database_url, seat: sealerSeat(subnet), clock, log }).take(new AbortController().signal);
}

/** A chain whose subnet lists `hotkeys` by uid. */
export function chainOf(hotkeys: readonly string[], block = 100): MetagraphReader {
  return {
    async readMetagraph(subnet) {
      const neurons = hotkeys.map((hotkey, uid) => ({
        uid,
        hotkey,
        validator_permit: false,
        last_update: 0,
        stake: null,
      }));
      return { netuid: subnet, block, block_hash: "0x", neurons };
    },
  };
}

/** An answer to get_weights as contract §1 says. */
export const weightsOf = (slug: string, weights: Record<string, number>) =>
  Response.json({ challenge_slug: slug, epoch: 3, weights, metadata: {} });
