import { type Static, Type } from "@sinclair/typebox";
import { Elysia } from "elysia";
import type { Database, Transaction } from "#shared/database/database.ts";
import type { WorkerOrder } from "#shared/database/worker-orders.ts";
import { operation, PageOf } from "#shared/http/operation.ts";
import { ProblemError } from "#shared/http/problem.ts";
import { DrainInput, LabelInput, NodeResource } from "#shared/schemas/admin.ts";
import { clockOffset } from "#shared/time/clock-offset.ts";
import type { AdminWorld } from "../admin-world.ts";
import { act, type Caller } from "../administrator.ts";
import { limitOf, PageQuery, pageOf } from "../paging.ts";

const params = Type.Object({ id: Type.String({ pattern: "^[A-Za-z0-9_.-]{1,128}$" }) });
const tag = "nodes";

/** The Swarm's nodes, and what is wanted of those that run jobs (jobs §4). */
export function nodeRoutes(world: AdminWorld) {
  const { sql, clock, callerOf } = world;
  const order = (caller: Caller, id: string, wanted: Omit<WorkerOrder, "node_id" | "deadline_at">, seconds: number) =>
    act(world, caller, async (tx) => {
      const before = await nodeOf(tx, id);
      const now_ms = clock.now();
      const row = {
        ...{ node_id: id, kind: wanted.kind, workload: wanted.workload, ordered_at: new Date(now_ms) },
        ...{ deadline_at: new Date(now_ms + seconds * 1_000), ...clockOffset(clock) },
      };
      await tx`insert into worker_orders ${tx(row)} on conflict (node_id) do update set ${tx(row)}`;
      const result = await nodeOf(tx, id);
      const audit = { action: `node.${wanted.kind}`, subject: id, before: before.order, after: result.order };
      return { result, audit };
    });
  const one = (summary: string, refusals: number[]) =>
    operation({ tag, summary, answer: NodeResource, status: 202, refusals });

  return new Elysia({ prefix: "/v1/admin/nodes", normalize: false })
    .get(
      "",
      async ({ query }) => {
        const limit = limitOf(query);
        const rows = await selectNodes(sql, sql`where n.id > ${query.cursor ?? ""} order by n.id limit ${limit + 1}`);
        return pageOf(
          rows,
          limit,
          ({ id }) => id,
          (node) => node,
        );
      },
      { query: PageQuery, ...operation({ tag, summary: "List the nodes", answer: PageOf(NodeResource) }) },
    )
    .post(
      "/:id/drain",
      async ({ params: { id }, body, request, set }) => {
        set.status = 202;
        return await order(callerOf(request), id, { kind: "drain", workload: null }, body.deadline_seconds ?? 900);
      },
      { params, body: DrainInput, ...one("Drain it: no new jobs, and an end of those it has", [404, 422]) },
    )
    .post(
      "/:id/label",
      async ({ params: { id }, body, request, set }) => {
        set.status = 202;
        const { workload, deadline_seconds = 900 } = body;
        return await order(callerOf(request), id, { kind: "label", workload }, deadline_seconds);
      },
      { params, body: LabelInput, ...one("Drain it, then make it a worker of this class", [404, 422]) },
    )
    .post(
      "/:id/activate",
      async ({ params: { id }, request, set }) => {
        set.status = 202;
        return await order(callerOf(request), id, { kind: "activate", workload: null }, 0);
      },
      { params, ...one("Let it take jobs again", [404]) },
    );
}

type Node = Static<typeof NodeResource>;

async function selectNodes(sql: Database | Transaction, rest: ReturnType<Database>): Promise<Node[]> {
  const rows = await sql`select n.id, n.hostname, n.workload, n.state, n.availability, n.seen_at,
      coalesce(n.details->'data_volumes', '[]') as data_volumes,
      o.kind, o.workload as ordered_workload, o.deadline_at,
      (select count(*)::int from capacity_leases l where l.node_id = n.id) as jobs
    from nodes n left join worker_orders o on o.node_id = n.id ${rest as never}`;
  return rows.map(({ kind, ordered_workload, deadline_at, seen_at, ...row }) => ({
    ...(row as Omit<Node, "order" | "seen_at">),
    seen_at: (seen_at as Date).toISOString(),
    order: kind ? { kind, workload: ordered_workload, deadline_at: (deadline_at as Date).toISOString() } : null,
  }));
}

async function nodeOf(tx: Transaction, id: string): Promise<Node> {
  const [node] = await selectNodes(tx, tx`where n.id = ${id}` as never);
  if (!node) throw new ProblemError(404, "node_not_found", "There is no node of this ID.");
  return node;
}
