import { type Static, Type } from "@sinclair/typebox";
import { Elysia } from "elysia";
import type { Transaction } from "#shared/database/database.ts";
import { listNodes, type NodeView, nodeById } from "#shared/database/tables/nodes.ts";
import { placeOrder, type WorkerOrder } from "#shared/database/tables/worker-orders.ts";
import { operation, PageOf } from "#shared/http/operation.ts";
import { ProblemError } from "#shared/http/problem.ts";
import { DrainInput, LabelInput, NodeResource } from "#shared/schemas/admin.ts";
import { clockOffset } from "#shared/time/clock-offset.ts";
import type { AdminWorld } from "../admin-world.ts";
import { act, type Caller } from "../audited-change.ts";
import { limitOf, PageQuery, pageOf } from "../paging.ts";

const params = Type.Object({ id: Type.String({ pattern: "^[A-Za-z0-9_.-]{1,128}$" }) });
const tag = "nodes";

/** The Swarm's nodes, and orders for those that run jobs (jobs §4). */
export function nodeRoutes(world: AdminWorld) {
  const { sql, clock, callerOf } = world;
  const order = (caller: Caller, id: string, wanted: Omit<WorkerOrder, "node_id" | "deadline_at">, seconds: number) =>
    act(world, caller, async (tx) => {
      const before = await nodeOf(tx, id);
      const now_ms = clock.now();
      const deadline_at = new Date(now_ms + seconds * 1_000);
      await placeOrder(tx, { node_id: id, ...wanted, deadline_at }, new Date(now_ms), clockOffset(clock));
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
        const rows = await listNodes(sql, limit + 1, query.cursor ?? "");
        return pageOf(rows, limit, ({ id }) => id, showNode);
      },
      {
        query: PageQuery,
        ...operation({ tag, summary: "List the nodes", answer: PageOf(NodeResource), refusals: [422] }),
      },
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
      { params, ...one("Let it take jobs again", [404, 422]) },
    );
}

async function nodeOf(tx: Transaction, id: string): Promise<Node> {
  const node = await nodeById(tx, id);
  if (!node) throw new ProblemError(404, "node_not_found", "There is no node of this ID.");
  return showNode(node);
}

type Node = Static<typeof NodeResource>;

function showNode({ seen_at, order, ...node }: NodeView): Node {
  return {
    ...(node as Omit<Node, "seen_at" | "order">),
    seen_at: seen_at.toISOString(),
    order: order ? { ...order, deadline_at: order.deadline_at.toISOString() } : null,
  };
}
