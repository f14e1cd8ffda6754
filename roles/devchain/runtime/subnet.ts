import { compact, join, type ScaleReader, u16, u64, vec } from "#shared/chain/scale.ts";
import type { State } from "./state.ts";
import { items, type StorageItem } from "./storage-items.ts";

/** Reads and writes of one subnet's storage, in plain numbers. */
export class Subnet {
  readonly state: State;
  readonly netuid: number;
  readonly #key: Uint8Array;

  constructor(state: State, netuid: number) {
    this.state = state;
    this.netuid = netuid;
    this.#key = u16(netuid);
  }

  get exists(): boolean {
    return this.state.read(items.networks_added, this.#key).u8() === 1;
  }

  u16(item: StorageItem): number {
    return this.state.read(item, this.#key).u16();
  }

  u64(item: StorageItem): number {
    return Number(this.state.read(item, this.#key).u64());
  }

  bool(item: StorageItem): boolean {
    return this.state.read(item, this.#key).u8() === 1;
  }

  write(item: StorageItem, value: Uint8Array): void {
    this.state.write(item, [this.#key], value);
  }

  get mechanism_count(): number {
    return this.u16(items.mechanism_count);
  }

  uidOf(account: Uint8Array): number | undefined {
    return this.state.has(items.uids, this.#key, account)
      ? this.state.read(items.uids, this.#key, account).u16()
      : undefined;
  }

  hotkeyOf(uid: number): Uint8Array {
    return this.state.read(items.keys, this.#key, u16(uid)).take(32);
  }

  stakeOf(account: Uint8Array): bigint {
    return this.state.read(items.hotkey_alpha, account, this.#key).u64();
  }

  permits(): boolean[] {
    return this.state.read(items.validator_permit, this.#key).list((reader) => reader.u8() === 1);
  }

  lastUpdates(index: number = this.netuid): number[] {
    return this.state.read(items.last_update, u16(index)).list((reader) => Number(reader.u64()));
  }

  setLastUpdate(index: number, uid: number, block: number): void {
    const updates = this.lastUpdates(index);
    while (updates.length <= uid) updates.push(0);
    updates[uid] = block;
    this.state.write(items.last_update, [u16(index)], vec(updates.map((update) => u64(update))));
  }

  setWeights(index: number, uid: number, entries: readonly (readonly [number, number])[]): void {
    const encoded = entries.map(([target, value]) => join(u16(target), u16(value)));
    this.state.write(items.weights, [u16(index), u16(uid)], vec(encoded));
  }

  /** Adds a neuron at the next uid, or changes stake and permit of a known one. @returns its uid */
  register(neuron: {
    readonly hotkey: Uint8Array;
    readonly coldkey: Uint8Array;
    readonly stake: bigint;
    readonly permit: boolean;
  }): number {
    const known = this.uidOf(neuron.hotkey);
    const uid = known ?? this.u16(items.subnetwork_n);
    if (known === undefined) {
      this.write(items.subnetwork_n, u16(uid + 1));
      this.state.write(items.keys, [this.#key, u16(uid)], neuron.hotkey);
      this.state.write(items.uids, [this.#key, neuron.hotkey], u16(uid));
      this.state.write(items.owner, [neuron.hotkey], neuron.coldkey);
      for (let mechanism = 0; mechanism < this.mechanism_count; mechanism++) {
        this.setLastUpdate(mechanism * 4096 + this.netuid, uid, 0);
      }
    }
    const permits = this.permits();
    permits[uid] = neuron.permit;
    this.write(items.validator_permit, vec(permits.map((permit) => Uint8Array.of(permit ? 1 : 0))));
    this.state.write(items.hotkey_alpha, [neuron.hotkey, this.#key], u64(neuron.stake));
    return uid;
  }

  commits(index: number, epoch: number): Commit[] {
    return this.state.read(items.timelocked_commits, u16(index), u64(epoch)).list(readCommit);
  }

  setCommits(index: number, epoch: number, commits: readonly Commit[]): void {
    const keys = [u16(index), u64(epoch)] as const;
    if (commits.length === 0) this.state.remove(items.timelocked_commits, ...keys);
    else this.state.write(items.timelocked_commits, keys, vec(commits.map(writeCommit)));
  }
}

export interface Commit {
  readonly hotkey: Uint8Array;
  readonly block: number;
  readonly ciphertext: Uint8Array;
  readonly reveal_round: bigint;
}

function readCommit(reader: ScaleReader): Commit {
  const hotkey = reader.take(32);
  const block = Number(reader.u64());
  const ciphertext = reader.take(reader.compact());
  return { hotkey, block, ciphertext, reveal_round: reader.u64() };
}

function writeCommit({ hotkey, block, ciphertext, reveal_round }: Commit): Uint8Array {
  return join(hotkey, u64(block), compact(ciphertext.length), ciphertext, u64(reveal_round));
}
