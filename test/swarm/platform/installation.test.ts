import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { demoChallenge } from "../../../roles/platform/demo/challenge.ts";
import { waitFor } from "../../support/wait-for.ts";
import { type InstallationWorld, startInstallation } from "../../support/worlds/installation-world.ts";
import { startPostgres, type TestPostgres } from "../../support/worlds/postgres.ts";

const dist = join(import.meta.dir, "../../../dist");
const unitFile = join(import.meta.dir, "../../../deploy/systemd/platform-supervisor.service");
const samples = join(import.meta.dir, "../../../roles/challenge/samples");
const file = "/etc/platform/platform.toml";
const postgresPort = 55_432;
const chainPort = 9_955;

let world: InstallationWorld;
let postgres: TestPostgres;
let databaseUrl: string;
let chainUrl: string;

beforeAll(async () => {
  world = await startInstallation();
  const { manager, spawnOnManager } = world.lab;
  postgres = await startPostgres({ host: manager.ip.replace(/\d+$/, "1"), port: postgresPort });
  databaseUrl = await postgres.createDatabase();
  chainUrl = `ws://${manager.ip}:${chainPort}`;
  await spawnOnManager([join(dist, "platform-devchain")], {
    PLATFORM_LISTEN_HOST: manager.ip,
    PLATFORM_LISTEN_PORT: String(chainPort),
    PLATFORM_RUN_DIRECTORY: join(manager.directory, "other-chain/run"),
    PLATFORM_DATA_DIRECTORY: join(manager.directory, "other-chain/data"),
    PLATFORM_BLOCK_MS: "1000",
  });
  await world.up("--no-encryption", "--socket", "/run/docker.sock", "--name", "trial", "--proxy-port", "8180");
}, 300_000);
afterAll(async () => {
  await world?.[Symbol.asyncDispose]();
  await postgres?.stop();
}, 60_000);

/** All that a command may have changed. */
const state = async () => ({
  services: await world.services(),
  file: await world.file(file),
  database_url: await world.file("/etc/platform/database_url"),
  admin_token: await world.file("/etc/platform/admin_token"),
  supervisor: await world.file("/run/platform/supervisor.pid"),
});

/** Runs a command that must be refused, and answers its words: nothing may have changed. */
async function refused(...words: string[]): Promise<string> {
  const before = await state();
  const { exitCode, stderr } = await world.platform(...words);
  expect(await state()).toEqual(before);
  expect(exitCode).toBe(1);
  return stderr;
}

describe("an `up` without options", () => {
  test("changes nothing of an installation that was made with options", async () => {
    const before = await state();
    await world.up();
    expect(await state()).toEqual(before);
    expect(before.file).toContain("proxy = 8180");
  }, 60_000);

  test("keeps what an earlier option changed, and that option changed nothing else", async () => {
    const before = await state();
    await world.up("--epoch-seconds", "15");
    const after = await state();
    const changed = Object.keys(after.services).filter(
      (name) => !Bun.deepEquals(after.services[name], before.services[name]),
    );
    expect(changed).toEqual(["platform-aggregator"]);
    await world.up();
    expect(await state()).toEqual(after);
    expect(await world.settings("aggregator")).toMatchObject({ PLATFORM_EPOCH_SECONDS: "15", PLATFORM_NETUID: "1" });
  }, 90_000);

  test("adopts from what runs an installation that has no file", async () => {
    const before = await state();
    await world.lab.manager.exec(["rm", file]);
    // The machine's name is all that running services do not tell.
    await world.up("--name", "trial");
    expect(await state()).toEqual(before);
  }, 60_000);

  test("asks before it does what somebody wrote into the file", async () => {
    const edit = (from: string, to: string) => world.lab.manager.exec(["sed", "-i", `s/${from}/${to}/`, file]);
    await edit("netuid = 1", "netuid = 7");
    expect(await refused("up", "--dist", dist)).toContain("netuid  1 → 7");
    await edit("netuid = 7", "netuid = 1");
  }, 60_000);
});

describe("a change of database, subnet or chain", () => {
  test.each([
    ["netuid", ["--netuid", "7"], /netuid {2}1 → 7/],
    [
      "database",
      ["--database-url", "DATABASE"],
      /database {2}the embedded database → postgres:\/\/10\.[\d.]+:55432\/test_1\n/,
    ],
    ["chain", ["--chain-endpoint", "CHAIN"], /chain {2}the development chain → ws:\/\/10\.[\d.]+:9955\n/],
  ])(
    "of %s is shown and refused without a confirmation of its own",
    async (name, words, shown) => {
      const real = words.map((word) => word.replace("DATABASE", databaseUrl).replace("CHAIN", chainUrl));
      const told = await refused("up", "--dist", dist, ...real);
      expect(told).toMatch(shown);
      expect(told).toContain(`--confirm-change ${name}`);
      expect(told).not.toContain("correct");
      const other = name === "netuid" ? "chain" : "netuid";
      expect(await refused("up", "--dist", dist, ...real, "--confirm-change", other)).toContain(
        `--confirm-change ${name}`,
      );
    },
    90_000,
  );
});

describe("before anything is changed", () => {
  test("a wrong password is told", async () => {
    const url = databaseUrl.replace("correct", "wrong");
    const told = await refused("up", "--dist", dist, "--database-url", url, "--confirm-change", "database");
    expect(told).toContain('password authentication failed for user "platform"');
    expect(told).not.toContain("wrong@");
  });

  test("a chain that does not answer, and a subnet that it does not have, are told", async () => {
    const { ip } = world.lab.manager;
    const confirmed = ["--confirm-change", "chain,netuid"];
    const silent = await refused("up", "--dist", dist, "--chain-endpoint", `ws://${ip}:1`, ...confirmed);
    expect(silent).toContain(`chain endpoint ws://${ip}:1: it cannot be used`);
    const other = await refused("up", "--dist", dist, "--chain-endpoint", chainUrl, "--netuid", "9", ...confirmed);
    expect(other).toContain("subnet 9 does not exist on this chain");
  }, 60_000);

  test("options that cannot be kept are told", async () => {
    const told = await refused("up", "--dist", dist, "--netuid", "70000", "--name", "Not_a_name");
    expect(told).toContain("subnet.netuid: expected the subnet's number, 0 to 65535; got 70000");
    expect(told).toContain("name: expected lower case letters");
  });

  test("a port that another program holds is told, with the program", async () => {
    const holder = await world.lab.spawnOnManager(["busybox", "httpd", "-f", "-p", "8280"]);
    await waitFor(async () => (await world.lab.manager.exec(["ss", "-Hltn", "sport = :8280"])).stdout.trim());
    const told = await refused("up", "--dist", dist, "--proxy-port", "8280");
    expect(told).toMatch(/port 8280 for the public door is taken by busybox \(process \d+\)/);
    holder.kill("SIGKILL");
  });

  test("a port of another's container, and one that two of ours would share, are told", async () => {
    const run = ["docker", "run", "--detach", "--rm", "--name", "stranger", "--publish", "8380:80", "lab/busybox:1"];
    const started = await world.lab.manager.exec([...run, "sleep", "60"]);
    expect(started.exitCode).toBe(0);
    expect(await refused("up", "--dist", dist, "--proxy-port", "8380")).toContain(
      "port 8380 for the public door is taken by the container stranger",
    );
    await world.lab.manager.exec(["docker", "rm", "--force", "stranger"]);
    expect(await refused("up", "--dist", dist, "--admin-port", "8090")).toContain(
      "port 8090: the admin API and the operator's routes cannot share it",
    );
  });
});

describe("a demonstration", () => {
  const registry = async () =>
    JSON.parse((await world.platform("challenge", "list")).stdout).items as { slug: string }[];

  test("that fails leaves no challenge in the registry", async () => {
    const { exitCode, stderr } = await world.platform("demo", "--samples", "/nowhere");
    expect(exitCode).toBe(1);
    expect(stderr).toContain("the demonstration failed, and its challenge was taken out of the registry");
    expect(await registry()).toEqual([]);
  }, 150_000);

  test("that is interrupted leaves none either", async () => {
    const demo = await world.lab.spawnOnManager([join(dist, "platform-platform"), "demo", "--samples", "/nowhere"]);
    await waitFor(async () => (await registry()).length > 0, {
      deadline_ms: 20_000,
      what: "the demonstration's challenge",
    });
    demo.kill("SIGTERM");
    expect(await demo.exited).toBe(1);
    expect(demo.output()).toContain("interrupted by SIGTERM");
    expect(await registry()).toEqual([]);
  }, 60_000);

  test("does not touch a challenge of somebody's own that has its name", async () => {
    const own = { ...demoChallenge(), metadata: { category: "mine" }, emission_percent: 7 };
    await Bun.write(join(world.lab.manager.directory, "own.json"), JSON.stringify(own));
    await world.platform("challenge", "create", join(world.lab.manager.directory, "own.json"));
    const before = await registry();
    const { exitCode, stderr } = await world.platform("demo", "--samples", samples);
    expect([exitCode, await registry()]).toEqual([1, before]);
    expect(stderr).toContain("is not the demonstration's");
    const left_out = await world.platform("demo", "--only-if-new", "--json", "--samples", samples);
    expect(JSON.parse(left_out.stdout).left_out).toContain("the registry has challenges already (demo)");
  }, 60_000);
});

describe("a real chain", () => {
  const toRealChain = () => ["up", "--dist", dist, "--chain-endpoint", chainUrl, "--confirm-change", "chain"];
  const api = async (method: string, path: string, body?: unknown) => {
    const response = await fetch(`http://admin${path}`, {
      unix: join(world.lab.manager.directory, "run/platform/admin/admin.sock"),
      method,
      headers: {
        authorization: `Bearer ${(await world.file("/etc/platform/admin_token"))?.trim()}`,
        "content-type": "application/json",
      },
      ...(body ? { body: JSON.stringify(body) } : {}),
    });
    return response.status;
  };

  test("is not taken while the demonstration would earn on it", async () => {
    expect(await api("PUT", "/v1/admin/challenges/demo", demoChallenge())).toBe(200);
    expect(await api("POST", "/v1/admin/challenges/demo/activate")).toBe(200);
    expect(await refused(...toRealChain())).toContain("the demonstration challenge is active in its registry");
    expect(await api("POST", "/v1/admin/challenges/demo/deactivate")).toBe(200);
  }, 60_000);

  test("that was confirmed takes the development chain's place, is remembered, and has no demonstration", async () => {
    await world.up(...toRealChain().slice(3));
    expect(Object.keys(await world.services()).sort()).toEqual([
      "platform-admin",
      "platform-aggregator",
      "platform-broker",
      "platform-postgres",
      "platform-proxy",
    ]);
    const before = await state();
    expect(before.file).toMatch(/endpoints = \[ "ws:[^"]+" \]\ngenesis = "0x[0-9a-f]{64}"/);
    await world.up();
    expect(await state()).toEqual(before);
    expect(await world.settings("aggregator")).toMatchObject({ PLATFORM_CHAIN_ENDPOINTS: chainUrl });
    expect(await refused("up", "--dist", dist, "--demo")).toContain("there is none where a chain is given");
    expect(await refused("demo", "--samples", samples)).toContain("there is none where a chain is given");
  }, 120_000);
});

describe("another database", () => {
  test("that was confirmed is the roles' own, and the token of the former one is not lost", async () => {
    const before = await state();
    await world.up("--database-url", databaseUrl, "--confirm-change", "database");
    const there = await state();
    expect(there.database_url?.trim()).toBe(databaseUrl);
    expect(there.admin_token).not.toBe(before.admin_token);
    expect(Object.keys(there.services)).not.toContain("platform-postgres");
    expect((await world.platform("challenge", "list")).stdout).toContain('"items": []');
    await world.up();
    expect(await state()).toEqual(there);
    const url = "/etc/platform/database_url";
    await world.lab.manager.exec(["sed", "-i", "s/test_1/postgres/", url]);
    expect(await refused("up", "--dist", dist)).toContain(
      "what the roles were given, which the file database_url no longer holds",
    );
    await world.lab.manager.exec(["sed", "-i", "s/postgres$/test_1/", url]);
    expect(await state()).toEqual(there);
    const back = ["up", "--dist", dist, "--unit-file", unitFile, "--database-url", "embedded"];
    const mistyped = await world.platformAnswered("trail", ...back);
    expect(mistyped.stdout).toContain("the name that was typed is not the installation's");
    expect(await state()).toEqual(there);
    expect((await world.platformAnswered("trial", ...back)).exitCode).toBe(0);
    expect(await state()).toMatchObject({ database_url: before.database_url, admin_token: before.admin_token });
    expect((await world.platform("challenge", "list")).stdout).toContain('"slug": "demo"');
  }, 180_000);
});

describe("a purge", () => {
  const volumes = async () =>
    ((await world.lab.manager.docker.listVolumes()).Volumes ?? []).map(({ Name }) => Name).sort();

  test.each([
    ["without a terminal", ["--purge"], "--yes --purge=trial"],
    ["with --yes alone", ["--purge", "--yes"], "--yes --purge=trial"],
    ["by its name, without --yes and without a terminal", ["--purge=trial"], "--yes --purge=trial"],
    ["by another name", ["--yes", "--purge=trail"], "this installation is trial, not trail"],
  ])("%s removes nothing, and tells what it would delete", async (_what, words, told) => {
    const before = await volumes();
    const said = await refused("down", ...words);
    expect(said).toContain(told);
    expect(said).toContain("volume platform_postgres\n");
    expect(said).toContain("file /etc/platform/master_key\n");
    expect(await volumes()).toEqual(before);
  });

  test("by its name deletes all that it told", async () => {
    const { exitCode } = await world.platform("down", "--yes", "--purge=trial");
    expect(exitCode).toBe(0);
    expect(await volumes()).toEqual([]);
    expect((await world.lab.manager.exec(["ls", "/etc/platform"])).stdout).toBe("");
    expect(await world.services()).toEqual({});
  }, 120_000);
});
