import { join, ScaleReader } from "#shared/chain/scale.ts";
import { hashers, hex, twox128 } from "./hashing.ts";
import type { StorageItem } from "./storage-items.ts";

/** The changes of a block: storage key to value; null for a removed one. */
export type Changes = Map<string, Uint8Array | null>;

const prefixes = new Map<StorageItem, Uint8Array>();

/** The full storage key of an entry, 0x-prefixed hex; `keys` are SCALE-encoded. */
export function storageKey(item: StorageItem, ...keys: readonly Uint8Array[]): string {
  let prefix = prefixes.get(item);
  if (prefix === undefined) {
    prefix = join(twox128(item.pallet), twox128(item.name));
    prefixes.set(item, prefix);
  }
  return hex(join(prefix, ...item.keys.map(([hasher], index) => hashers[hasher](keys[index] ?? new Uint8Array()))));
}

/** The key-value state after one block. Branching is cheap. A state never changes once a block builds on it. */
export class State {
  readonly #values: Map<string, Uint8Array>;
  readonly changes: Changes = new Map();

  constructor(values: ReadonlyMap<string, Uint8Array> = new Map()) {
    this.#values = new Map(values);
  }

  /** A new state that begins with this one's values. */
  branch(): State {
    return new State(this.#values);
  }

  raw(key: string): Uint8Array | undefined {
    return this.#values.get(key);
  }

  keysWithPrefix(prefix: string): string[] {
    return [...this.#values.keys()].filter((key) => key.startsWith(prefix)).toSorted();
  }

  entries(): IterableIterator<[string, Uint8Array]> {
    return this.#values.entries();
  }

  has(item: StorageItem, ...keys: readonly Uint8Array[]): boolean {
    return this.#values.has(storageKey(item, ...keys));
  }

  read(item: StorageItem, ...keys: readonly Uint8Array[]): ScaleReader {
    const value = this.#values.get(storageKey(item, ...keys)) ?? item.fallback;
    if (value === undefined) throw new Error(`${item.pallet}.${item.name}: no such entry`);
    return new ScaleReader(value);
  }

  write(item: StorageItem, keys: readonly Uint8Array[], value: Uint8Array): void {
    const key = storageKey(item, ...keys);
    this.#values.set(key, value);
    this.changes.set(key, value);
  }

  remove(item: StorageItem, ...keys: readonly Uint8Array[]): void {
    const key = storageKey(item, ...keys);
    this.#values.delete(key);
    this.changes.set(key, null);
  }

  apply(changes: Changes): void {
    for (const [key, value] of changes) {
      if (value === null) this.#values.delete(key);
      else this.#values.set(key, value);
    }
  }
}
