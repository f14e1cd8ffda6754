/**
 * A model of one Engine for the broker's bench: `SOCKET NODE_COUNT`. It serves the routes that the broker calls. Every
 * service's task runs at once and for ever. Tasks and nodes have all members of engine 26.1, so that reading them costs the same.
 */
import { createHash } from "node:crypto";
import type { NetworkSpec, ServiceSpec } from "#shared/engine/engine.ts";

const [socket = "", nodeCount = "0"] = process.argv.slice(2);

interface Running {
  readonly id: string;
  readonly created_at: string;
  spec: ServiceSpec;
  version: number;
  /** The task as JSON, made once, because it is answered many times. */
  readonly task: string;
}

const services = new Map<string, Running>();
const networks = new Map<string, NetworkSpec>();
const idOf = (text: string) => createHash("sha256").update(text).digest("hex").slice(0, 25);

const plugins = ["awslogs", "fluentd", "gcplogs", "gelf", "journald", "json-file", "local", "splunk", "syslog"]
  .map((Name) => ({ Type: "Log", Name }))
  .concat(["bridge", "host", "ipvlan", "macvlan", "null", "overlay"].map((Name) => ({ Type: "Network", Name })));
const nodes = Array.from({ length: Number(nodeCount) }, (_, index) => ({
  ID: idOf(`node ${index}`),
  Version: { Index: 29 },
  CreatedAt: "2026-01-01T00:00:00.385081978Z",
  UpdatedAt: "2026-01-01T00:00:00.588036081Z",
  Spec: { Labels: { "platform.workload": "cpu" }, Role: "worker", Availability: "active" },
  Description: {
    Hostname: `worker-${index}`,
    Platform: { Architecture: "x86_64", OS: "linux" },
    Resources: { NanoCPUs: 64e9, MemoryBytes: 256 * 2 ** 30 },
    Engine: { EngineVersion: "26.1.5+dfsg1", Plugins: plugins },
    TLSInfo: { TrustRoot: "M".repeat(560), CertIssuerSubject: "M".repeat(28), CertIssuerPublicKey: "M".repeat(124) },
  },
  Status: { State: "ready", Addr: `10.77.0.${index + 10}` },
}));

function attachmentOf(networkName: string, now: string) {
  return {
    Network: {
      ID: idOf(networkName),
      Version: { Index: 23 },
      CreatedAt: now,
      UpdatedAt: now,
      Spec: {
        Name: networkName,
        Labels: networks.get(networkName)?.Labels ?? {},
        DriverConfiguration: { Name: "overlay" },
        Internal: true,
        Scope: "swarm",
      },
      DriverState: { Name: "overlay", Options: { "com.docker.network.driver.overlay.vxlanid_list": "4097" } },
      IPAMOptions: { Driver: { Name: "default" }, Configs: [{ Subnet: "10.0.1.0/24", Gateway: "10.0.1.1" }] },
    },
    Addresses: ["10.0.1.3/24"],
  };
}

function taskOf(serviceId: string, { Name, TaskTemplate }: ServiceSpec): string {
  const now = new Date().toISOString().replace("Z", "799878Z");
  const constraints = TaskTemplate.Placement?.Constraints ?? [];
  const NodeID = constraints.find((text) => text.startsWith("node.id=="))?.slice("node.id==".length) ?? "";
  const { Privileges, HealthCheck, ...container } = TaskTemplate.ContainerSpec;
  return JSON.stringify({
    ID: idOf(`task ${Name}`),
    Version: { Index: 32 },
    CreatedAt: now,
    UpdatedAt: now,
    Labels: {},
    Spec: {
      ...TaskTemplate,
      ContainerSpec: {
        ...container,
        Healthcheck: HealthCheck,
        Isolation: "default",
        Privileges: { CredentialSpec: null, SELinuxContext: null, ...Privileges },
      },
      ForceUpdate: 0,
    },
    ServiceID: serviceId,
    NodeID,
    Status: {
      Timestamp: now,
      State: "running",
      Message: "started",
      ContainerStatus: { ContainerID: createHash("sha256").update(Name).digest("hex"), PID: 192, ExitCode: 0 },
      PortStatus: {},
    },
    DesiredState: "complete",
    NetworksAttachments: (TaskTemplate.Networks ?? []).map(({ Target }) => attachmentOf(Target, now)),
    JobIteration: {},
    Volumes: null,
  });
}

const json = (value: unknown, status = 200) => Response.json(value, { status });
const missing = (what: string) => json({ message: `${what} not found` }, 404);
const text = (body: string) => new Response(body, { headers: { "content-type": "application/json" } });
const found = (name: string) =>
  services.get(name) ?? [...services.values()].find(({ id }) => id === name || id === idOf(name));
const shown = ({ id, created_at, spec, version }: Running) => ({
  ID: id,
  Version: { Index: version },
  CreatedAt: created_at,
  UpdatedAt: created_at,
  Spec: spec,
  Endpoint: {},
});

/** The objects whose labels or name match the query's filters. */
function filtered(url: URL): Running[] {
  const { label = [], service = [] } = JSON.parse(url.searchParams.get("filters") ?? "{}") as Record<string, string[]>;
  const wanted = label.map((pair) => pair.split("="));
  const carries = ({ Labels }: ServiceSpec) =>
    wanted.every(([name = "", value]) => (value === undefined ? name in Labels : Labels[name] === value));
  const asked = service.length > 0 ? service.flatMap((name) => found(name) ?? []) : [...services.values()];
  return asked.filter(({ spec }) => carries(spec));
}

function get(path: string, url: URL): Response {
  if (path === "/version") return json({ Version: "26.1.5+dfsg1", ApiVersion: "1.45", MinAPIVersion: "1.24" });
  if (path === "/info") {
    const Swarm = { NodeID: "manager", NodeAddr: "127.0.0.1", LocalNodeState: "active", ControlAvailable: true };
    return json({ Swarm });
  }
  if (path === "/nodes") return json(nodes);
  if (path === "/tasks")
    return text(
      `[${filtered(url)
        .map(({ task }) => task)
        .join(",")}]`,
    );
  if (path === "/services") return json(filtered(url).map(shown));
  if (path === "/networks") return json([...networks.values()]);
  // The follow of a silent, running job yields nothing and does not end.
  if (/^\/tasks\/\w+\/logs$/.test(path)) return new Response(new ReadableStream({ start: () => undefined }));
  if (path.startsWith("/images/")) return json({ Id: `sha256:${"b".repeat(64)}`, RepoTags: [], RepoDigests: [] });
  const service = found(path.replace("/services/", ""));
  return service ? json(shown(service)) : missing(path);
}

async function post(path: string, request: Request): Promise<Response> {
  const body: unknown = await request.json().catch(() => ({}));
  if (path === "/networks/create") {
    const network = body as NetworkSpec;
    networks.set(network.Name, network);
    return json({ Id: idOf(network.Name), Warning: "" }, 201);
  }
  const spec = body as ServiceSpec;
  if (path === "/services/create") {
    if (services.has(spec.Name)) return json({ message: "name conflicts with an existing object" }, 409);
    const id = idOf(`service ${spec.Name}`);
    services.set(spec.Name, { id, created_at: new Date().toISOString(), spec, version: 1, task: taskOf(id, spec) });
    return json({ ID: id, Warnings: null }, 201);
  }
  const service = found(path.replace("/services/", "").replace("/update", ""));
  if (!service) return missing(path);
  service.spec = spec;
  service.version += 1;
  return json({ Warnings: null });
}

// The types lack the server's time limit of a socket.
const endless = { idleTimeout: 0 } as object;

Bun.serve({
  ...endless,
  unix: socket,
  async fetch(request) {
    const url = new URL(request.url);
    const path = decodeURIComponent(url.pathname.replace(/^\/v\d+\.\d+/, ""));
    if (request.method === "GET") return get(path, url);
    if (request.method === "POST") return await post(path, request);
    const name = path.replace(/^\/(services|networks)\//, "");
    const isThere = services.delete(name) || networks.delete(name);
    return isThere ? json({}) : missing(path);
  },
});
process.stdout.write("ready\n");
