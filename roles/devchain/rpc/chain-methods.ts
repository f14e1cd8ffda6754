import type { Block } from "../node/block.ts";
import type { DevNode } from "../node/node.ts";
import { hex } from "../runtime/hashing.ts";
import type { Methods } from "./method.ts";
import { numberParam } from "./params.ts";
import type { Session } from "./session.ts";

/** `chain_*`: blocks, headers, and subscriptions to new ones. */
export function chainMethods(node: DevNode): Methods {
  const { ledger } = node;
  const heads =
    (listeners: Set<(block: Block) => void>, first: () => Block, notification: string) =>
    (_: readonly unknown[], session: Session) =>
      session.subscribe(notification, (push) => {
        const listener = (block: Block): void => push(block.header);
        listeners.add(listener);
        push(first().header);
        return () => listeners.delete(listener);
      });
  const stop = ([id]: readonly unknown[], session: Session): boolean => session.unsubscribe(id);
  const new_heads = heads(node.on_head, () => ledger.head, "chain_newHead");
  const all_heads = heads(node.on_head, () => ledger.head, "chain_allHead");
  const finalized_heads = heads(node.on_finalized, () => ledger.finalized, "chain_finalizedHead");
  return {
    chain_getBlockHash: ([number]) => {
      if (number === undefined || number === null) return ledger.head.hash;
      if (Array.isArray(number)) return number.map((each) => hashAt(node, numberParam(each, "a block number")));
      return hashAt(node, numberParam(number, "a block number"));
    },
    chain_getHeader: ([hash]) => blockAt(node, hash)?.header ?? null,
    chain_getBlock: ([hash]) => {
      const block = blockAt(node, hash);
      if (block === undefined) return null;
      return { block: { header: block.header, extrinsics: block.extrinsics.map(hex) }, justifications: null };
    },
    chain_getFinalizedHead: () => ledger.finalized.hash,
    chain_subscribeNewHeads: new_heads,
    chain_subscribeAllHeads: all_heads,
    chain_subscribeFinalizedHeads: finalized_heads,
    chain_unsubscribeNewHeads: stop,
    chain_unsubscribeAllHeads: stop,
    chain_unsubscribeFinalizedHeads: stop,
  };
}

function blockAt({ ledger }: DevNode, hash: unknown): Block | undefined {
  return hash === undefined || hash === null ? ledger.head : ledger.byHash(String(hash).toLowerCase());
}

function hashAt({ ledger }: DevNode, number: number): string | null {
  if (number === 0) return ledger.genesis_hash;
  return ledger.at(number)?.hash ?? null;
}
