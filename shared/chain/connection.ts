import type { ApiPromise, WsProvider } from "@polkadot/api";
import type { ApiOptions } from "@polkadot/api/types";
import { limits } from "../schemas/limits.ts";
import { type Clock, systemClock } from "../time/clock.ts";
import { DeadlineError, within } from "../time/with-deadline.ts";
import { ChainUnreachableError } from "./chain.ts";
import { EndpointRing } from "./endpoints.ts";
import { publicEndpoint, resolveEndpoint } from "./networks.ts";

export interface ConnectionOptions {
  /** Names or ws(s) URLs, tried in turn. */
  readonly endpoints: readonly string[];
  readonly clock?: Clock;
}

export interface Session {
  readonly api: ApiPromise;
  readonly provider: WsProvider;
  readonly endpoint: string;
}

/** Subtensor's own extensions add nothing to the extrinsic. Without an entry here the library warns and guesses. */
const emptyExtensions = Object.fromEntries(
  ["SudoTransactionExtension", "CheckShieldedTxValidity", "SubtensorTransactionExtension", "DrandPriority"].map(
    (name) => [name, { extrinsic: {}, payload: {} }],
  ),
);
const { connect_ms_max, call_ms_max } = limits.chain;
const rate_limit_code = -32005;

/** One connection to the first endpoint that answers. Opened on first use, and again after it broke. */
export class ChainConnection {
  readonly #ring: EndpointRing;
  readonly #clock: Clock;
  #session: Promise<Session> | undefined;
  #endpoint = "";
  #isClosed = false;

  constructor({ endpoints, clock = systemClock }: ConnectionOptions) {
    this.#ring = new EndpointRing(endpoints.map(resolveEndpoint), clock);
    this.#clock = clock;
  }

  get endpoint(): string {
    return publicEndpoint(this.#endpoint);
  }

  /**
   * Runs `read`, which must be safe to repeat: when an endpoint fails, each of the others gets one try.
   *
   * @throws ChainUnreachableError when no endpoint is left, and the chain's own errors as they are
   */
  async read<T>(read: (session: Session) => Promise<T>): Promise<T> {
    let cause: unknown;
    for (let attempt = 0; attempt < this.#ring.size; attempt++) {
      const endpoint = this.#ring.current();
      try {
        const session = await this.#open(endpoint);
        return await within(this.#clock, call_ms_max, read(session), "the chain's answer");
      } catch (error) {
        if (!isEndpointFault(error)) throw error;
        cause = error;
        await this.#drop();
        this.#ring.failed(endpoint, isRateLimit(error));
      }
    }
    throw new ChainUnreachableError("no chain endpoint answered", { cause });
  }

  /** The open session, for a call that must not be repeated: neither this endpoint nor another is tried again. */
  async session(): Promise<Session> {
    return await this.#open(this.#ring.current());
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#drop();
  }

  async #open(endpoint: string): Promise<Session> {
    if (this.#isClosed) throw new Error("the chain connection is closed");
    if (this.#session !== undefined && this.#endpoint === endpoint) return await this.#session;
    await this.#drop();
    this.#endpoint = endpoint;
    const opening = openSession(endpoint, this.#clock, () => {
      if (this.#session === opening) this.#session = undefined;
    });
    this.#session = opening;
    return await opening;
  }

  async #drop(): Promise<void> {
    const session = this.#session;
    this.#session = undefined;
    const open = await session?.catch(() => undefined);
    await open?.api.disconnect();
  }
}

async function openSession(endpoint: string, clock: Clock, lost: () => void): Promise<Session> {
  // Loading the library costs 100 ms and 50 MB, so only a role that uses a chain loads it.
  const [{ ApiPromise, WsProvider }, { rpcDefinitions }] = await Promise.all([
    import("@polkadot/api"),
    import("@polkadot/types"),
  ]);
  silence(rpcDefinitions);
  const provider = new WsProvider(endpoint, false, {}, call_ms_max);
  const failure = Promise.withResolvers<never>();
  failure.promise.catch(() => undefined);
  provider.on("error", (event: unknown) => failure.reject(new EndpointFault(`cannot connect: ${eventText(event)}`)));
  provider.on("disconnected", () => {
    failure.reject(new EndpointFault("disconnected"));
    lost();
  });
  try {
    await provider.connect();
    const creating = ApiPromise.create({
      provider: provider as unknown as NonNullable<ApiOptions["provider"]>,
      noInitWarn: true,
      throwOnConnect: true,
      signedExtensions: emptyExtensions,
    });
    creating.catch(() => undefined);
    const api = await within(
      clock,
      connect_ms_max,
      Promise.race([creating, failure.promise]),
      `connecting to ${publicEndpoint(endpoint)}`,
    );
    return { api, provider, endpoint };
  } catch (error) {
    lost();
    await provider.disconnect().catch(() => undefined);
    throw isEndpointFault(error) ? error : new EndpointFault("cannot connect", { cause: error });
  }
}

/** We log errors ourselves: the library would write lines to standard error that are not JSON. */
function silence(definitions: Readonly<Record<string, Readonly<Record<string, object>>>>): void {
  for (const methods of Object.values(definitions)) {
    for (const definition of Object.values(methods)) Object.assign(definition, { noErrorLog: true });
  }
}

class EndpointFault extends Error {
  override readonly name = "EndpointFault";
}

function isRateLimit(error: unknown): boolean {
  const { code, message = "" } = error as { code?: unknown; message?: string };
  return code === rate_limit_code || /\b429\b|-32005/.test(message);
}

function isEndpointFault(error: unknown): boolean {
  if (error instanceof EndpointFault || error instanceof DeadlineError || isRateLimit(error)) return true;
  const { message = "" } = error as Error;
  return /disconnected from|not connected|No response received from RPC/.test(message);
}

function eventText(event: unknown): string {
  const { message } = event as { message?: unknown };
  return typeof message === "string" && message !== "" ? message : "the connection failed";
}
