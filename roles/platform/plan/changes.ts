import { publicEndpoint, resolveEndpoint } from "#shared/chain/networks.ts";
import { epochSeconds } from "./choices.ts";
import type { ChainChoice, Installation } from "./installation.ts";

/** Choices that decide which subnet gets the weights, and whose weights they are. A change must be confirmed by its name. */
export const graveChoices = ["database", "netuid", "chain"] as const;
export type GraveChoice = (typeof graveChoices)[number];

/** One choice that would change. */
export interface Change {
  readonly what: string;
  readonly from: string;
  readonly to: string;
  /** What the change means for the subnet. Null: it means nothing for it. */
  readonly meaning: string | null;
}

/** An installation and the label of its database. */
export interface Chosen {
  readonly installation: Installation;
  readonly database: string;
}

/** The changes from `former` to `wanted`, grave changes first. */
export function changesBetween(former: Chosen, wanted: Chosen): Change[] {
  const [from, to] = [rowsOf(former), rowsOf(wanted)];
  const changes = Object.keys(to).flatMap((what) =>
    from[what] === to[what]
      ? []
      : [{ what, from: from[what] ?? "", to: to[what] ?? "", meaning: meaningOf(what, former, wanted) }],
  );
  return changes.map((change) => (change.what === "chain" ? withoutKeys(change, former, wanted) : change));
}

export function isGrave({ what }: Pick<Change, "what">): boolean {
  return (graveChoices as readonly string[]).includes(what);
}

/** Describes the changes as text for a person. */
export function describeChanges(changes: readonly Change[]): string {
  const width = Math.max(...changes.map(({ what }) => what.length));
  return changes
    .map(({ what, from, to, meaning }) => {
      const line = `    ${what.padEnd(width)}  ${from} → ${to}\n`;
      return meaning ? `${line}    ${" ".repeat(width)}  ${meaning}\n` : line;
    })
    .join("");
}

function rowsOf({ installation, database }: Chosen): Record<string, string> {
  const { name, subnet, chain, ports, network, engine } = installation;
  return {
    database,
    netuid: String(subnet.netuid),
    chain: chain.kind === "external" ? chain.endpoints.join() : "",
    name,
    "epoch seconds": String(epochSeconds(installation)),
    "proxy port": String(ports.proxy),
    "admin port": String(ports.admin),
    "ops port": String(ports.ops),
    "chain port": String(ports.chain),
    encryption: network.is_encrypted ? "on" : "off",
    "advertised address": network.advertise_addr ?? "chosen by itself",
    socket: engine.socket,
  };
}

/** Shows only the hosts of chain endpoints, because the path of an endpoint may hold a secret key of its provider. */
function withoutKeys(change: Change, former: Chosen, wanted: Chosen): Change {
  const [from, to] = [describeChain(former.installation.chain), describeChain(wanted.installation.chain)];
  return { ...change, from, to: from === to ? `${to} by another path or key` : to };
}

function describeChain(chain: ChainChoice): string {
  if (chain.kind === "development") return "the development chain";
  return chain.endpoints.map((endpoint) => publicEndpoint(resolveEndpoint(endpoint))).join(", ");
}

function meaningOf(what: string, former: Chosen, wanted: Chosen): string | null {
  if (what === "database")
    return "Registry, tokens, jobs and epochs are from now on those of the other database. Nothing is copied; the former one stays as it is.";
  if (what === "netuid")
    return `Weights are made for subnet ${wanted.installation.subnet.netuid} from now on, subnet ${former.installation.subnet.netuid} gets none, and miners must be registered on the other one.`;
  if (what === "chain") return chainMeaning(former.installation.chain, wanted.installation.chain);
  return null;
}

function chainMeaning(from: ChainChoice, to: ChainChoice): string {
  if (to.kind === "development")
    return "Miners and weights are those of a chain on this machine alone; the real subnet gets no weights from here.";
  if (from.kind === "development")
    return "Weights are made for a real subnet. The development chain and its validator are removed, their volumes stay.";
  const isSame = from.genesis !== undefined && from.genesis === to.genesis;
  return isSame
    ? `It is the same chain (genesis ${to.genesis}) by another way.`
    : "Miners and weights are those of the other chain, which is not known to be the same.";
}
