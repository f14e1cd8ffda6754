import type { Database } from "./database.ts";

/** What an administrator wants of a worker (jobs §4): kept until it is done, `drain` until another order takes its place. */
export interface WorkerOrder {
  readonly node_id: string;
  readonly kind: "drain" | "label" | "activate";
  /** The class that a `label` gives; null takes it away. */
  readonly workload: "cpu" | "gpu" | null;
  /** When jobs that still run there are cancelled. */
  readonly deadline_at: Date;
}

/** All orders; there is one a node at most. */
export async function workerOrders(sql: Database): Promise<WorkerOrder[]> {
  return await sql<WorkerOrder[]>`select node_id, kind, workload, deadline_at from worker_orders order by node_id`;
}
