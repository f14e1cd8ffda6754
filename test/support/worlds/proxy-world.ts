import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { type AddressInfo, connect, createServer as createTcpServer, type Socket } from "node:net";
import { Registry } from "prom-client";
import { createLogger } from "#shared/observability/logger.ts";
import type { Challenge, ChallengeSpec } from "#shared/schemas/challenge.ts";
import { type Clock, systemClock } from "#shared/time/clock.ts";
import { createApp, type ProxyWorld } from "../../../roles/proxy/app.ts";
import { ByteBudget } from "../../../roles/proxy/bounds/byte-budget.ts";
import { InFlight } from "../../../roles/proxy/bounds/in-flight.ts";
import { Directory } from "../../../roles/proxy/directory.ts";
import { TrustedProxies } from "../../../roles/proxy/http/client-address.ts";
import { type Door, type DoorOptions, openDoor } from "../../../roles/proxy/http/door.ts";
import { registerMetrics } from "../../../roles/proxy/metrics.ts";
import type { Nonces } from "../../../roles/proxy/upload/nonces.ts";
import { RateLimit } from "../../../roles/proxy/upload/rate-limit.ts";
import type { SubmissionSeen } from "../../../roles/proxy/upload/submissions-seen.ts";
import { Connections } from "../../../roles/proxy/upstream/connections.ts";

export const masterKey = "m".repeat(32);

/** An active challenge `demo`, changed as said. */
export function challengeOf(spec: Partial<ChallengeSpec> = {}, record: Partial<Challenge> = {}): Challenge {
  return {
    spec: {
      slug: "demo" as ChallengeSpec["slug"],
      name: "My Demo",
      image: "demo:1",
      version: null,
      api_version: "1.0",
      emission_percent: 100,
      description: "",
      internal_port: 8000,
      required_capabilities: [],
      env: {},
      secrets: [],
      metadata: {},
      signed_routes: [],
      path_aliases: [],
      egress: false,
      ...spec,
    },
    status: "active",
    token_generation: 1,
    token_rotating: false,
    readiness: null,
    created_at: new Date(0),
    updated_at: new Date(0),
    ...record,
  };
}

export interface Received {
  readonly method: string;
  readonly url: string;
  readonly headers: readonly (readonly [string, string])[];
  readonly body: Buffer;
}

export interface FakeChallenge {
  readonly url: string;
  readonly received: Received[];
  /** How it answers; by default 200 with `{"ok":true}` once the body is there. */
  answer: (request: Received, response: ServerResponse, message: IncomingMessage) => void;
  stop(): void;
}

/** A challenge that records what it receives. */
export async function startChallenge(): Promise<FakeChallenge> {
  const server = createServer((message, response) => {
    const pieces: Buffer[] = [];
    message.on("error", () => undefined);
    message.on("data", (piece: Buffer) => pieces.push(piece));
    message.on("end", () => {
      const raw = message.rawHeaders;
      const headers = raw.flatMap((name, at) => (at % 2 ? [] : [[name, raw[at + 1] ?? ""] as const]));
      const request = { method: message.method ?? "", url: message.url ?? "", headers, body: Buffer.concat(pieces) };
      fake.received.push(request);
      fake.answer(request, response, message);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const fake: FakeChallenge = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    received: [],
    answer: (_, response) => {
      response.writeHead(200, { "content-type": "application/json" });
      response.end('{"ok":true}');
    },
    stop: () => {
      server.close();
      server.closeAllConnections();
    },
  };
  return fake;
}

/** A TCP server whose connections the test handles, for upstreams that break HTTP. */
export async function startTcp(onConnection: (socket: Socket) => void): Promise<{ url: string; stop(): void }> {
  const sockets = new Set<Socket>();
  const server = createTcpServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => undefined).on("close", () => sockets.delete(socket));
    onConnection(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    stop: () => {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}

export interface ProxyUnderTest {
  readonly url: string;
  readonly port: number;
  readonly door: Door;
  readonly seen: SubmissionSeen[];
  stop(): Promise<void>;
}

/** A proxy with a database in memory. A test passes what it needs to differ. */
export async function startProxy(
  {
    challenges = [challengeOf()],
    upstream = "http://127.0.0.1:1",
    clock = systemClock,
    ...world
  }: Partial<ProxyWorld> & {
    readonly challenges?: readonly Challenge[];
    readonly upstream?: string;
    readonly clock?: Clock;
  } = {},
  door: Partial<DoorOptions> = {},
): Promise<ProxyUnderTest> {
  const seen: SubmissionSeen[] = [];
  const trusted = world.trusted ?? new TrustedProxies([]);
  const registry = {
    byNameOrSlug: async (name: string) =>
      challenges.find(({ spec }) => spec.slug === name || spec.name.toLowerCase() === name.toLowerCase()) ?? null,
  };
  const memory = world.memory ?? new ByteBudget(100_000_000);
  const in_flight_max = { in_flight_max: 1_000, in_flight_per_address_max: 1_000, in_flight_per_challenge_max: 1_000 };
  const app = createApp({
    netuid: 7,
    masterKey: masterKey,
    submission_bytes_max: 7_500_000,
    metagraph_age_ms_max: 60_000,
    allowlist: new Set(),
    publicSocket: "/nonexistent",
    directory: new Directory(registry, clock),
    registrations: { uidOf: async () => 5 },
    nonces: memoryNonces(),
    seen: { add: async (entry) => void seen.push(entry), prune: async () => undefined },
    perHotkey: new RateLimit(0, clock),
    perAddress: new RateLimit(0, clock),
    metrics: registerMetrics(new Registry()),
    connections: new Connections(clock),
    inFlight: new InFlight(in_flight_max),
    resolve: () => upstream,
    log: createLogger("proxy", "fatal"),
    clock,
    ...world,
    trusted,
    memory,
  });
  const limits = { connections_max: 1_000, connections_per_address_max: 1_000, trusted, memory, clock };
  const opened = await openDoor(app, { hostname: "127.0.0.1", port: 0, ...limits, ...door });
  return {
    url: `http://127.0.0.1:${opened.port}`,
    port: opened.port,
    door: opened,
    seen,
    stop: () => opened.stop(0),
  };
}

function memoryNonces(): Nonces {
  const used = new Set<string>();
  const key = ({ slug, hotkey, nonce }: { slug: string; hotkey: string; nonce: string }) =>
    JSON.stringify([slug, hotkey, nonce]);
  return {
    reserve: async (use) => !used.has(key(use)) && used.add(key(use)).size > 0,
    release: async (use) => void used.delete(key(use)),
    prune: async () => undefined,
  };
}

/** Sends raw bytes. @returns what came until the other side ended, `until` was seen, or `ms` had passed */
export function rawRequest(
  port: number,
  bytes: string | Buffer,
  { until, ms = 3_000 }: { readonly until?: string | RegExp; readonly ms?: number } = {},
): Promise<string> {
  return new Promise((resolve) => {
    let text = "";
    const socket = connect(port, "127.0.0.1", () => socket.write(bytes));
    const finish = () => {
      clearTimeout(timer);
      socket.destroy();
      resolve(text);
    };
    const timer = setTimeout(finish, ms);
    socket.on("data", (chunk: Buffer) => {
      text += chunk.toString("latin1");
      if (until !== undefined && text.search(until) >= 0) finish();
    });
    socket.on("close", finish).on("error", finish);
  });
}
