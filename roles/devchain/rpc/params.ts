import { RpcError } from "../node/rpc-error.ts";
import { fromHex } from "../runtime/hashing.ts";

export function invalidParams(expected: string, cause?: unknown): RpcError {
  return new RpcError(-32602, "Invalid params", `expected ${expected}`, { cause });
}

export function bytesParam(value: unknown, what: string): Uint8Array {
  if (typeof value !== "string" || !/^0x([0-9a-f]{2})*$/i.test(value))
    throw invalidParams(`${what} as 0x and hex digits`);
  return fromHex(value);
}

export function keysParam(value: unknown): string[] {
  if (!Array.isArray(value)) throw invalidParams("a list of storage keys");
  return value.map((key) => {
    if (typeof key !== "string") throw invalidParams("storage keys as 0x and hex digits");
    return key.toLowerCase();
  });
}

export function numberParam(value: unknown, what: string): number {
  const number = typeof value === "string" ? Number(value) : value;
  if (typeof number !== "number" || !Number.isSafeInteger(number) || number < 0) throw invalidParams(what);
  return number;
}
