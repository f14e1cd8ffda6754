import { Type } from "@sinclair/typebox";
import { createHttpApp, guarded } from "#shared/http/app.ts";
import { type Server, serve } from "#shared/http/serve.ts";
import type { Logger } from "#shared/observability/logger.ts";
import type { DevNode } from "./node/node.ts";

const Depth = Type.Integer({ minimum: 1, maximum: 256 });
const Count = Type.Integer({ minimum: 1, maximum: 1_000_000 });

/** The parts that the fault routes act on. */
interface Controlled {
  readonly node: DevNode;
  disconnectAll(): void;
  readonly log: Logger;
}

/** The control routes for tests, which cause faults. On loopback only, and off unless configured. */
export function serveControl(port: number, { node, disconnectAll, log }: Controlled): Server {
  const app = createHttpApp(log)
    .post("/fork", ({ body }) => ({ head: node.fork(body.depth, body.requeue ?? true).hash }), {
      body: Type.Object({ depth: Depth, requeue: Type.Optional(Type.Boolean()) }, { additionalProperties: false }),
    })
    .post(
      "/produce",
      ({ body }) => {
        for (let count = 0; count < body.count; count++) node.produce();
        return { head: node.ledger.head.number };
      },
      { body: Type.Object({ count: Count }, { additionalProperties: false }) },
    )
    .post("/disconnect", () => {
      disconnectAll();
      return { disconnected: true };
    })
    .post(
      "/faults",
      ({ body: { pause, hold_pool, ...counted } }) => {
        if (pause !== undefined) node.faults.isPaused = pause;
        if (hold_pool !== undefined) node.faults.isPoolHeld = hold_pool;
        for (const [fault, count] of Object.entries(counted)) node.faults.set(fault as keyof typeof counted, count);
        return { set: true };
      },
      {
        body: Type.Object(
          {
            pause: Type.Optional(Type.Boolean()),
            hold_pool: Type.Optional(Type.Boolean()),
            lose_submissions: Type.Optional(Count),
            drop_submissions: Type.Optional(Count),
            disconnect_on_submission: Type.Optional(Count),
            rate_limit_calls: Type.Optional(Count),
          },
          { additionalProperties: false },
        ),
      },
    );
  return serve(guarded(app, log), { hostname: "127.0.0.1", port });
}
