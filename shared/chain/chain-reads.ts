import type { ApiPromise } from "@polkadot/api";
import type { BlockRef, Metagraph, Neuron, SubnetState, WeightEntry } from "./chain.ts";
import { SubnetNotFoundError } from "./chain.ts";
import type { EpochState } from "./schedule.ts";
import { storageIndex } from "./storage-index.ts";

/** Fields of the selective metagraph by their number in the runtime: hotkeys, permits, last update, total stake. */
const fieldIndexes = { hotkeys: 52, validatorPermit: 57, lastUpdate: 59, totalStake: 69 };

/** The members of a library codec that we read. */
interface Value {
  toJSON(): unknown;
  toString(): string;
}
type ApiAt = Awaited<ReturnType<ApiPromise["at"]>>;

interface SelectiveFields {
  readonly hotkeys: readonly string[];
  readonly permits: readonly boolean[];
  readonly last_updates: readonly number[];
  readonly stakes: readonly bigint[] | null;
}

/** The best block. */
export async function headOf(api: ApiPromise): Promise<BlockRef> {
  return await refOf(api, (await api.rpc.chain.getBlockHash()).toHex());
}

/** The last finalized block. */
export async function finalizedHeadOf(api: ApiPromise): Promise<BlockRef> {
  return await refOf(api, (await api.rpc.chain.getFinalizedHead()).toHex());
}

async function refOf(api: ApiPromise, block_hash: string): Promise<BlockRef> {
  const header = await api.rpc.chain.getHeader(block_hash);
  return { block: header.number.toNumber(), block_hash };
}

/** Reads the neurons by one runtime call, or from storage when the runtime does not have that call. */
export async function readMetagraphAt(api: ApiPromise, netuid: number, at: BlockRef): Promise<Metagraph> {
  const api_at = await api.at(at.block_hash);
  const fields = (await selectiveMetagraph(api_at, netuid)) ?? (await metagraphFromStorage(api_at, netuid));
  if (fields === null) throw new SubnetNotFoundError(netuid);
  const neurons = fields.hotkeys.map(
    (hotkey, uid): Neuron => ({
      uid,
      hotkey,
      validator_permit: fields.permits[uid] ?? false,
      last_update: fields.last_updates[uid] ?? 0,
      stake: fields.stakes?.[uid] ?? null,
    }),
  );
  return { netuid, ...at, neurons };
}

async function selectiveMetagraph(api_at: ApiAt, netuid: number): Promise<SelectiveFields | null> {
  const call = api_at.call["subnetInfoRuntimeApi"]?.["getSelectiveMetagraph"];
  if (call === undefined) return null;
  const answer = (await call(netuid, Object.values(fieldIndexes))) as unknown as Value;
  const fields = answer.toJSON() as Record<string, unknown> | null;
  if (fields === null || !Array.isArray(fields["hotkeys"])) return null;
  return {
    hotkeys: fields["hotkeys"] as string[],
    permits: (fields["validatorPermit"] ?? []) as boolean[],
    last_updates: ((fields["lastUpdate"] ?? []) as unknown[]).map(Number),
    stakes: ((fields["totalStake"] ?? []) as (string | number)[]).map(BigInt),
  };
}

async function metagraphFromStorage(api_at: ApiAt, netuid: number): Promise<SelectiveFields | null> {
  const read = await readMany(api_at, { networksAdded: [netuid], validatorPermit: [netuid], lastUpdate: [netuid] });
  if (read("networksAdded") !== true) return null;
  const keys = (await api_at.query["subtensorModule"]?.["keys"]?.entries(netuid)) ?? [];
  const by_uid = keys.map(([key, hotkey]) => [Number(key.args[1]?.toString()), hotkey.toString()] as const);
  return {
    hotkeys: by_uid.sort(([a], [b]) => a - b).map(([, hotkey]) => hotkey),
    permits: (read("validatorPermit") ?? []) as boolean[],
    last_updates: ((read("lastUpdate") ?? []) as unknown[]).map(Number),
    stakes: null,
  };
}

/** The stored weights of `uid` under a storage index (chain §3), sorted by uid. */
export async function readWeightsAt(api: ApiPromise, index: number, uid: number, at: BlockRef): Promise<WeightEntry[]> {
  const api_at = await api.at(at.block_hash);
  const stored = (await api_at.query["subtensorModule"]?.["weights"]?.(index, uid)) as unknown as Value | undefined;
  return ((stored?.toJSON() ?? []) as [number, number][]).toSorted(([a], [b]) => a - b);
}

/** A timelocked commit that waits for its reveal. */
export interface StandingCommit {
  readonly hotkey: string;
  readonly commit: string;
  readonly reveal_round: number;
}

/** The commits of one epoch that wait for their reveal. */
export async function readCommitsAt(
  api: ApiPromise,
  index: number,
  epoch: number,
  at: BlockRef,
): Promise<StandingCommit[]> {
  const api_at = await api.at(at.block_hash);
  const stored = await api_at.query["subtensorModule"]?.["timelockedWeightCommits"]?.(index, epoch);
  const commits = ((stored as unknown as Value | undefined)?.toJSON() ?? []) as [string, number, string, number][];
  return commits.map(([hotkey, , commit, reveal_round]) => ({ hotkey, commit, reveal_round: Number(reveal_round) }));
}

/** Reads everything that decides whether one hotkey may set weights: one storage query and one runtime call, at one block. */
export async function readSubnetAt(
  api: ApiPromise,
  subject: { readonly netuid: number; readonly mechanism: number; readonly hotkey: string },
  at: BlockRef,
): Promise<SubnetState> {
  const { netuid, mechanism, hotkey } = subject;
  const api_at = await api.at(at.block_hash);
  const [read, fields, account] = await Promise.all([
    readMany(api_at, {
      networksAdded: [netuid],
      subnetworkN: [netuid],
      uids: [netuid, hotkey],
      lastUpdate: [storageIndex(netuid, mechanism)],
      weightsSetRateLimit: [netuid],
      minAllowedWeights: [netuid],
      maxWeightsLimit: [netuid],
      weightsVersionKey: [netuid],
      commitRevealWeightsEnabled: [netuid],
      commitRevealWeightsVersion: [],
      revealPeriodEpochs: [netuid],
      stakeThreshold: [],
      validatorPermit: [netuid],
      tempo: [netuid],
      lastEpochBlock: [netuid],
      pendingEpochAt: [netuid],
      subnetEpochIndex: [netuid],
      blocksSinceLastStep: [netuid],
    }),
    selectiveMetagraph(api_at, netuid),
    api_at.query["system"]?.["account"]?.(hotkey) as unknown as Promise<{ readonly nonce: Value }>,
  ]);
  const uid = (read("uids") ?? null) as number | null;
  const at_uid = (name: string): unknown => (uid === null ? undefined : ((read(name) ?? []) as unknown[])[uid]);
  return {
    ...subject,
    ...at,
    exists: read("networksAdded") === true,
    uid,
    neuron_count: Number(read("subnetworkN") ?? 0),
    validator_permit: at_uid("validatorPermit") === true,
    last_update: Number(at_uid("lastUpdate") ?? 0),
    rate_limit_blocks: Number(read("weightsSetRateLimit") ?? 0),
    min_allowed_weights: Number(read("minAllowedWeights") ?? 0),
    max_weights_limit: Number(read("maxWeightsLimit") ?? 65_535),
    version_key: BigInt((read("weightsVersionKey") ?? 0) as string | number),
    isCommitRevealEnabled: read("commitRevealWeightsEnabled") === true,
    commit_reveal_version: Number(read("commitRevealWeightsVersion") ?? 0),
    reveal_period_epochs: read("revealPeriodEpochs") === undefined ? null : Number(read("revealPeriodEpochs")),
    stake: uid === null ? null : (fields?.stakes?.[uid] ?? null),
    stake_threshold: BigInt((read("stakeThreshold") ?? 0) as string | number),
    nonce: Number(account.nonce.toString()),
    epoch: epochState(read, netuid),
  };
}

function epochState(read: Reader, netuid: number): EpochState {
  const tempo = Number(read("tempo") ?? 0);
  if (read("lastEpochBlock") === undefined) return { kind: "computed", tempo, netuid };
  return {
    kind: "stateful",
    tempo,
    last_epoch_block: Number(read("lastEpochBlock")),
    pending_epoch_at: Number(read("pendingEpochAt") ?? 0),
    epoch_index: Number(read("subnetEpochIndex") ?? 0),
    blocks_since_last_step: Number(read("blocksSinceLastStep") ?? 0),
  };
}

/** Reads by the item's name; undefined when this runtime does not have the item. */
type Reader = (name: string) => unknown;

async function readMany(api_at: ApiAt, wanted: Readonly<Record<string, readonly unknown[]>>): Promise<Reader> {
  const known = Object.entries(wanted).flatMap(([name, args]) => {
    const item = api_at.query["subtensorModule"]?.[name];
    return item === undefined
      ? []
      : [{ name, call: [item, ...(args.length > 1 ? [args] : args)] as Parameters<ApiAt["queryMulti"]>[0][number] }];
  });
  const values = (await api_at.queryMulti(known.map(({ call }) => call))) as unknown as Value[];
  const by_name = new Map(known.map(({ name }, index) => [name, values[index]?.toJSON()]));
  return (name) => by_name.get(name);
}
