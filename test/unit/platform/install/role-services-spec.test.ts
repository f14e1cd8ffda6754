import { describe, expect, test } from "bun:test";
import type { ServiceSpec } from "#shared/engine/engine.ts";
import { type RolePlan, roleServices } from "../../../../roles/platform/install/role-services-spec.ts";

const roles = ["admin", "broker", "proxy", "aggregator", "postgres", "devchain", "submitter"];
const plan: RolePlan = {
  images: Object.fromEntries([...roles, "stager"].map((role) => [role, `sha256:${role}`])),
  node_id: "n1",
  netuid: 1,
  proxy_port: 8080,
  chain_endpoints: null,
  uses_embedded_database: true,
  epoch_seconds: 10,
  block_ms: 1_000,
  docker_socket: "/run/docker.sock",
  docker_socket_group: 998,
  areOverlaysEncrypted: true,
  vector_public_key: "ab",
  secrets: Object.fromEntries(
    ["master_key", "database_url", "postgres_password", "hotkey"].map((name) => [name, { id: name, name }]),
  ),
};
const specs = roleServices(plan);
const containerOf = (role: string) => {
  const spec = specs.find(({ Name }) => Name === `platform-${role}`);
  if (!spec) throw new Error(`no service of ${role}`);
  return spec.TaskTemplate.ContainerSpec;
};
const named = (test: (spec: ServiceSpec) => boolean) =>
  specs
    .filter(test)
    .map(({ Name }) => Name.replace("platform-", ""))
    .sort();

describe("the services of the roles", () => {
  test("touch no more than the table of roles allows", () => {
    const secrets = (name: string) =>
      named(({ TaskTemplate }) =>
        (TaskTemplate.ContainerSpec.Secrets ?? []).some(({ SecretName }) => SecretName === name),
      );
    expect(secrets("database_url")).toEqual(["admin", "aggregator", "broker", "proxy"]);
    expect(secrets("master_key")).toEqual(["admin", "aggregator", "broker", "proxy"]);
    expect(secrets("postgres_password")).toEqual(["postgres"]);
    expect(secrets("hotkey")).toEqual(["submitter"]);
    const mounts = (target: string) =>
      named(({ TaskTemplate }) => (TaskTemplate.ContainerSpec.Mounts ?? []).some(({ Target }) => Target === target));
    expect(mounts("/var/run/docker.sock")).toEqual(["broker"]);
    expect(mounts("/run/platform/postgres")).toEqual(["admin", "aggregator", "broker", "postgres", "proxy"]);
    expect(mounts("/run/platform/admin")).toEqual(["admin"]);
    expect(mounts("/run/platform/public")).toEqual(["admin", "proxy"]);
  });

  test("publish the proxy's port and no other", () => {
    expect(named(({ EndpointSpec }) => (EndpointSpec?.Ports ?? []).length > 0)).toEqual(["proxy"]);
    expect(specs.every(({ EndpointSpec }) => EndpointSpec?.Mode === "dnsrr")).toBe(true);
  });

  test("keep the development chain among themselves, without a way out", () => {
    const networksOf = (role: string) =>
      specs.find(({ Name }) => Name === `platform-${role}`)?.TaskTemplate.Networks?.map(({ Target }) => Target);
    expect(networksOf("devchain")).toEqual(["platform_control"]);
    for (const role of ["aggregator", "submitter"]) expect(networksOf(role)).toContain("platform_control");
  });

  test("tell Bun how much memory the container has", () => {
    for (const { Name, TaskTemplate } of specs.filter(({ Name }) => Name !== "platform-postgres"))
      expect([Name, TaskTemplate.ContainerSpec.Env]).toEqual([
        Name,
        expect.arrayContaining([`BUN_JSC_forceRAMSize=${TaskTemplate.Resources?.Limits?.MemoryBytes}`]),
      ]);
  });

  test("run without privileges on a read-only root", () => {
    for (const role of roles) {
      const container = containerOf(role);
      expect(container).toMatchObject({
        ReadOnly: true,
        CapabilityDrop: ["ALL"],
        Privileges: { NoNewPrivileges: true },
      });
    }
  });

  test("carry no secret in their environment", () => {
    for (const role of roles) {
      for (const line of containerOf(role).Env ?? []) expect(line).not.toMatch(/MASTER_KEY=|DATABASE_URL=|PASSWORD=/);
    }
  });

  test("leave out database and chain where there are others", () => {
    const external = roleServices({ ...plan, chain_endpoints: ["wss://chain"], uses_embedded_database: false });
    expect(external.map(({ Name }) => Name).sort()).toEqual([
      "platform-admin",
      "platform-aggregator",
      "platform-broker",
      "platform-proxy",
    ]);
    for (const { TaskTemplate } of external) {
      expect(TaskTemplate.Networks?.some(({ Target }) => Target === "platform_public")).toBe(true);
    }
  });
});
