import { decodeAddress } from "@polkadot/util-crypto";
import { Value } from "@sinclair/typebox/value";
import { nonceOf } from "../node/execute.ts";
import { GenesisNeuron, SubnetParameters } from "../node/genesis.ts";
import type { DevNode } from "../node/node.ts";
import type { Status } from "../node/pool.ts";
import { chainMethods } from "./chain-methods.ts";
import type { Methods } from "./method.ts";
import { bytesParam, invalidParams, numberParam } from "./params.ts";
import { stateMethods } from "./state-methods.ts";

/** The methods of the node by name, as `@polkadot/api` calls them. */
export function rpcMethods(
  node: DevNode,
  options: {
    readonly metadata: { readonly v14: Uint8Array; readonly v15: Uint8Array };
    readonly version: string;
    afterSubmission(): void;
  },
): Methods {
  const methods: Methods = {
    ...chainMethods(node),
    ...stateMethods(node, options.metadata),
    ...authorMethods(node, options.afterSubmission),
    system_chain: () => "Platform devchain",
    system_name: () => "platform-devchain",
    system_version: () => options.version,
    system_chainType: () => "Development",
    system_properties: () => ({ ss58Format: 42, tokenDecimals: 9, tokenSymbol: "TAO" }),
    system_health: () => ({ peers: 0, isSyncing: false, shouldHavePeers: false }),
    system_accountNextIndex: ([address]) => nonceOf(node.ledger.head.state, accountParam(address)),
  };
  return withList(methods);
}

function withList(methods: Methods): Methods {
  return { ...methods, rpc_methods: () => ({ methods: [...Object.keys(methods), "rpc_methods"].toSorted() }) };
}

function authorMethods(node: DevNode, afterSubmission: () => void): Methods {
  return {
    author_submitExtrinsic: ([bytes]) => {
      const { hash } = node.submit(bytesParam(bytes, "an extrinsic"));
      afterSubmission();
      return hash;
    },
    author_submitAndWatchExtrinsic: ([bytes], session) => {
      const pooled = node.submit(bytesParam(bytes, "an extrinsic"));
      afterSubmission();
      return session.subscribe("author_extrinsicUpdate", (push) => {
        const watcher = (status: Status): void => push(status);
        pooled.watchers.add(watcher);
        const isNext = pooled.extrinsic.nonce === nonceOf(node.ledger.head.state, pooled.extrinsic.signer);
        push(isNext ? "ready" : "future");
        return () => pooled.watchers.delete(watcher);
      });
    },
    author_unwatchExtrinsic: ([id], session) => session.unsubscribe(id),
    author_pendingExtrinsics: () => node.pool.pending(),
  };
}

/** Methods that only a development chain has, for its owner only: their caller can be anybody on the chain. */
export function devMethods(node: DevNode): Methods {
  return withList({
    dev_registerNeuron: ([netuid, neuron]) => {
      if (!Value.Check(GenesisNeuron, neuron)) throw invalidParams("{hotkey, coldkey?, stake_rao?, validator_permit?}");
      accountParam(neuron.hotkey);
      if (neuron.coldkey !== undefined) accountParam(neuron.coldkey);
      return node.registerNeuron(numberParam(netuid, "a netuid"), neuron);
    },
    dev_setParameters: ([netuid, parameters]) => {
      if (!Value.Check(SubnetParameters, parameters))
        throw invalidParams(`some of ${Object.keys(SubnetParameters.properties).join(", ")}`);
      node.setParameters(numberParam(netuid, "a netuid"), parameters);
      return true;
    },
    dev_beaconPublicKey: () => node.beacon_public_key,
  });
}

function accountParam(address: unknown): Uint8Array {
  try {
    return decodeAddress(String(address));
  } catch (cause) {
    throw invalidParams("an ss58 address", cause);
  }
}
