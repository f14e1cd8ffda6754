/** Orders of administrators for workers. Three roles write this table, and no other table: all its statements are here. */
import { limits } from "../../schemas/limits.ts";
import { type ClockOffset, clock_step_ms_min } from "../../time/clock-offset.ts";
import type { Database, Transaction } from "../database.ts";

/** An administrator's order for a worker (jobs §4). It is kept until it is carried out; a `drain` until another order replaces it. */
export interface WorkerOrder {
  readonly node_id: string;
  readonly kind: "drain" | "label" | "activate";
  /** The class that a `label` sets; null removes the class. */
  readonly workload: "cpu" | "gpu" | null;
  /** When the jobs that still run there are cancelled. */
  readonly deadline_at: Date;
}

/** All orders: at most one for each node. */
export async function workerOrders(sql: Database): Promise<WorkerOrder[]> {
  return await sql<WorkerOrder[]>`select node_id, kind, workload, deadline_at from worker_orders order by node_id`;
}

/** For admin: stores an order and replaces the node's former one. */
export async function placeOrder(
  tx: Transaction,
  order: WorkerOrder,
  ordered_at: Date,
  { boot_id, clock_offset_ms }: ClockOffset,
): Promise<void> {
  const row = { ...order, ordered_at, boot_id, clock_offset_ms };
  await tx`insert into worker_orders ${tx(row)} on conflict (node_id) do update set ${tx(row)}`;
}

/** Whether the node's order is so new that the broker may not know it yet, and may give the node a job. */
export async function isOrderFresh(sql: Database, node_id: string): Promise<boolean> {
  const settled = limits.jobs.order_settle_ms / 1_000;
  const [row] = await sql`select exists (select 1 from worker_orders
    where node_id = ${node_id} and ordered_at > now() - make_interval(secs => ${settled})) as is_fresh`;
  return row?.["is_fresh"] === true;
}

/** For the supervisor: deletes an order that was carried out, unless another order replaced it meanwhile. */
export async function forgetOrder(sql: Database, { node_id, kind, workload }: WorkerOrder): Promise<void> {
  await sql`delete from worker_orders
    where node_id = ${node_id} and kind = ${kind} and workload is not distinct from ${workload}`;
}

/**
 * For the broker: moves the deadlines by as much as the wall clock was set since they were written. Repeating it changes
 * nothing. Deadlines from before the machine's last boot stay as they are.
 *
 * @returns how many deadlines were moved
 */
export async function moveOrdersWithClock(tx: Transaction, { boot_id, clock_offset_ms }: ClockOffset): Promise<number> {
  const moved = await tx`update worker_orders set clock_offset_ms = ${clock_offset_ms},
      deadline_at = deadline_at + make_interval(secs => (${clock_offset_ms}::float8 - clock_offset_ms) / 1000)
    where boot_id = ${boot_id} and abs(${clock_offset_ms} - clock_offset_ms) >= ${clock_step_ms_min}`;
  await tx`update worker_orders set boot_id = ${boot_id}, clock_offset_ms = ${clock_offset_ms}
    where boot_id is distinct from ${boot_id}`;
  return moved.count;
}
