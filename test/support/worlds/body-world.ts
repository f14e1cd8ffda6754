import { mkdtempSync, readdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { guarded } from "#shared/http/app.ts";
import { serve } from "#shared/http/serve.ts";
import { createLogger } from "#shared/observability/logger.ts";
import { limits } from "#shared/schemas/limits.ts";
import { skippedHeader, skippedHeaderOf } from "#shared/schemas/stager.ts";
import { systemClock } from "#shared/time/clock.ts";
import { createJobStore } from "../../../roles/broker/store/job-store.ts";
import { createTransferApp } from "../../../roles/broker/transfers/app.ts";
import { createTransferTokens } from "../../../roles/broker/transfers/tokens.ts";
import { serveControl } from "../../../roles/devchain/control.ts";
import { Faults } from "../../../roles/devchain/node/faults.ts";
import { serveRpc } from "../../../roles/devchain/rpc/server.ts";
import { forwardAdmin } from "../../../roles/supervisor/host/loopback.ts";
import { putInState } from "../builders/job-states.ts";
import { openFiles } from "../open-files.ts";
import type { Target } from "../raw-client.ts";
import { createAdminWorld } from "./admin-world.ts";
import { startBrokerWorld } from "./broker-world.ts";
import { bridgeHeaders, ChallengeProcess } from "./challenge-process.ts";
import { startPostgres } from "./postgres.ts";

/** A route that reads a body, and the headers that it accepts. */
export interface BodyRoute {
  readonly role: string;
  readonly target: Target;
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Whether it asks for a token. */
  readonly hasToken: boolean;
  readonly body: "json" | "archive" | "bytes";
  readonly bytes_max: number;
}

export interface BodyWorld extends AsyncDisposable {
  readonly routes: readonly BodyRoute[];
  /** The routes of the apps that read bodies without a schema, as the router knows them. */
  readonly undescribed: readonly string[];
  /** What refused requests left: open files, and files on disk. */
  leftOvers(): Promise<string[]>;
}

const json = { "content-type": "application/json" };

/** Every role that reads bodies, each behind the sockets it has in production. */
export async function startBodyWorld(): Promise<BodyWorld> {
  await using stack = new AsyncDisposableStack();
  const log = createLogger("test", "silent");
  const broker = stack.use(await startBrokerWorld());
  const transfers = await transferRoute(broker, log, stack);
  const admin = await adminRoutes(log, stack);
  const challenge = new ChallengeProcess(null);
  await challenge.start();
  stack.defer(async () => void (await challenge.stop()));
  const devchain = devchainRoutes(log, stack);
  const brokerPort = { port: Number(new URL(broker.url).port) };
  const challengeRoute: BodyRoute = {
    role: "challenge",
    target: { port: Number(new URL(challenge.url).port) },
    hasToken: true,
    body: "bytes",
    method: "POST",
    path: "/internal/v1/bridge/submissions",
    headers: bridgeHeaders(Buffer.from("another")),
    bytes_max: limits.challenge_sdk.submission_bytes_max,
  };
  const { request_bytes_max, blob_bytes_max } = limits.jobs;
  const jobApi = ["/v1/jobs", "/v1/docker/run", "/v1/docker/list", "/v1/docker/cleanup"].map(
    (path): BodyRoute => ({
      role: "broker",
      target: brokerPort,
      method: "POST",
      path,
      headers: broker.headers(),
      hasToken: true,
      body: "json",
      bytes_max: request_bytes_max,
    }),
  );
  const blobs: BodyRoute = {
    role: "broker",
    target: brokerPort,
    method: "PUT",
    path: "/v1/blobs",
    headers: broker.headers(),
    hasToken: true,
    body: "archive",
    bytes_max: blob_bytes_max,
  };
  await challenge.get("/v1/submissions");
  const challengeFiles = () => openFiles(challenge.pid).filter((path) => path.startsWith("/")).length;
  const [blobsBefore, challengeFilesBefore] = [readdirSync(join(broker.directory, "sha256")), challengeFiles()];
  const owned = stack.move();
  return {
    routes: [...jobApi, blobs, transfers, challengeRoute, ...admin, ...devchain],
    undescribed: broker.app.routes
      .filter(({ method }) => ["POST", "PUT", "PATCH"].includes(method))
      .map(({ method, path }) => `${method} ${path}`),
    async leftOvers() {
      const { body } = await challenge.get<{ items: object[] }>("/v1/submissions");
      return [
        ...openFiles(process.pid).filter((path) => path.startsWith(broker.directory)),
        ...readdirSync(join(broker.directory, "incoming")),
        ...readdirSync(join(broker.directory, "sha256")).filter((name) => !blobsBefore.includes(name)),
        ...body.items.map(() => "a submission"),
        ...(challengeFiles() > challengeFilesBefore ? ["an open file of the challenge"] : []),
      ];
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

type Broker = Awaited<ReturnType<typeof startBrokerWorld>>;
type Log = ReturnType<typeof createLogger>;

/** The route for an output of a collecting job. */
async function transferRoute(broker: Broker, log: Log, stack: AsyncDisposableStack): Promise<BodyRoute> {
  const body = JSON.stringify({ image: "acme/x:1", command: ["run"], mounts: [{ target: "/out", read_only: false }] });
  const { id } = (await (await broker.ask("/v1/jobs", { method: "POST", body })).json()) as { id: string };
  await putInState(broker.sql, id, "collecting");
  const tokens = createTransferTokens("t".repeat(32));
  const nothing = () => undefined;
  const world = { store: createJobStore(broker.sql), blobs: broker.blobs, tokens, clock: systemClock, log };
  const app = createTransferApp({ ...world, changed: nothing, wake: nothing });
  const server = serve(guarded(app, log), { hostname: "127.0.0.1", port: 0 });
  stack.defer(() => server.stop(0));
  return {
    role: "broker",
    target: { port: server.port },
    method: "PUT",
    path: `/v1/transfer/${id}/outputs/0`,
    headers: {
      authorization: `Bearer ${tokens.mint("output", id, 0, null)}`,
      [skippedHeader]: skippedHeaderOf({ count: 0, first: [] }),
    },
    hasToken: true,
    body: "archive",
    bytes_max: 2 * limits.jobs.output_bytes_max,
  };
}

/** The routes of admin.sock that have a body, and one of them through the supervisor's forwarder. */
async function adminRoutes(log: Log, stack: AsyncDisposableStack): Promise<BodyRoute[]> {
  const postgres = stack.use(await startPostgres());
  const world = stack.use(await createAdminWorld(postgres));
  const directory = mkdtempSync(join(tmpdir(), "platform-bodies-"));
  const unix = join(directory, "admin", "admin.sock");
  const server = serve(guarded(world.admin, log), { unix });
  const forwarder = forwardAdmin(directory, 0);
  stack.defer(() => forwarder.stop(0));
  stack.defer(() => server.stop(0));
  const headers = { ...json, authorization: `Bearer ${await world.mint("bodies", "admin")}` };
  const bytes_max = limits.http.json_bytes_max;
  const described = world.admin.routes.filter(({ hooks }) => (hooks as { readonly body?: unknown }).body);
  const routes = described.map(({ method, path }): BodyRoute => {
    const place = path.replaceAll(/:\w+/g, "x");
    return { role: "admin", target: { unix }, method, path: place, headers, hasToken: true, body: "json", bytes_max };
  });
  const forwarded: BodyRoute = {
    role: "supervisor",
    target: { port: forwarder.port },
    method: "POST",
    path: "/v1/admin/tokens",
    headers,
    // The token is asked for by admin, behind the forwarder.
    hasToken: false,
    body: "json",
    bytes_max,
  };
  return [...routes, forwarded];
}

function devchainRoutes(log: Log, stack: AsyncDisposableStack): BodyRoute[] {
  const rpc = serveRpc({ hostname: "127.0.0.1", port: 0 }, { methods: {}, faults: new Faults(), log });
  // No test sends a body that this route would act on.
  const control = serveControl(0, { node: {} as never, disconnectAll: () => undefined, log });
  stack.defer(() => control.stop(0));
  stack.defer(() => rpc.stop());
  const common = { role: "devchain", method: "POST", headers: json, hasToken: false, body: "json" } as const;
  const bytes_max = limits.http.json_bytes_max;
  return [
    { ...common, target: { port: rpc.port }, path: "/", bytes_max },
    ...["/fork", "/produce", "/faults"].map((path) => ({ ...common, target: { port: control.port }, path, bytes_max })),
  ];
}
