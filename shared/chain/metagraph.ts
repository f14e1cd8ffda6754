import type { BlockRef, Chain, Metagraph, WeightEntry } from "./chain.ts";
import { finalizedHeadOf, headOf, readMetagraphAt, readWeightsAt } from "./chain-reads.ts";
import { ChainConnection, type ConnectionOptions } from "./connection.ts";

/**
 * Opens the chain for reading. Connects on the first read, and again after a connection broke. When an endpoint fails, reads
 * go to the next one. An endpoint that limits our rate is left alone for 60 s.
 *
 * @throws Error for an endpoint that is neither a known network's name nor a ws(s) URL
 * @example
 * const chain = connectChain({ endpoints: ["ws://127.0.0.1:9944"] });
 * const { block, neurons } = await chain.readMetagraph(1);
 * await chain.close();
 */
export function connectChain(options: ConnectionOptions): Chain {
  return new PolkadotChain(new ChainConnection(options));
}

/** {@link Chain} over `@polkadot/api`. */
export class PolkadotChain implements Chain {
  protected readonly connection: ChainConnection;

  constructor(connection: ChainConnection) {
    this.connection = connection;
  }

  get endpoint(): string {
    return this.connection.endpoint;
  }

  async genesis(): Promise<string> {
    return await this.connection.read(async ({ api }) => api.genesisHash.toHex());
  }

  async head(): Promise<BlockRef> {
    return await this.connection.read(({ api }) => headOf(api));
  }

  async finalizedHead(): Promise<BlockRef> {
    return await this.connection.read(({ api }) => finalizedHeadOf(api));
  }

  async readMetagraph(netuid: number, at?: BlockRef): Promise<Metagraph> {
    return await this.connection.read(async ({ api }) => await readMetagraphAt(api, netuid, at ?? (await headOf(api))));
  }

  async readWeights(netuid: number, uid: number, at?: BlockRef): Promise<readonly WeightEntry[]> {
    return await this.connection.read(
      async ({ api }) => await readWeightsAt(api, netuid, uid, at ?? (await headOf(api))),
    );
  }

  async close(): Promise<void> {
    await this.connection.close();
  }
}
