import { networkInterfaces } from "node:os";
import { createDockerCall } from "#shared/engine/docker-call.ts";
import type { Engine, SwarmNode } from "#shared/engine/engine.ts";
import { label } from "#shared/swarm/labels.ts";
import type { Installation } from "../plan/installation.ts";

/**
 * Returns sentences about what keeps this engine from being the platform's manager. It changes nothing. An engine that has
 * containers of others may become a Swarm only if `isAdopted`.
 */
export async function swarmFindings(
  engine: Engine,
  advertise_addr: string | undefined,
  isAdopted: boolean,
): Promise<string[]> {
  const { LocalNodeState, ControlAvailable, NodeAddr } = await engine.swarm();
  if (LocalNodeState === "active") {
    if (!ControlAvailable) return ["this engine is a worker of a Swarm: run this on a manager"];
    return advertise_addr === undefined || advertise_addr === NodeAddr
      ? []
      : [
          `this node's address in its Swarm is ${NodeAddr}, and ${advertise_addr} can be chosen only for a Swarm that is made. Leave --advertise-addr out.`,
        ];
  }
  const foreign = (await engine.containers({}, { all: true })).filter(({ Labels }) => Labels[label.managed] !== "true");
  if (foreign.length === 0 || isAdopted) return [];
  return [
    `this engine has ${foreign.length} containers that are not the platform's; making it a Swarm changes how it networks: say --adopt-engine to do so`,
  ];
}

/** Makes the engine the manager of a new Swarm, unless it is in one. Returns this machine's node. */
export async function ensureSwarm(engine: Engine, { network, engine: { socket } }: Installation): Promise<SwarmNode> {
  if ((await engine.swarm()).LocalNodeState !== "active") {
    await createDockerCall(socket).json("POST", "/swarm/init", {
      body: { ListenAddr: "0.0.0.0:2377", AdvertiseAddr: network.advertise_addr ?? outwardAddress() },
    });
  }
  const { NodeID } = await engine.swarm();
  const node = (await engine.nodes()).find(({ ID }) => ID === NodeID);
  if (!node) throw new Error("the engine does not know itself as a node");
  return await labelled(engine, node);
}

/** Labels the node as a worker for CPU jobs, if no node of the Swarm has a class yet: the manager then runs the jobs itself. */
async function labelled(engine: Engine, node: SwarmNode): Promise<SwarmNode> {
  const others = (await engine.nodes()).some(({ Spec }) => Spec.Labels[label.workload] !== undefined);
  if (others || node.Spec.Labels[label.workload] !== undefined) return node;
  const Labels = { ...node.Spec.Labels, [label.workload]: "cpu" };
  await engine.updateNode(node.ID, node.Version.Index, { ...node.Spec, Labels });
  return { ...node, Spec: { ...node.Spec, Labels } };
}

function outwardAddress(): string {
  const own = Object.entries(networkInterfaces())
    .filter(([name]) => !/^(lo|docker|br-|veth)/.test(name))
    .flatMap(([, addresses]) => addresses ?? [])
    .find(({ family, internal }) => family === "IPv4" && !internal);
  return own?.address ?? "127.0.0.1";
}
