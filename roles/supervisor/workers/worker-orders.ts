import type { Database } from "#shared/database/database.ts";
import { hasJobs } from "#shared/database/jobs.ts";
import { forgetOrder, isOrderFresh, type WorkerOrder, workerOrders } from "#shared/database/worker-orders.ts";
import type { Engine, SwarmNode } from "#shared/engine/engine.ts";
import type { Logger } from "#shared/observability/logger.ts";
import { label } from "#shared/swarm/labels.ts";

/**
 * Writes to the Swarm what was ordered of workers, once nothing of a job is on them any more: a drained node would start no
 * stager or janitor, and losing its class label kills what runs (jobs §2, §4). The broker meanwhile ends the jobs.
 *
 * @returns how many orders still wait for jobs
 */
export async function carryOutOrders(engine: Engine, sql: Database, log: Logger): Promise<number> {
  const orders = await workerOrders(sql);
  if (orders.length === 0) return 0;
  const nodes = new Map((await engine.nodes()).map((node) => [node.ID, node]));
  let waiting = 0;
  for (const order of orders) {
    const node = nodes.get(order.node_id);
    if (!node) await forgetOrder(sql, order);
    else if (order.kind !== "activate" && (await isInUse(sql, order))) waiting += 1;
    else await carryOut(engine, sql, log, order, node);
  }
  return waiting;
}

async function isInUse(sql: Database, { node_id }: WorkerOrder): Promise<boolean> {
  return (await isOrderFresh(sql, node_id)) || (await hasJobs(sql, node_id));
}

async function carryOut(
  engine: Engine,
  sql: Database,
  log: Logger,
  order: WorkerOrder,
  { ID, Version, Spec, Description }: SwarmNode,
): Promise<void> {
  const wanted = specOf(order, Spec);
  if (JSON.stringify(wanted) !== JSON.stringify(Spec)) {
    await engine.updateNode(ID, Version.Index, wanted);
    log.info({ node: Description.Hostname, order: order.kind, workload: order.workload }, "a worker is as was ordered");
  }
  // A drained one stays closed to jobs until it is activated.
  if (order.kind !== "drain") await forgetOrder(sql, order);
}

function specOf({ kind, workload }: WorkerOrder, spec: SwarmNode["Spec"]): SwarmNode["Spec"] {
  // On a manager the roles run, and would be gone with it: that it gets no jobs is the broker's doing.
  if (kind === "drain") return spec.Role === "manager" ? spec : { ...spec, Availability: "drain" };
  if (kind === "activate") return { ...spec, Availability: "active" };
  const { [label.workload]: _, ...others } = spec.Labels;
  return { ...spec, Labels: workload === null ? others : { ...spec.Labels, [label.workload]: workload } };
}
