import { connectEngine } from "#shared/engine/docker-engine.ts";
import type { Engine } from "#shared/engine/engine.ts";
import { readSecret } from "../install/host-files.ts";
import { swarmSecretName } from "../install/roles-up.ts";
import { type Change, changesBetween, isGrave } from "./changes.ts";
import {
  adopt,
  asItRuns,
  type Choices,
  choose,
  defaultInstallation,
  defaultSocket,
  isSameChain,
  type PlanRequest,
} from "./choices.ts";
import { databaseLabel, embeddedDatabaseUrl, embeddedLabel, isEmbeddedDatabase } from "./database-url.ts";
import type { Installation } from "./installation.ts";
import { checkInstallation, defaultName, installationPath, readInstallation } from "./installation-file.ts";
import { type RunningInstallation, readRunning, runningSocket } from "./running-installation.ts";
import { tryAll } from "./try-all.ts";
import { type ChainTrial, tryChain } from "./try-chain.ts";

/** What `up` will do. Everything it needs was tried; nothing is changed yet. */
export interface Plan {
  readonly engine: Engine;
  readonly installation: Installation;
  /** Null: the installation uses the embedded database. */
  readonly external_database_url: string | null;
  readonly changes: readonly Change[];
  readonly origin: "new" | "adopted" | "remembered";
}

/**
 * Decides the choices of the installation: those of its file, else of what runs, else the defaults, with the changes that
 * the options make. It changes nothing on the machine.
 *
 * @throws Error with every hindrance, one sentence a line
 */
export async function makePlan(request: PlanRequest): Promise<Plan> {
  const file = readInstallation();
  const engine = await connectEngine(request.socket ?? file?.engine.socket ?? runningSocket() ?? defaultSocket);
  const running = await readRunning(engine);
  const known_url = readSecret("database_url");
  const base = file ?? installationWithoutFile(request, running, known_url);
  const wanted = checkInstallation(
    choose(base ?? defaultInstallation(request.name ?? defaultName()), request),
    "nothing was changed: the options",
  );
  const former = base ? asItRuns(base, running) : null;
  const external_database_url = externalUrl(wanted, request.databaseUrl ?? known_url);

  const chain_trial = await tryWhatIsNew(file, running, wanted);
  const installation = withGenesis(wanted, chain_trial);
  await tryAll({ engine, running, former, installation, request, chain_trial, external_database_url, known_url });
  const database = external_database_url ? databaseLabel(external_database_url) : embeddedLabel;
  const changes = former
    ? changesBetween(
        { installation: former, database: databaseThatRuns(running, known_url, external_database_url) },
        { installation, database },
      )
    : [];
  const origin = file ? "remembered" : base ? "adopted" : "new";
  return { engine, installation, external_database_url, changes, origin };
}

/** The grave changes of a plan that are not in `named`, the changes that options confirmed. */
export function unconfirmed({ changes }: Pick<Plan, "changes">, named: readonly string[]): Change[] {
  return changes.filter((change) => isGrave(change) && !named.includes(change.what));
}

function installationWithoutFile(request: Choices, running: RunningInstallation, known_url: string | null) {
  if (known_url === null && running.netuid === undefined) return null;
  const defaults = defaultInstallation(request.name ?? defaultName());
  const kind = known_url === null || isEmbeddedDatabase(known_url) ? "embedded" : "external";
  const adopted = adopt(
    { ...defaults, database: { kind }, engine: { socket: running.socket ?? defaultSocket } },
    running,
    request,
  );
  if (!("missing" in adopted)) return adopted;
  throw new Error(
    `an installation was made here, but neither ${installationPath} nor running services tell its subnet and chain: name them (${adopted.missing.join(" and ")}; the development chain is --chain-endpoint development)`,
  );
}

function externalUrl({ database }: Installation, url: string | null): string | null {
  if (database.kind === "embedded") return null;
  if (url !== null && !isEmbeddedDatabase(url)) return url;
  throw new Error(
    `${installationPath} says that the database is an external one, and its URL is not kept: name it (--database-url)`,
  );
}

/**
 * The label of the database that the roles use. A Swarm secret cannot be read back, but its name contains a digest, which
 * shows whether it holds a URL that we know. The file `database_url` may hold another URL, if somebody changed it or an `up`
 * was killed.
 */
function databaseThatRuns({ database_secret }: RunningInstallation, known_url: string | null, wanted: string | null) {
  const password = readSecret("postgres_password");
  const known = [known_url, wanted, password && embeddedDatabaseUrl(password)].flatMap((url) => url || []);
  const given = known.find((url) => swarmSecretName("database_url", url) === database_secret);
  if (given) return databaseLabel(given);
  if (database_secret !== undefined) return "what the roles were given, which the file database_url no longer holds";
  return known_url === null ? embeddedLabel : databaseLabel(known_url);
}

/**
 * Tries the chain only if the roles do not use it already. An outage of a chain in use must not keep the operator from
 * mending something else.
 */
async function tryWhatIsNew(
  file: Installation | null,
  running: RunningInstallation,
  { chain, subnet }: Installation,
): Promise<ChainTrial | null> {
  if (chain.kind === "development") return null;
  const served = running.chain
    ? { chain: running.chain, netuid: running.netuid }
    : file && { chain: file.chain, netuid: file.subnet.netuid };
  if (served && isSameChain(served.chain, chain) && served.netuid === subnet.netuid) return null;
  return await tryChain(chain.endpoints, subnet.netuid);
}

function withGenesis(installation: Installation, trial: ChainTrial | null): Installation {
  const { chain } = installation;
  if (chain.kind === "development" || !trial?.genesis) return installation;
  return { ...installation, chain: { ...chain, genesis: trial.genesis } };
}
