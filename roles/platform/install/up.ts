import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import type { SwarmNode } from "#shared/engine/engine.ts";
import { first_answer_probe, type ProbeResult } from "#shared/schemas/ops.ts";
import { label } from "#shared/swarm/labels.ts";
import { systemClock } from "#shared/time/clock.ts";
import { publicKeyOf, vectorSigningKey } from "#shared/weights/seal.ts";
import { describeChanges, type GraveChoice } from "../plan/changes.ts";
import { epochSeconds, type PlanRequest } from "../plan/choices.ts";
import { confirmChanges } from "../plan/confirm.ts";
import { embeddedDatabaseUrl } from "../plan/database-url.ts";
import type { Installation } from "../plan/installation.ts";
import { installationPath, writeInstallation } from "../plan/installation-file.ts";
import { makePlan, type Plan } from "../plan/plan.ts";
import { createProgress } from "../progress.ts";
import { waitUntil } from "../wait-until.ts";
import { ensureAdminToken } from "./admin-token.ts";
import { ensureSecrets, ensureSocketFolders, type HostSecrets, isSystemdRunning, runDirectory } from "./host-files.ts";
import { loadImages } from "./load-images.ts";
import { type RolePlan, roleServices } from "./role-services-spec.ts";
import { ensureNetworks, ensureServices, ensureSwarmSecrets, removeOtherRoles, requireNewTasks } from "./roles-up.ts";
import { ensureSupervisor } from "./supervisor-process.ts";
import { ensureSwarm } from "./swarm.ts";

export interface UpOptions extends PlanRequest {
  readonly dist: string;
  readonly unitFile: string;
  readonly confirmChange: readonly GraveChoice[];
}

const ready_ms_max = 120_000;
/** Time between two blocks of the development chain. It is short, so that a newcomer soon sees weights on the chain. */
const block_ms = 1_000;

/**
 * Starts the platform on this machine, or changes the running platform to what is chosen. Without options the choices stay
 * as they are. Before it changes anything, it tries everything it needs and has grave changes confirmed.
 */
export async function up(options: UpOptions): Promise<void> {
  const { step } = createProgress();
  if (process.getuid?.() !== 0) throw new Error("must be run as root");
  const plan = await step("What was chosen", async (note) => {
    const made = await makePlan(options);
    note(describePlan(made));
    return made;
  });
  await confirmChanges(plan, options.confirmChange);
  await bringUp(plan, options);
}

function describePlan({ origin, installation, changes }: Plan): string {
  const known = {
    new: `a new one, to be kept in ${installationPath}`,
    adopted: `as it runs, to be kept in ${installationPath}`,
    remembered: `as ${installationPath} says`,
  }[origin];
  const told = changes.length === 0 ? "" : `, with these changes:\n${describeChanges(changes).trimEnd()}\n  `;
  return `installation ${installation.name}, ${known}${told}`;
}

async function bringUp({ engine, installation, external_database_url }: Plan, options: UpOptions): Promise<void> {
  const { step } = createProgress();
  const { socket } = installation.engine;
  const node = await step("Docker Swarm", async (note) => {
    const made = await ensureSwarm(engine, installation);
    const { Version, ApiVersion } = await engine.version();
    note(
      `Engine ${Version}, API ${ApiVersion}, node ${made.Description.Hostname} takes ${made.Spec.Labels[label.workload] ?? "no"} jobs`,
    );
    return made;
  });
  const secrets = await step("Choices, secrets and sockets", async () => {
    writeInstallation(installation);
    ensureSocketFolders(isSystemdRunning());
    return ensureSecrets((password) => external_database_url ?? embeddedDatabaseUrl(password));
  });
  const images = await step("Images", (note) => loadImages(engine, join(options.dist, "images"), note));
  await step("Networks", () => ensureNetworks(engine, installation.network.is_encrypted));
  const deployed = await step("Roles", async (note) => {
    const swarmSecrets = await ensureSwarmSecrets(engine, swarmSecretValues(installation, secrets));
    const specs = roleServices(rolePlan({ installation, node, images, secrets, swarmSecrets }));
    const done = await ensureServices(engine, specs);
    const removed = await removeOtherRoles(engine, specs);
    const kept = done.filter(({ did }) => did === "kept").length;
    note(`${done.length - kept} started or changed, ${kept} as they were`);
    if (removed.length > 0) note(`removed: ${removed.join(" and ")}`);
    return done;
  });
  await step("Database", async (note) => note(await ensureAdminToken(secrets.database_url, ready_ms_max)));
  await step("Supervisor", async (note) => {
    const isStarted = ensureSupervisor({
      executable: join(options.dist, "platform-supervisor"),
      unit_file: options.unitFile,
      socket,
      admin_port: installation.ports.admin,
      ops_port: installation.ports.ops,
      chain_port: installation.chain.kind === "external" ? null : installation.ports.chain,
      areOverlaysEncrypted: installation.network.is_encrypted,
    });
    note(isStarted ? "started" : "as it was");
  });
  await step("Everything ready", async () => {
    await waitUntil(systemClock, "the new containers", ready_ms_max, () => requireNewTasks(engine, deployed));
    await waitForRoles(installation);
  });
}

function swarmSecretValues({ database, chain }: Installation, secrets: HostSecrets): Record<string, string> {
  return {
    master_key: secrets.master_key,
    database_url: secrets.database_url,
    ...(database.kind === "external" ? {} : { postgres_password: secrets.postgres_password }),
    ...(chain.kind === "external" ? {} : { hotkey: developmentValidator() }),
  };
}

function rolePlan({
  installation,
  node,
  images,
  secrets,
  swarmSecrets,
}: {
  readonly installation: Installation;
  readonly node: SwarmNode;
  readonly images: Readonly<Record<string, string>>;
  readonly secrets: HostSecrets;
  readonly swarmSecrets: RolePlan["secrets"];
}): RolePlan {
  const { subnet, chain, database, ports, network, engine } = installation;
  return {
    images,
    node_id: node.ID,
    netuid: subnet.netuid,
    proxy_port: ports.proxy,
    chain_endpoints: chain.kind === "external" ? chain.endpoints : null,
    uses_embedded_database: database.kind === "embedded",
    epoch_seconds: epochSeconds(installation),
    block_ms,
    docker_socket_group: statSync(engine.socket).gid,
    docker_socket: engine.socket,
    areOverlaysEncrypted: network.is_encrypted,
    vector_public_key: publicKeyOf(vectorSigningKey(secrets.master_key)),
    secrets: swarmSecrets,
  };
}

/** The hotkey of //Bob, the development chain's validator. It is no secret: it comes from the public development phrase. */
function developmentValidator(): string {
  const secretSeed = "0x398f0c28f98885e046333d4a41c19cee4c37368a9832c6502f6cfd182e2aef89";
  return JSON.stringify({ secretSeed, ss58Address: "5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty" });
}

async function waitForRoles({ chain, ports }: Installation): Promise<void> {
  const ownChain = chain.kind === "development" ? ["devchain"] : [];
  const roles = ["admin", "broker", "proxy", "aggregator", "supervisor", ...ownChain];
  for (const role of roles) {
    const socket = join(runDirectory, role, "ops.sock");
    await waitUntil(systemClock, `readiness of ${role}`, ready_ms_max, async () => {
      if (!existsSync(socket)) throw new Error("it has not started");
      const response = await fetch("http://role/readyz", { unix: socket, signal: AbortSignal.timeout(6_000) });
      if (response.ok) return true;
      const told = await response.text();
      if (waitsForChallenge(told)) return true;
      throw new Error(told.slice(0, 500));
    });
  }
  for (const url of [`http://127.0.0.1:${ports.admin}/openapi.json`, `http://127.0.0.1:${ports.proxy}/v1/registry`]) {
    await waitUntil(systemClock, url, ready_ms_max, async () =>
      (await fetch(url, { signal: AbortSignal.timeout(5_000) })).ok ? true : null,
    );
  }
}

/** Whether a role is unready only because no challenge has answered yet. `up` does not wait for that. */
function waitsForChallenge(readyz: string): boolean {
  const { probes = [] } = JSON.parse(readyz) as { probes?: readonly ProbeResult[] };
  const failed = probes.filter(({ ok }) => !ok);
  return failed.length > 0 && failed.every(({ name }) => name === first_answer_probe);
}
