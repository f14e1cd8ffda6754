import type { Database } from "#shared/database/database.ts";
import { hasJobs } from "#shared/database/tables/jobs.ts";
import { forgetOrder, isOrderFresh, type WorkerOrder, workerOrders } from "#shared/database/tables/worker-orders.ts";
import type { Engine, SwarmNode } from "#shared/engine/engine.ts";
import type { Logger } from "#shared/observability/logger.ts";
import { label } from "#shared/swarm/labels.ts";

/**
 * Writes to the Swarm what was ordered of workers. It acts on a worker if and only if nothing of a job is left there: a
 * drained node starts neither stager nor janitor, and a node that loses its class label kills its jobs (jobs §2, §4). The
 * broker ends the jobs meanwhile.
 *
 * @returns how many orders wait for jobs to end
 */
export async function carryOutOrders(
  engine: Pick<Engine, "nodes" | "updateNode">,
  sql: Database,
  log: Logger,
): Promise<number> {
  const orders = await workerOrders(sql);
  if (orders.length === 0) return 0;
  const nodes = new Map((await engine.nodes()).map((node) => [node.ID, node]));
  let waiting = 0;
  for (const order of orders) {
    const node = nodes.get(order.node_id);
    if (!node) await forgetOrder(sql, order);
    else if (order.kind !== "activate" && (await isInUse(sql, order))) waiting += 1;
    else {
      if (await bringTo(engine, order, node))
        log.info(
          { node: node.Description.Hostname, order: order.kind, workload: order.workload },
          "order carried out on a worker",
        );
      // A drained worker stays closed to jobs until it is activated.
      if (order.kind !== "drain") await forgetOrder(sql, order);
    }
  }
  return waiting;
}

async function isInUse(sql: Database, { node_id }: WorkerOrder): Promise<boolean> {
  return (await isOrderFresh(sql, node_id)) || (await hasJobs(sql, node_id));
}

/** Makes the node what the order says. @returns false when it was so already */
async function bringTo(engine: Pick<Engine, "updateNode">, order: WorkerOrder, node: SwarmNode): Promise<boolean> {
  const wanted = specOf(order, node.Spec);
  if (JSON.stringify(wanted) === JSON.stringify(node.Spec)) return false;
  await engine.updateNode(node.ID, node.Version.Index, wanted);
  return true;
}

function specOf({ kind, workload }: WorkerOrder, spec: SwarmNode["Spec"]): SwarmNode["Spec"] {
  // The roles run on a manager: draining it in the Swarm would stop them. The broker alone keeps jobs off it.
  if (kind === "drain") return spec.Role === "manager" ? spec : { ...spec, Availability: "drain" };
  if (kind === "activate") return { ...spec, Availability: "active" };
  const { [label.workload]: _, ...others } = spec.Labels;
  return { ...spec, Labels: workload === null ? others : { ...spec.Labels, [label.workload]: workload } };
}
