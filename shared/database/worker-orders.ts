/** What administrators want of workers. The one table that three roles write: all of its statements stand here. */
import { limits } from "../schemas/limits.ts";
import { type ClockOffset, clock_step_ms_min } from "../time/clock-offset.ts";
import type { Database, Transaction } from "./database.ts";

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

/** Admin's: gives an order, in place of the node's former one. */
export async function placeOrder(
  tx: Transaction,
  order: WorkerOrder,
  ordered_at: Date,
  { boot_id, clock_offset_ms }: ClockOffset,
): Promise<void> {
  const row = { ...order, ordered_at, boot_id, clock_offset_ms };
  await tx`insert into worker_orders ${tx(row)} on conflict (node_id) do update set ${tx(row)}`;
}

/** Whether the broker may not know of the node's order yet, and be giving it a job now. */
export async function isOrderFresh(sql: Database, node_id: string): Promise<boolean> {
  const settled = limits.jobs.order_settle_ms / 1_000;
  const [row] = await sql`select exists (select 1 from worker_orders
    where node_id = ${node_id} and ordered_at > now() - make_interval(secs => ${settled})) as is_fresh`;
  return row?.["is_fresh"] === true;
}

/** The supervisor's: the order is carried out, unless another one has taken its place meanwhile. */
export async function forgetOrder(sql: Database, { node_id, kind, workload }: WorkerOrder): Promise<void> {
  await sql`delete from worker_orders
    where node_id = ${node_id} and kind = ${kind} and workload is not distinct from ${workload}`;
}

/**
 * The broker's: moves the deadlines along with a wall clock that was set since they were written; the same again does nothing.
 * What was written before the machine's last boot stays as it is.
 *
 * @returns how many were moved
 */
export async function moveOrdersWithClock(tx: Transaction, { boot_id, clock_offset_ms }: ClockOffset): Promise<number> {
  const moved = await tx`update worker_orders set clock_offset_ms = ${clock_offset_ms},
      deadline_at = deadline_at + make_interval(secs => (${clock_offset_ms}::float8 - clock_offset_ms) / 1000)
    where boot_id = ${boot_id} and abs(${clock_offset_ms} - clock_offset_ms) >= ${clock_step_ms_min}`;
  await tx`update worker_orders set boot_id = ${boot_id}, clock_offset_ms = ${clock_offset_ms}
    where boot_id is distinct from ${boot_id}`;
  return moved.count;
}
