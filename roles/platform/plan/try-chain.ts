import { ChainUnreachableError, SubnetNotFoundError } from "#shared/chain/chain.ts";
import { connectChain } from "#shared/chain/metagraph.ts";
import { publicEndpoint, resolveEndpoint } from "#shared/chain/networks.ts";
import { isLoopback } from "./loopback.ts";

/**
 * The outcome of trying a chain: its genesis hash, if an endpoint answered, and sentences about what keeps it from
 * being used.
 */
export interface ChainTrial {
  readonly genesis: string | null;
  readonly findings: readonly string[];
}

/** Reads the genesis hash and the subnet from each endpoint. An endpoint that does not answer counts only if none answers. */
export async function tryChain(endpoints: readonly string[], netuid: number): Promise<ChainTrial> {
  const unreachable = endpoints.map(resolveEndpoint).filter((endpoint) => isLoopback(new URL(endpoint).hostname));
  if (unreachable.length > 0)
    return {
      genesis: null,
      findings: unreachable.map(
        (endpoint) =>
          `chain endpoint ${publicEndpoint(endpoint)}: this is the machine's own loopback, which the roles' containers cannot reach. Name an address that they can.`,
      ),
    };
  const answers = await Promise.all(endpoints.map((endpoint) => askChain(endpoint, netuid)));
  const genesises = new Set(answers.flatMap(({ genesis }) => genesis ?? []));
  if (genesises.size === 0) return { genesis: null, findings: answers.map(({ finding }) => finding ?? "") };
  if (genesises.size > 1)
    return {
      genesis: null,
      findings: [
        `the chain endpoints are of different chains (genesis ${[...genesises].join(" and ")}): name one chain's`,
      ],
    };
  const refusals = answers.flatMap(({ genesis, finding }) => (genesis && finding ? [finding] : []));
  return { genesis: [...genesises][0] ?? null, findings: refusals };
}

interface Answer {
  readonly genesis: string | null;
  readonly finding: string | null;
}

async function askChain(endpoint: string, netuid: number): Promise<Answer> {
  const shown = publicEndpoint(resolveEndpoint(endpoint));
  const chain = connectChain({ endpoints: [endpoint] });
  let genesis: string | null = null;
  try {
    genesis = await chain.genesis();
    await chain.readMetagraph(netuid);
    return { genesis, finding: null };
  } catch (error) {
    if (error instanceof SubnetNotFoundError)
      return { genesis, finding: `chain endpoint ${shown}: ${error.message}. Choose another --netuid.` };
    if (!(error instanceof ChainUnreachableError)) throw error;
    return { genesis, finding: `chain endpoint ${shown}: it cannot be used: ${deepest(error)}` };
  } finally {
    await chain.close();
  }
}

/** The message of the innermost cause. It says what happened; the errors around it only say where. */
function deepest(error: unknown): string {
  const { message, cause } = error as Error;
  return cause instanceof Error ? deepest(cause) : message;
}
