/** Mechanisms share the storage of their subnet at multiples of this (chain §3). */
const mechanism_stride = 4096;

/** The key of `Weights`, `LastUpdate` and the commits: the netuid itself for mechanism 0. */
export function storageIndex(netuid: number, mechanism: number): number {
  return mechanism * mechanism_stride + netuid;
}
