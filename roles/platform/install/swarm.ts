import { networkInterfaces } from "node:os";
import { createDockerCall } from "#shared/engine/docker-call.ts";
import { connectEngine } from "#shared/engine/docker-engine.ts";
import type { Engine, SwarmNode } from "#shared/engine/engine.ts";
import { label } from "#shared/swarm/labels.ts";

export interface SwarmChoice {
  readonly socket: string;
  readonly advertise_addr?: string | undefined;
  /** Whether an engine that already runs other people's containers may become a Swarm. */
  readonly adopt_engine: boolean;
}

/**
 * The engine at `socket` as manager of a Swarm, made one when it is none.
 *
 * @throws Error when it runs containers that are not ours and nobody said that it may be adopted, or when it is a worker
 */
export async function ensureSwarm({
  socket,
  advertise_addr,
  adopt_engine,
}: SwarmChoice): Promise<{ engine: Engine; node: SwarmNode }> {
  const engine = await connectEngine(socket);
  const state = await engine.swarm();
  if (state.LocalNodeState === "active" && !state.ControlAvailable) {
    throw new Error("this engine is a worker of a Swarm: run this on a manager");
  }
  if (state.LocalNodeState !== "active") await initialise(engine, socket, advertise_addr, adopt_engine);
  const { NodeID } = await engine.swarm();
  const node = (await engine.nodes()).find(({ ID }) => ID === NodeID);
  if (!node) throw new Error("the engine does not know itself as a node");
  return { engine, node: await labelled(engine, node) };
}

async function initialise(engine: Engine, socket: string, address: string | undefined, adopt: boolean): Promise<void> {
  const foreign = (await engine.containers({}, { all: true })).filter(({ Labels }) => Labels[label.managed] !== "true");
  if (foreign.length > 0 && !adopt) {
    throw new Error(
      `this engine has ${foreign.length} containers that are not the platform's; making it a Swarm changes how it networks: say --adopt-engine to do so`,
    );
  }
  await createDockerCall(socket).json("POST", "/swarm/init", {
    body: { ListenAddr: "0.0.0.0:2377", AdvertiseAddr: address ?? outwardAddress() },
  });
}

/** A manager that has no class yet takes CPU jobs itself: the single-node platform. One that has is left alone. */
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
