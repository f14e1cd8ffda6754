import { BlockList, isIPv6 } from "node:net";
import { networkInterfaces } from "node:os";
import type { Engine } from "#shared/engine/engine.ts";
import { ProblemError, problemResponse } from "#shared/http/problem.ts";
import { requestIdOf } from "#shared/http/request-id.ts";

/** The stagers' network. Only the transfer routes are served there (architecture §2). */
export interface StagerNetwork {
  /** The broker's own address there. */
  readonly address: string;
  has(address: string): boolean;
}

const familyOf = (address: string) => (isIPv6(address) ? "ipv6" : "ipv4");

/** The addresses of this process's network interfaces. */
export function ownAddresses(): string[] {
  return Object.values(networkInterfaces()).flatMap((all) => (all ?? []).map(({ address }) => address));
}

/** The stagers' network by its name. @throws Error when it does not exist, or none of the `own` addresses is on it */
export async function findStagerNetwork(
  engine: Pick<Engine, "network">,
  name: string,
  own: readonly string[],
): Promise<StagerNetwork> {
  const network = await engine.network(name);
  const members = new BlockList();
  for (const { Subnet = "" } of network?.IPAM?.Config ?? []) {
    const [base = "", prefix] = Subnet.split("/");
    members.addSubnet(base, Number(prefix), familyOf(base));
  }
  const has = (address: string) => members.check(address, familyOf(address));
  const address = own.find(has);
  if (!address) throw new Error(`the broker has no address on the network ${name}`);
  return { address, has };
}

type Handler = (request: Request) => Promise<Response>;

/** Wraps `handler` so that callers on the stagers' network get 404. */
export function closedTo(network: StagerNetwork, handler: Handler) {
  return async (request: Request, server: Bun.Server<undefined>): Promise<Response> => {
    const peer = server.requestIP(request)?.address;
    if (peer === undefined || !network.has(peer)) return await handler(request);
    const refusal = new ProblemError(404, "not_found", "There is nothing at this path.");
    return problemResponse(refusal, requestIdOf(request.headers.get("x-request-id")));
  };
}
