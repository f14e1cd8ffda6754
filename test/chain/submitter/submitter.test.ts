import { afterAll, afterEach, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { testBeacon } from "#shared/chain/timelock.ts";
import { publicKeyOf, sealVector, vectorSigningKey } from "#shared/weights/seal.ts";
import { freePort } from "../../support/free-port.ts";
import { waitFor } from "../../support/wait-for.ts";
import { roleCommand } from "../role-command.ts";
import { buildWorld, seedOf, type World } from "../world.ts";

setDefaultTimeout(60_000);

const signingKey = vectorSigningKey("a master key for tests");

interface Status {
  readonly activity: string;
  readonly reason: string | null;
  readonly alert: string | null;
  readonly finalized_block: number | null;
  readonly is_revealed: boolean | null;
}

/** The platform's weights route, answering what the test puts there. */
class Platform {
  answer: () => Response = () => new Response("not yet", { status: 503 });
  readonly #server = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: () => this.answer() });

  get url(): string {
    return `http://127.0.0.1:${this.#server.port}/v1/weights/latest`;
  }

  publish(part: Partial<ReturnType<typeof vectorOf>> = {}, bend: object = {}): void {
    const vector = vectorOf(part);
    this.answer = () => Response.json({ ...vector, ...sealVector(vector, signingKey), chain_endpoint: "", ...bend });
  }

  stop(): void {
    void this.#server.stop(true);
  }
}

function vectorOf(part: object) {
  const now = Date.now();
  return {
    netuid: 1,
    epoch: 1,
    uids: [1, 2, 3],
    weights: [0.1, 0.3, 0.6],
    computed_at: new Date(now).toISOString(),
    expires_at: new Date(now + 60_000).toISOString(),
    ...part,
  };
}

let world: World;
let platform: Platform;
let directory: string;
let child: Bun.Subprocess | undefined;
let status_port: number;

async function begin(parameters: Readonly<Record<string, unknown>> = {}): Promise<void> {
  world = await buildWorld({ parameters });
  platform = new Platform();
  directory = await mkdtemp(join(tmpdir(), "submitter-"));
  status_port = await freePort();
  await writeFile(
    join(directory, "hotkey"),
    JSON.stringify({ secretSeed: seedOf("validator"), ss58Address: world.validator.address }),
    { mode: 0o600 },
  );
}

async function startSubmitter(extra: Readonly<Record<string, string>> = {}): Promise<void> {
  const env = {
    PATH: process.env["PATH"] ?? "",
    PLATFORM_RUN_DIRECTORY: join(directory, "run"),
    PLATFORM_STATE_DIRECTORY: join(directory, "state"),
    PLATFORM_WEIGHTS_URL: platform.url,
    PLATFORM_CHAIN_ENDPOINTS: world.devchain.endpoint,
    PLATFORM_HOTKEY_FILE: join(directory, "hotkey"),
    PLATFORM_INTERVAL_SECONDS: "0.2",
    PLATFORM_STATUS_PORT: String(status_port),
    PLATFORM_LOG_LEVEL: "fatal",
    PLATFORM_BEACON_PUBLIC_KEY: await world.devchain.rpc<string>("dev_beaconPublicKey"),
    BT_NETUID: "1",
    PLATFORM_VECTOR_PUBLIC_KEY: publicKeyOf(signingKey),
    ...extra,
  };
  child = Bun.spawn(roleCommand("submitter"), { env, stdout: "ignore", stderr: "ignore" });
}

async function endSubmitter(signal: NodeJS.Signals): Promise<number | null> {
  child?.kill(signal);
  await child?.exited;
  return child?.exitCode ?? null;
}

const status = async (): Promise<Status> =>
  (await (await fetch(`http://127.0.0.1:${status_port}/status`, { keepalive: false })).json()) as Status;
const activity = (wanted: string) =>
  waitFor(
    async () => {
      const seen = await status();
      return seen.activity === wanted ? seen : undefined;
    },
    { deadline_ms: 20_000, every_ms: 50, what: `the submitter's activity ${wanted}` },
  );
const stored = () => world.chain.readWeights(1, 0);
const nonce = async () =>
  (await world.chain.readSubnet({ netuid: 1, mechanism: 0, hotkey: world.validator.address })).nonce;

async function end(): Promise<void> {
  await endSubmitter("SIGKILL");
  child = undefined;
  platform.stop();
  await world.dispose();
  await rm(directory, { recursive: true });
}

describe("the submitter", () => {
  afterEach(end);

  test("sets the sealed vector once, again when it changes, and stops when asked", async () => {
    await begin();
    platform.publish();
    await startSubmitter();
    await activity("idle");
    expect(await stored()).toEqual([
      [1, 10923],
      [2, 32768],
      [3, 65535],
    ]);
    expect(await nonce()).toBe(1);
    platform.publish({ epoch: 2, uids: [0], weights: [1] });
    await waitFor(async () => (await stored()).length === 1, { deadline_ms: 20_000 });
    expect(await stored()).toEqual([[0, 65535]]);
    await activity("idle");
    expect(await nonce()).toBe(2);
    expect(await endSubmitter("SIGTERM")).toBe(0);
  });

  test("that is killed and started again does not set it twice", async () => {
    await begin();
    platform.publish();
    await world.devchain.control("/faults", { pause: true });
    await startSubmitter();
    await waitFor(async () => (await world.devchain.rpc<string[]>("author_pendingExtrinsics")).length === 1, {
      deadline_ms: 20_000,
    });
    await endSubmitter("SIGKILL");
    await startSubmitter();
    await activity("pending");
    await world.devchain.control("/faults", { pause: false });
    await activity("idle");
    expect(await nonce()).toBe(1);
    expect((await stored()).length).toBe(3);
  });

  test("outlives its chain and goes on when that is back", async () => {
    await begin();
    platform.publish();
    await startSubmitter();
    await activity("idle");
    for (const uid of [4, 5]) {
      await world.devchain.kill();
      await activity("chain_unreachable");
      platform.publish({ epoch: uid, uids: [uid], weights: [1] });
      await world.devchain.restart();
      await waitFor(async () => (await stored())[0]?.[0] === uid, { deadline_ms: 20_000, what: "the new vector" });
    }
    expect(child?.exitCode).toBeNull();
    expect(await endSubmitter("SIGTERM")).toBe(0);
  });

  test("alerts on what only a human can change, and sends nothing", async () => {
    await begin({ weights_version_key: 9 });
    platform.publish();
    await startSubmitter();
    expect((await activity("refused")).alert).toBe("IncorrectWeightVersionKey");
    expect(await nonce()).toBe(0);
    const metrics = await (await fetch(`http://127.0.0.1:${status_port}/metrics`, { keepalive: false })).text();
    expect(metrics).toContain("submitter_alert 1");
    await world.devchain.rpc("dev_setParameters", 1, { weights_version_key: 0 });
    await activity("idle");
    expect((await status()).alert).toBeNull();
  });

  test("commits under commit-reveal and sees its vector revealed", async () => {
    await begin({ is_commit_reveal_enabled: true, tempo: 40 });
    platform.publish();
    await startSubmitter();
    await waitFor(async () => (await status()).is_revealed, { deadline_ms: 25_000, what: "the reveal" });
    expect((await stored()).map(([, value]) => value)).toEqual([10923, 32768, 65535]);
    expect(await nonce()).toBe(1);
    expect((await status()).alert).toBeNull();
  });

  test("alerts when the chain drops its commit unrevealed, and commits again", async () => {
    await begin({ is_commit_reveal_enabled: true, tempo: 12 });
    platform.publish();
    await startSubmitter({ PLATFORM_BEACON_PUBLIC_KEY: testBeacon("another").public_key });
    await waitFor(async () => (await status()).alert === "CommitNotRevealed", {
      deadline_ms: 25_000,
      what: "the alert",
    });
    await waitFor(async () => (await nonce()) === 2, { deadline_ms: 15_000, what: "the second commit" });
    expect(await stored()).toEqual([]);
  });
});

describe("the submitter sends nothing on", () => {
  beforeAll(async () => {
    await begin();
    await startSubmitter();
  });
  afterAll(end);

  test.each([
    [
      "another key's seal",
      () => platform.publish({}, { ...sealVector(vectorOf({}), vectorSigningKey("another")) }),
      "seal does not hold",
    ],
    ["a changed weight", () => platform.publish({}, { weights: [0.6, 0.3, 0.1] }), "digest_mismatch"],
    ["another subnet", () => platform.publish({ netuid: 2 }), "subnet 2"],
    [
      "an expired vector",
      () => platform.publish({ expires_at: new Date(Date.now() - 1_000).toISOString() }),
      "expired",
    ],
    ["weights that do not add up", () => platform.publish({ weights: [0.1, 0.3, 0.5] }), "add up to 1"],
    [
      "a vector from the future",
      () => platform.publish({ computed_at: new Date(Date.now() + 3_600_000).toISOString() }),
      "clock",
    ],
    ["a missing member", () => platform.publish({}, { uids: undefined }), "schema"],
    ["no answer", () => (platform.answer = () => new Response("", { status: 503 })), "503"],
  ])("%s", async (_what, publish, reason) => {
    publish();
    await waitFor(async () => (await status()).reason?.includes(reason), {
      deadline_ms: 20_000,
      what: `the reason "${reason}"`,
    });
    expect((await status()).activity).toBe("no_vector");
    expect(await nonce()).toBe(0);
  });
});
