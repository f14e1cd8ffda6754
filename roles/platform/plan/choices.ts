import { ports } from "#shared/swarm/addresses.ts";
import type { ChainChoice, Installation } from "./installation.ts";
import type { RunningInstallation } from "./running-installation.ts";

/** The options of `up` that change a choice. An option that is left out changes nothing. */
export interface Choices {
  readonly name?: string;
  readonly netuid?: number;
  readonly epochSeconds?: number;
  readonly chainEndpoint?: readonly string[];
  readonly databaseUrl?: string;
  readonly proxyPort?: number;
  readonly adminPort?: number;
  readonly opsPort?: number;
  readonly chainPort?: number;
  readonly encryption?: boolean;
  readonly advertiseAddr?: string;
  readonly socket?: string;
}

/** All options of one run of `up`: choices, which are remembered, and options that hold for this run only. */
export interface PlanRequest extends Choices {
  readonly adoptEngine: boolean;
  /** Whether the demonstration was asked for. Undefined: neither option was given. */
  readonly demo?: boolean;
}

/** Words that stand for an endpoint or a URL: the chain and the database that `up` starts itself. */
export const ownChain = "development";
export const ownDatabase = "embedded";

export const defaultSocket = "/var/run/docker.sock";

/** Default epochs. That of the development chain is short, so that a newcomer soon sees weights on the chain. */
const epoch_seconds = { development: 10, external: 360 } as const;

export function defaultInstallation(name: string): Installation {
  return {
    name,
    subnet: { netuid: 1 },
    chain: { kind: "development" },
    database: { kind: "embedded" },
    ports: { proxy: ports.proxy, admin: 8081, ops: 8090, chain: ports.devchain },
    network: { is_encrypted: true },
    engine: { socket: defaultSocket },
  };
}

/** Seconds between two sealed vectors: the installation's choice, else the default for its kind of chain. */
export function epochSeconds({ subnet, chain }: Installation): number {
  return subnet.epoch_seconds ?? epoch_seconds[chain.kind];
}

/** Returns `base` with the changes that the options make. */
export function choose(base: Installation, choices: Choices): Installation {
  const { name, netuid, epochSeconds, chainEndpoint, databaseUrl, encryption, advertiseAddr, socket } = choices;
  return {
    name: name ?? base.name,
    subnet: {
      ...base.subnet,
      ...(netuid === undefined ? {} : { netuid }),
      ...(epochSeconds === undefined ? {} : { epoch_seconds: epochSeconds }),
    },
    chain: chainEndpoint === undefined ? base.chain : chosenChain(base.chain, chainEndpoint),
    database:
      databaseUrl === undefined ? base.database : { kind: databaseUrl === ownDatabase ? "embedded" : "external" },
    ports: {
      proxy: choices.proxyPort ?? base.ports.proxy,
      admin: choices.adminPort ?? base.ports.admin,
      ops: choices.opsPort ?? base.ports.ops,
      chain: choices.chainPort ?? base.ports.chain,
    },
    network: {
      ...base.network,
      ...(encryption === undefined ? {} : { is_encrypted: encryption }),
      ...(advertiseAddr === undefined ? {} : { advertise_addr: advertiseAddr }),
    },
    engine: { socket: socket ?? base.engine.socket },
  };
}

function chosenChain(base: ChainChoice, endpoints: readonly string[]): ChainChoice {
  const chosen: ChainChoice =
    endpoints.join() === ownChain ? { kind: "development" } : { kind: "external", endpoints: [...endpoints] };
  return isSameChain(base, chosen) ? base : chosen;
}

export function isSameChain(a: ChainChoice, b: ChainChoice): boolean {
  return endpointsOf(a).join() === endpointsOf(b).join();
}

function endpointsOf(chain: ChainChoice): readonly string[] {
  return chain.kind === "external" ? chain.endpoints : [];
}

/**
 * Returns `base` with the values that the roles really run with. The file differs from them after it was changed by hand or
 * an `up` was killed; then the changes must be counted from what runs.
 */
export function asItRuns(base: Installation, running: RunningInstallation): Installation {
  const { netuid = base.subnet.netuid, chain = base.chain, is_encrypted = base.network.is_encrypted } = running;
  const seen: Installation = {
    ...base,
    subnet: { netuid },
    chain: isSameChain(base.chain, chain) ? base.chain : chain,
    ports: {
      proxy: running.ports.proxy ?? base.ports.proxy,
      admin: running.ports.admin ?? base.ports.admin,
      ops: running.ports.ops ?? base.ports.ops,
      chain: running.ports.chain ?? base.ports.chain,
    },
    network: { ...base.network, is_encrypted },
  };
  const seconds = running.epoch_seconds ?? epochSeconds(base);
  return seconds === epochSeconds(seen) && base.subnet.epoch_seconds === undefined
    ? seen
    : { ...seen, subnet: { netuid, epoch_seconds: seconds } };
}

/**
 * Finds the choices of an installation that has no file yet: they are read from what runs. If nothing runs, options must
 * name the subnet and the chain. Returns the names of the options that are missing, if any.
 */
export function adopt(
  defaults: Installation,
  running: RunningInstallation,
  choices: Choices,
): Installation | { readonly missing: readonly string[] } {
  if (running.netuid !== undefined && running.chain !== undefined) return asItRuns(defaults, running);
  const missing = [
    ...(choices.netuid === undefined ? ["--netuid"] : []),
    ...(choices.chainEndpoint === undefined ? ["--chain-endpoint"] : []),
  ];
  return missing.length > 0 ? { missing } : asItRuns(choose(defaults, choices), running);
}
