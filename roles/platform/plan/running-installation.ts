import { existsSync, readFileSync } from "node:fs";
import type { Engine, Service } from "#shared/engine/engine.ts";
import { devchainUrl } from "#shared/swarm/addresses.ts";
import { network as networks, roleName } from "#shared/swarm/names.ts";
import { supervisorEnvironmentPath } from "../install/host-files.ts";
import type { ChainChoice, Installation } from "./installation.ts";

/** The values that the roles were started with. Undefined: nothing that runs tells the value. */
export interface RunningInstallation {
  readonly netuid: number | undefined;
  readonly chain: ChainChoice | undefined;
  readonly epoch_seconds: number | undefined;
  readonly ports: { readonly [key in keyof Installation["ports"]]: number | undefined };
  readonly is_encrypted: boolean | undefined;
  readonly socket: string | undefined;
  /** The name of the Swarm secret that holds the database's URL. Each URL gives another name. */
  readonly database_secret: string | undefined;
}

/** Reads what runs here: the supervisor's settings, and the Swarm's services and networks if this engine is a manager. */
export async function readRunning(engine: Engine): Promise<RunningInstallation> {
  const { LocalNodeState, ControlAvailable } = await engine.swarm();
  const isManager = LocalNodeState === "active" && ControlAvailable;
  const service = async (role: string) => (isManager ? await engine.service(roleName(role)) : null);
  const [aggregator, proxy, devchain] = await Promise.all(["aggregator", "proxy", "devchain"].map(service));
  const network = isManager ? await engine.network(networks.control) : null;
  const supervisor = supervisorEnvironment();
  const settings = environmentOf(aggregator);
  return {
    netuid: numberOf(settings["PLATFORM_NETUID"]),
    epoch_seconds: numberOf(settings["PLATFORM_EPOCH_SECONDS"]),
    chain: chainOf(settings["PLATFORM_CHAIN_ENDPOINTS"]),
    ports: {
      proxy: publishedPort(proxy),
      chain: publishedPort(devchain) ?? numberOf(supervisor["PLATFORM_CHAIN_PORT"]),
      admin: numberOf(supervisor["PLATFORM_ADMIN_PORT"]),
      ops: numberOf(supervisor["PLATFORM_OPS_PORT"]),
    },
    is_encrypted: network ? "encrypted" in (network.Options ?? {}) : undefined,
    socket: supervisor["PLATFORM_DOCKER_SOCKET"],
    database_secret: aggregator?.Spec.TaskTemplate.ContainerSpec.Secrets?.find(({ File }) =>
      File.Name.endsWith("/database_url"),
    )?.SecretName,
  };
}

/** The path of the engine's socket in the supervisor's settings, if there are any. It needs no connection to the engine. */
export function runningSocket(): string | undefined {
  return supervisorEnvironment()["PLATFORM_DOCKER_SOCKET"];
}

function chainOf(endpoints: string | undefined): ChainChoice | undefined {
  if (endpoints === undefined) return undefined;
  if (endpoints === devchainUrl) return { kind: "development" };
  return { kind: "external", endpoints: endpoints.split(",") };
}

function environmentOf(service: Service | null | undefined): Record<string, string> {
  return pairsOf(service?.Spec.TaskTemplate.ContainerSpec.Env ?? []);
}

function supervisorEnvironment(): Record<string, string> {
  if (!existsSync(supervisorEnvironmentPath)) return {};
  return pairsOf(readFileSync(supervisorEnvironmentPath, "utf8").split("\n"));
}

function pairsOf(lines: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    lines
      .filter((line) => line.includes("="))
      .map((line) => [line.slice(0, line.indexOf("=")), line.slice(line.indexOf("=") + 1)]),
  );
}

function publishedPort(service: Service | null | undefined): number | undefined {
  return service?.Spec.EndpointSpec?.Ports?.[0]?.PublishedPort;
}

function numberOf(text: string | undefined): number | undefined {
  return text === undefined ? undefined : Number(text);
}
