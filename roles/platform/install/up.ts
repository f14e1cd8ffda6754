import { randomBytes } from "node:crypto";
import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import { findAdminToken, mintAdminToken } from "#shared/database/admin-tokens.ts";
import { appendAudit } from "#shared/database/audit.ts";
import { connectDatabase, type Transaction } from "#shared/database/database.ts";
import { migrateWhenReachable } from "#shared/database/migrate.ts";
import type { Engine, SwarmNode } from "#shared/engine/engine.ts";
import { first_answer_probe, type ProbeResult } from "#shared/schemas/ops.ts";
import { label } from "#shared/swarm/labels.ts";
import { systemClock } from "#shared/time/clock.ts";
import { publicKeyOf, vectorSigningKey } from "#shared/weights/seal.ts";
import { createProgress } from "../progress.ts";
import { waitUntil } from "../wait-until.ts";
import {
  ensureSecrets,
  ensureSocketFolders,
  type HostSecrets,
  isSystemdRunning,
  readSecret,
  runDirectory,
  secretPath,
  writeSecret,
} from "./host-files.ts";
import { loadImages } from "./load-images.ts";
import { roleServices } from "./role-services-spec.ts";
import { ensureNetworks, ensureServices, ensureSwarmSecrets } from "./roles-up.ts";
import { startSupervisor } from "./supervisor-process.ts";
import { ensureSwarm } from "./swarm.ts";

export interface UpOptions {
  readonly socket: string;
  readonly dist: string;
  readonly unitFile: string;
  readonly proxyPort: number;
  readonly adminPort: number;
  readonly opsPort: number;
  readonly chainPort: number;
  readonly netuid: number;
  readonly chainEndpoint?: string[];
  readonly databaseUrl?: string;
  readonly advertiseAddr?: string;
  readonly adoptEngine: boolean;
  readonly encryption: boolean;
  readonly epochSeconds?: number;
}

const ready_ms_max = 120_000;
const token_days = 365;
/** Of the development chain: short, so that a newcomer sees weights land while watching. */
const development = { block_ms: 1_000, epoch_seconds: 10 } as const;
const default_epoch_seconds = 360;

/** Makes this machine a running platform, or brings the one that runs to what `options` say. Everything may be repeated. */
export async function up(options: UpOptions): Promise<void> {
  const { step } = createProgress();
  if (process.getuid?.() !== 0) throw new Error("must be run as root");
  const { engine, node } = await step("Docker Swarm", async (note) => {
    const made = await ensureSwarm({
      socket: options.socket,
      advertise_addr: options.advertiseAddr,
      adopt_engine: options.adoptEngine,
    });
    const { Version, ApiVersion } = await made.engine.version();
    note(
      `Engine ${Version}, API ${ApiVersion}, node ${made.node.Description.Hostname} takes ${made.node.Spec.Labels[label.workload] ?? "no"} jobs`,
    );
    return made;
  });
  const secrets = await step("Secrets and sockets", async () => {
    ensureSocketFolders(isSystemdRunning());
    return ensureSecrets(options.databaseUrl);
  });
  const images = await step("Images", (note) => loadImages(engine, join(options.dist, "images"), note));
  await step("Networks", () => ensureNetworks(engine, options.encryption));
  await step("Roles", async (note) => {
    const done = Object.values(await deployRoles(engine, node, images, secrets, options));
    note(
      `${done.filter((what) => what !== "kept").length} started or changed, ${done.filter((what) => what === "kept").length} as they were`,
    );
  });
  await step("Database", async (note) => {
    note(
      (await ensureAdminToken(secrets))
        ? `first admin token in ${secretPath("admin_token")}`
        : "admin token there already",
    );
  });
  await step("Supervisor", async () => {
    startSupervisor({
      executable: join(options.dist, "platform-supervisor"),
      unit_file: options.unitFile,
      socket: options.socket,
      admin_port: options.adminPort,
      ops_port: options.opsPort,
      chain_port: options.chainEndpoint ? null : options.chainPort,
      are_overlays_encrypted: options.encryption,
    });
  });
  await step("Everything ready", () => waitForRoles(options));
}

async function deployRoles(
  engine: Engine,
  node: SwarmNode,
  images: Record<string, string>,
  secrets: HostSecrets,
  options: UpOptions,
) {
  const chain_endpoints = options.chainEndpoint ?? null;
  const swarmSecrets = await ensureSwarmSecrets(engine, {
    master_key: secrets.master_key,
    database_url: secrets.database_url,
    ...(options.databaseUrl ? {} : { postgres_password: secrets.postgres_password }),
    ...(chain_endpoints ? {} : { hotkey: developmentValidator() }),
  });
  const specs = roleServices({
    images,
    node_id: node.ID,
    netuid: options.netuid,
    proxy_port: options.proxyPort,
    chain_endpoints,
    uses_embedded_database: options.databaseUrl === undefined,
    epoch_seconds: options.epochSeconds ?? (chain_endpoints ? default_epoch_seconds : development.epoch_seconds),
    block_ms: development.block_ms,
    docker_socket_group: statSync(options.socket).gid,
    docker_socket: options.socket,
    are_overlays_encrypted: options.encryption,
    vector_public_key: publicKeyOf(vectorSigningKey(secrets.master_key)),
    secrets: swarmSecrets,
  });
  return await ensureServices(engine, specs);
}

/** The hotkey of //Bob, the development chain's validator: as public as the development phrase it comes from. */
function developmentValidator(): string {
  const secretSeed = "0x398f0c28f98885e046333d4a41c19cee4c37368a9832c6502f6cfd182e2aef89";
  return JSON.stringify({ secretSeed, ss58Address: "5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty" });
}

/** Mints the installation's own token when there is none that works; the database may still be starting. */
async function ensureAdminToken(secrets: HostSecrets): Promise<boolean> {
  const sql = connectDatabase(secrets.database_url, "installer", { connections_max: 2 });
  try {
    await migrateWhenReachable(sql, () => undefined, AbortSignal.timeout(ready_ms_max));
    const known = readSecret("admin_token");
    if (known && (await findAdminToken(sql, known))) return false;
    const name = `installer-${randomBytes(4).toString("hex")}`;
    const now = systemClock.now();
    const token = await sql.begin((tx) => mintAudited(tx, name, now));
    writeSecret("admin_token", token);
    return true;
  } finally {
    await sql.end({ timeout: 5 });
  }
}

/** A token and its entry in the audit log: there is never one without the other. */
async function mintAudited(tx: Transaction, name: string, now_ms: number): Promise<string> {
  const expires_at = new Date(now_ms + token_days * 86_400_000);
  const token = await mintAdminToken(tx, { name, scope: "admin", expires_at });
  if (!token) throw new Error("the admin token could not be minted");
  await appendAudit(tx, {
    at: new Date(now_ms),
    actor: "installer",
    action: "token.mint",
    subject: name,
    before: null,
    after: { scope: "admin", expires_at: expires_at.toISOString() },
    request_id: name,
  });
  return token;
}

async function waitForRoles({ chainEndpoint, adminPort, proxyPort }: UpOptions): Promise<void> {
  const roles = ["admin", "broker", "proxy", "aggregator", "supervisor", ...(chainEndpoint ? [] : ["devchain"])];
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
  for (const url of [`http://127.0.0.1:${adminPort}/openapi.json`, `http://127.0.0.1:${proxyPort}/v1/registry`]) {
    await waitUntil(systemClock, url, ready_ms_max, async () =>
      (await fetch(url, { signal: AbortSignal.timeout(5_000) })).ok ? true : null,
    );
  }
}

/** Whether a role lacks nothing but a challenge that has answered once, which no installation can give it. */
function waitsForChallenge(readyz: string): boolean {
  const { probes = [] } = JSON.parse(readyz) as { probes?: readonly ProbeResult[] };
  const failed = probes.filter(({ ok }) => !ok);
  return failed.length > 0 && failed.every(({ name }) => name === first_answer_probe);
}
