import { compact, join, ScaleReader, u32 } from "#shared/chain/scale.ts";
import { blake2_256 } from "./hashing.ts";
import { callIndexes, runtimeVersion } from "./names.ts";

export type Call =
  | { readonly kind: "remark" }
  | {
      readonly kind: "set_weights";
      readonly netuid: number;
      readonly mechanism: number;
      readonly uids: readonly number[];
      readonly values: readonly number[];
      readonly version_key: bigint;
    }
  | {
      readonly kind: "commit";
      readonly netuid: number;
      readonly mechanism: number;
      readonly commit: Uint8Array;
      readonly reveal_round: bigint;
      readonly commit_reveal_version: number;
    };

/** A mortal era: valid from block `birth(now)` for `period` blocks. */
export interface Era {
  readonly period: number;
  readonly phase: number;
}

export interface SignedExtrinsic {
  readonly bytes: Uint8Array;
  readonly hash: Uint8Array;
  readonly signer: Uint8Array;
  readonly signature: Uint8Array;
  /** null: immortal. */
  readonly era: Era | null;
  readonly nonce: number;
  readonly call: Call;
  readonly call_bytes: Uint8Array;
  readonly extra_bytes: Uint8Array;
}

const signed_v4_byte = 0x84;
const sr25519_signature_byte = 1;
const commit_bytes_max = 5_000;

/** Reads a signed extrinsic of this runtime. @throws Error with the reason for anything else */
export function decodeExtrinsic(bytes: Uint8Array): SignedExtrinsic {
  const reader = new ScaleReader(bytes);
  if (reader.compact() !== reader.rest) throw new Error("the length prefix does not match");
  if (reader.u8() !== signed_v4_byte) throw new Error("expected a signed extrinsic of version 4");
  if (reader.u8() !== 0) throw new Error("expected an account id as the signer");
  const signer = reader.take(32);
  if (reader.u8() !== sr25519_signature_byte) throw new Error("expected an sr25519 signature");
  const signature = reader.take(64);
  const before_extra = reader.rest;
  const era = decodeEra(reader);
  const nonce = reader.compact();
  reader.compact(); // The tip: nobody competes for blocks here.
  if (reader.u8() !== 0) throw new Error("the metadata hash mode must be disabled");
  const extra_bytes = bytes.subarray(bytes.length - before_extra, bytes.length - reader.rest);
  const call_bytes = bytes.subarray(bytes.length - reader.rest);
  const call = decodeCall(reader);
  if (reader.rest !== 0) throw new Error(`${reader.rest} bytes follow the call`);
  return { bytes, hash: blake2_256(bytes), signer, signature, era, nonce, call, call_bytes, extra_bytes };
}

/** The signed bytes: call, extensions and their additional data, as a hash when longer than 256 bytes. */
export function signedBytes(extrinsic: SignedExtrinsic, genesis_hash: Uint8Array, birth_hash: Uint8Array): Uint8Array {
  const payload = join(
    extrinsic.call_bytes,
    extrinsic.extra_bytes,
    u32(runtimeVersion.specVersion),
    u32(runtimeVersion.transactionVersion),
    genesis_hash,
    birth_hash,
    Uint8Array.of(0),
  );
  return payload.length > 256 ? blake2_256(payload) : payload;
}

/** The block that an era began in, seen from block `now`. */
export function eraBirth(era: Era, now: number): number {
  return Math.floor((Math.max(now, era.phase) - era.phase) / era.period) * era.period + era.phase;
}

/** The unsigned extrinsic that every block begins with. */
export function timestampInherent(now_ms: number): Uint8Array {
  const body = join(
    Uint8Array.of(4, callIndexes.timestamp_set.pallet, callIndexes.timestamp_set.index),
    compact(now_ms),
  );
  return join(compact(body.length), body);
}

function decodeEra(reader: ScaleReader): Era | null {
  const first = reader.u8();
  if (first === 0) return null;
  const encoded = first | (reader.u8() << 8);
  const period = 2 << (encoded & 0b1111);
  const phase = (encoded >> 4) * Math.max(1, period >> 12);
  if (period < 4 || phase >= period) throw new Error("the era is malformed");
  return { period, phase };
}

function decodeCall(reader: ScaleReader): Call {
  const pallet = reader.u8();
  const index = reader.u8();
  const named = Object.entries(callIndexes).find(([, call]) => call.pallet === pallet && call.index === index)?.[0];
  switch (named as keyof typeof callIndexes | undefined) {
    case "remark":
      reader.take(reader.compact());
      return { kind: "remark" };
    case "set_weights":
      return setWeights(reader, reader.u16(), 0);
    case "set_mechanism_weights":
      return setWeights(reader, reader.u16(), reader.u8());
    case "commit_timelocked_weights":
      return commit(reader, reader.u16(), 0);
    case "commit_timelocked_mechanism_weights":
      return commit(reader, reader.u16(), reader.u8());
    default:
      throw new Error(`there is no call ${index} in pallet ${pallet}`);
  }
}

function setWeights(reader: ScaleReader, netuid: number, mechanism: number): Call {
  const uids = reader.list((from) => from.u16());
  const values = reader.list((from) => from.u16());
  return { kind: "set_weights", netuid, mechanism, uids, values, version_key: reader.u64() };
}

function commit(reader: ScaleReader, netuid: number, mechanism: number): Call {
  const length = reader.compact();
  if (length > commit_bytes_max) throw new Error(`a commit of ${length} bytes is too long`);
  const bytes = reader.take(length);
  const reveal_round = reader.u64();
  return { kind: "commit", netuid, mechanism, commit: bytes, reveal_round, commit_reveal_version: reader.u16() };
}
