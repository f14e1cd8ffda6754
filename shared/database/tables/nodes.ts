import type { Database, Transaction } from "../database.ts";
import type { WorkerOrder } from "./worker-orders.ts";

/** A node of the Swarm as the supervisor last saw it. */
export interface NodeRecord {
  readonly id: string;
  readonly hostname: string;
  readonly workload: string | null;
  readonly state: string;
  readonly availability: string;
  readonly details: object;
  readonly seen_at: Date;
}

/** For the supervisor: stores the nodes' present state and deletes nodes that left the Swarm. */
export async function recordNodes(sql: Database, nodes: readonly NodeRecord[]): Promise<void> {
  if (nodes.length === 0) return;
  const rows = nodes.map(({ details, ...node }) => ({ ...node, details: sql.json(details as never) }));
  await sql.begin(async (tx) => {
    await tx`insert into nodes ${tx(rows)} on conflict (id) do update set
      hostname = excluded.hostname, workload = excluded.workload, state = excluded.state,
      availability = excluded.availability, details = excluded.details, seen_at = excluded.seen_at`;
    await tx`delete from nodes where id <> all(${rows.map(({ id }) => id)})`;
  });
}

/** How many nodes are ready. */
export async function readyNodes(sql: Database): Promise<number> {
  const [row] = await sql`select count(*)::int as count from nodes where state = 'ready' and availability = 'active'`;
  return (row?.["count"] as number | undefined) ?? 0;
}

/** A node with its order, and how many jobs hold capacity there. */
export interface NodeView extends Omit<NodeRecord, "details"> {
  readonly data_volumes: string[];
  readonly jobs: number;
  readonly order: Omit<WorkerOrder, "node_id"> | null;
}

/** Nodes by ID, from the first one after `after` on. */
export function listNodes(sql: Database, limit: number, after: string): Promise<NodeView[]> {
  return select(sql, sql`where n.id > ${after} order by n.id limit ${limit}`);
}

/** The node of this ID, or null. */
export async function nodeById(tx: Transaction, id: string): Promise<NodeView | null> {
  return (await select(tx, tx`where n.id = ${id}` as never))[0] ?? null;
}

async function select(sql: Database | Transaction, rest: ReturnType<Database>): Promise<NodeView[]> {
  const rows = await sql`select n.id, n.hostname, n.workload, n.state, n.availability, n.seen_at,
      coalesce(n.details->'data_volumes', '[]') as data_volumes,
      o.kind, o.workload as ordered_workload, o.deadline_at,
      (select count(*)::int from capacity_leases l where l.node_id = n.id) as jobs
    from nodes n left join worker_orders o on o.node_id = n.id ${rest as never}`;
  return rows.map(({ kind, ordered_workload, deadline_at, ...row }) => ({
    ...(row as Omit<NodeView, "order">),
    order: kind ? { kind, workload: ordered_workload, deadline_at: deadline_at as Date } : null,
  }));
}
