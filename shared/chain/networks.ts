/** Public endpoints of the networks Bittensor's tools know by name. */
const endpointByNetwork: Readonly<Record<string, string>> = {
  finney: "wss://entrypoint-finney.opentensor.ai:443",
  test: "wss://test.finney.opentensor.ai:443",
  archive: "wss://archive.chain.opentensor.ai:443",
  local: "ws://127.0.0.1:9944",
};

/** The URL of `finney`, `test`, `archive`, `local`, or of a ws(s) URL itself. @throws Error for any other text, with what was expected */
export function resolveEndpoint(network: string): string {
  const known = endpointByNetwork[network];
  if (known !== undefined) return known;
  const url = URL.parse(network);
  if (url === null || (url.protocol !== "ws:" && url.protocol !== "wss:")) {
    throw new Error(
      `chain endpoint ${JSON.stringify(network)}: expected ${Object.keys(endpointByNetwork).join(", ")} or a ws:// or wss:// URL`,
    );
  }
  return network;
}

/** The endpoint as it may be shown: scheme, host and port. The rest may hold a key. */
export function publicEndpoint(endpoint: string): string {
  const url = URL.parse(endpoint);
  return url === null ? "" : `${url.protocol}//${url.host}`;
}
