import type { Block } from "../node/block.ts";
import type { DevNode } from "../node/node.ts";
import { RpcError } from "../node/rpc-error.ts";
import { hex } from "../runtime/hashing.ts";
import { runtimeVersion } from "../runtime/names.ts";
import type { Methods } from "./method.ts";
import { bytesParam, invalidParams, keysParam, numberParam } from "./params.ts";
import { type RuntimeCalls, runtimeCalls } from "./runtime-calls.ts";

const page_max = 1_000;

/** `state_*`: storage and runtime calls at a block. */
export function stateMethods(node: DevNode, metadata: { readonly v14: Uint8Array; readonly v15: Uint8Array }): Methods {
  const calls: RuntimeCalls = runtimeCalls(metadata);
  const storage = (key: string, block: Block): string | null => {
    const value = block.state.raw(key);
    return value === undefined ? null : hex(value);
  };
  return {
    state_getMetadata: () => hex(metadata.v14),
    state_getRuntimeVersion: () => runtimeVersion,
    state_subscribeRuntimeVersion: (_, session) =>
      session.subscribe("state_runtimeVersion", (push) => {
        push(runtimeVersion);
        return () => undefined;
      }),
    state_unsubscribeRuntimeVersion: ([id], session) => session.unsubscribe(id),
    state_getStorage: ([key, hash]) => storage(keyParam(key), blockAt(node, hash)),
    state_getStorageSize: ([key, hash]) => blockAt(node, hash).state.raw(keyParam(key))?.length ?? null,
    state_queryStorageAt: ([keys, hash]) => {
      const block = blockAt(node, hash);
      return [{ block: block.hash, changes: keysParam(keys).map((key) => [key, storage(key, block)]) }];
    },
    state_getKeysPaged: ([prefix, count, start, hash]) => {
      const keys = blockAt(node, hash).state.keysWithPrefix(keyParam(prefix ?? "0x"));
      const after = typeof start === "string" ? start.toLowerCase() : "";
      return keys.filter((key) => key > after).slice(0, Math.min(page_max, numberParam(count, "a count")));
    },
    state_call: ([name, data, hash]) => {
      const call = calls[String(name)];
      if (call === undefined) {
        throw new RpcError(4003, "Client error: Execution failed", `Exported method ${String(name)} is not found`);
      }
      return hex(call(bytesParam(data, "the arguments"), blockAt(node, hash)));
    },
    state_subscribeStorage: ([keys], session) =>
      session.subscribe("state_storage", (push) => {
        const wanted = keysParam(keys ?? []);
        const values = new Map<string, string | null>();
        const listener = (block: Block): void => {
          const changes = wanted
            .map((key) => [key, storage(key, block)] as const)
            .filter(([key, value]) => values.get(key) !== value);
          for (const [key, value] of changes) values.set(key, value);
          if (changes.length > 0) push({ block: block.hash, changes });
        };
        node.on_head.add(listener);
        listener(node.ledger.head);
        return () => node.on_head.delete(listener);
      }),
    state_unsubscribeStorage: ([id], session) => session.unsubscribe(id),
  };
}

function keyParam(key: unknown): string {
  if (typeof key !== "string") throw invalidParams("a storage key as 0x and hex digits");
  return key.toLowerCase();
}

function blockAt({ ledger }: DevNode, hash: unknown): Block {
  const block = hash === undefined || hash === null ? ledger.head : ledger.byHash(String(hash).toLowerCase());
  if (block === undefined)
    throw new RpcError(4003, "Client error: UnknownBlock", `State already discarded for ${String(hash)}`);
  return block;
}
