import type { Engine } from "#shared/engine/engine.ts";
import { swarmFindings } from "../install/swarm.ts";
import type { PlanRequest } from "./choices.ts";
import type { Installation } from "./installation.ts";
import type { RunningInstallation } from "./running-installation.ts";
import type { ChainTrial } from "./try-chain.ts";
import { tryDatabase } from "./try-database.ts";
import { tryPorts } from "./try-ports.ts";

interface Subject {
  readonly engine: Engine;
  readonly running: RunningInstallation;
  readonly former: Installation | null;
  readonly installation: Installation;
  readonly request: PlanRequest;
  /** Null: the chain was not tried. It is the development chain, or the roles use it already. */
  readonly chain_trial: ChainTrial | null;
  readonly external_database_url: string | null;
  readonly known_url: string | null;
}

/**
 * Tries everything that `up` needs, before `up` changes anything.
 *
 * @throws Error with every hindrance, one sentence a line
 */
export async function tryAll(subject: Subject): Promise<void> {
  const { engine, installation, request } = subject;
  const findings = [
    ...demonstrationFindings(subject),
    ...(await swarmFindings(engine, newAddress(subject), request.adoptEngine)),
    ...encryptionFindings(subject),
    ...(subject.chain_trial?.findings ?? []),
    ...(await databaseFindings(subject)),
    ...(await tryPorts(engine, installation)),
  ];
  if (findings.length > 0) throw new Error(`nothing was changed:\n${findings.map((line) => `  - ${line}`).join("\n")}`);
}

function demonstrationFindings({ request, installation }: Subject): string[] {
  return request.demo && installation.chain.kind === "external"
    ? ["the demonstration gives weight to miners of its own: there is none where a chain is given. Leave --demo out."]
    : [];
}

function newAddress({ request, former }: Subject): string | undefined {
  return request.advertiseAddr === former?.network.advertise_addr ? undefined : request.advertiseAddr;
}

function encryptionFindings({ running, installation: { network } }: Subject): string[] {
  if (running.is_encrypted === undefined || running.is_encrypted === network.is_encrypted) return [];
  return [
    `the networks were made ${running.is_encrypted ? "with" : "without"} encryption, which a network keeps: run \`platform down\` first (volumes and secrets stay).`,
  ];
}

/**
 * Tries the database. An embedded database is tried only on a change from the development chain to another: its registry
 * may then hold the demonstration, which must not earn there.
 */
async function databaseFindings({
  former,
  installation,
  external_database_url,
  known_url,
}: Subject): Promise<string[]> {
  const isRealChain = installation.chain.kind === "external";
  const leavesDevelopment = isRealChain && former?.chain.kind === "development";
  const url = external_database_url ?? (leavesDevelopment ? known_url : null);
  return url ? await tryDatabase(url, { isRealChain }) : [];
}
