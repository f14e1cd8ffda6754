import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { UploadSigner } from "#shared/auth/upload-signature.ts";
import type { Chain } from "#shared/chain/chain.ts";
import { connectChain } from "#shared/chain/metagraph.ts";
import { quantiseWeights, upscaleValues } from "#shared/chain/weights-vector.ts";
import { systemClock } from "#shared/time/clock.ts";
import { type AdminClient, connectAdmin } from "../clients/admin.ts";
import { packProgram, readSubmission, type Submission, upload } from "../clients/submissions.ts";
import { secretPath } from "../install/host-files.ts";
import { installationPath, readInstallation } from "../plan/installation-file.ts";
import { createProgress } from "../progress.ts";
import { waitUntil } from "../wait-until.ts";
import { untilDemoReady, withDemoActive } from "./activation.ts";
import { demoSlug } from "./challenge.ts";
import { demoMiners, registerOnDevelopmentChain, samples } from "./miners.ts";

export interface DemoOptions {
  readonly samples: string;
  readonly startedSecondsAgo: number;
  /** True: do nothing if the installation uses an external chain or the registry holds a challenge. */
  readonly onlyIfNew: boolean;
}

/** Where the demonstration runs: the programs' folder, and addresses from the installation's choices. */
interface Place {
  readonly samples: string;
  readonly proxy: string;
  readonly netuid: number;
  readonly chain_port: number;
  readonly admin: AdminClient;
}

export interface Shown {
  readonly miners: readonly {
    readonly hotkey: string;
    readonly uid: number;
    readonly submission_id: string;
    readonly score: number;
  }[];
  readonly epoch: number;
  readonly chain: {
    readonly endpoint: string;
    readonly netuid: number;
    readonly weights: readonly (readonly [number, number])[];
  };
}

interface Found {
  readonly urls: { readonly proxy: string; readonly admin: string; readonly docs: string };
  readonly admin_token_file: string;
  readonly seconds: number;
}
/** The results of the demonstration, or the reason why it did not run (`left_out`). */
export type DemoReport = Found & (Shown | { readonly left_out: string });

interface Vector {
  readonly epoch: number;
  readonly uids: readonly number[];
  readonly weights: readonly number[];
  readonly hotkey_weights: Readonly<Record<string, number>>;
}

const wait_ms = { accepted: 90_000, scored: 180_000, vector: 120_000, chain: 120_000 } as const;
/** The uid of //Bob, the development chain's validator. */
const validatorUid = 1;

/**
 * Shows the whole path: three miners upload, jobs run, scores become a vector, and the vector is set on the chain. If the
 * demonstration fails or is interrupted, its challenge is removed, because it would go on earning.
 *
 * @throws Error when the installation uses an external chain, or another challenge has the name of the demonstration's
 */
export async function demo(options: DemoOptions): Promise<DemoReport> {
  const installation = readInstallation();
  if (!installation) throw new Error(`there is no ${installationPath}: run \`platform up\` first`);
  const { ports, subnet, chain } = installation;
  const admin = connectAdmin(ports.admin);
  const found = {
    urls: {
      proxy: `http://127.0.0.1:${ports.proxy}`,
      admin: `http://127.0.0.1:${ports.admin}`,
      docs: `http://127.0.0.1:${ports.admin}/docs`,
    },
    admin_token_file: secretPath("admin_token"),
  };
  const seconds = () => Math.round(performance.now() / 1_000) + options.startedSecondsAgo;
  const hindrance = chain.kind === "external" ? realChain : options.onlyIfNew ? await knownChallenges(admin) : null;
  if (hindrance !== null && options.onlyIfNew) return { ...found, left_out: hindrance, seconds: seconds() };
  if (hindrance !== null) throw new Error(hindrance);
  const place: Place = {
    samples: options.samples,
    proxy: found.urls.proxy,
    netuid: subnet.netuid,
    chain_port: ports.chain,
    admin,
  };
  const shown = await withDemoActive(admin, () => show(place));
  return { ...found, ...shown, seconds: seconds() };
}

const realChain =
  "the demonstration gives weight to miners of its own: there is none where a chain is given, only on the development chain";

async function knownChallenges(admin: AdminClient): Promise<string | null> {
  const { items } = await admin.call<{ items: readonly { slug: string }[] }>("GET", "/v1/admin/challenges");
  if (items.length === 0) return null;
  return `the registry has challenges already (${items.map(({ slug }) => slug).join(", ")}); --demo runs the demonstration all the same`;
}

async function show(place: Place): Promise<Shown> {
  const { step } = createProgress();
  const { proxy, netuid } = place;
  const endpoint = `ws://127.0.0.1:${place.chain_port}`;
  const chain = connectChain({ endpoints: [endpoint] });
  try {
    await step("The demonstration challenge is active and ready", () => untilDemoReady(place.admin));
    const miners = await step("Three miners are registered on the chain", () => registerMiners(place));
    const accepted = await step("Their submissions are signed and accepted", () => uploadAll(miners, place));
    const scored = await step("Every submission ran in a job and has its score", () => waitForScores(proxy, accepted));
    const vector = await step("An epoch has sealed the vector", () => waitForVector(proxy, miners, scored));
    const weights = await step("The vector stands on the chain", () => waitForChain(chain, netuid, vector));
    const { neurons } = await chain.readMetagraph(netuid);
    return {
      miners: miners.map(({ address }, index) => ({
        hotkey: address,
        uid: neurons.find(({ hotkey }) => hotkey === address)?.uid ?? -1,
        submission_id: scored[index]?.id ?? "",
        score: scored[index]?.score ?? 0,
      })),
      epoch: vector.epoch,
      chain: { endpoint, netuid, weights },
    };
  } finally {
    await chain.close();
  }
}

async function registerMiners({ chain_port, netuid }: Place): Promise<readonly UploadSigner[]> {
  const miners = await demoMiners(secretPath("demo-miners.json"));
  const chain = connectChain({ endpoints: [`ws://127.0.0.1:${chain_port}`] });
  try {
    const known = new Set((await chain.readMetagraph(netuid)).neurons.map(({ hotkey }) => hotkey));
    for (const { address } of miners) {
      if (!known.has(address)) await registerOnDevelopmentChain(netuid, address);
    }
  } finally {
    await chain.close();
  }
  return miners;
}

/**
 * Uploads each miner's program. The proxy refuses a new miner until the aggregator has read the chain again, so each upload
 * is repeated for at most 90 s.
 */
async function uploadAll(miners: readonly UploadSigner[], place: Place): Promise<Submission[]> {
  return await Promise.all(
    miners.map(async (signer, index) => {
      const body = await packProgram(
        "predict.awk",
        readFileSync(join(place.samples, samples[index] ?? "", "predict.awk")),
      );
      return await waitUntil(systemClock, `acceptance of ${signer.address}'s submission`, wait_ms.accepted, () =>
        upload({
          proxy_url: place.proxy,
          netuid: place.netuid,
          slug: demoSlug,
          signer,
          body,
          timestamp: Math.floor(systemClock.now() / 1_000),
        }),
      );
    }),
  );
}

async function waitForScores(proxy: string, accepted: readonly Submission[]): Promise<Submission[]> {
  return await Promise.all(
    accepted.map(({ id }) =>
      waitUntil(systemClock, `score of submission ${id}`, wait_ms.scored, async () => {
        const seen = await readSubmission(proxy, demoSlug, id);
        if (seen.status === "scored") return seen;
        if (seen.status === "failed") throw new Error(`it failed: ${seen.failure?.code}, ${seen.failure?.detail}`);
        throw new Error(`it is ${seen.status}`);
      }),
    ),
  );
}

/** Waits at most 120 s for a vector in which each miner's weight is its share of the sum of all scores. */
async function waitForVector(
  proxy: string,
  miners: readonly UploadSigner[],
  scored: readonly Submission[],
): Promise<Vector> {
  const total = scored.reduce((sum, { score }) => sum + (score ?? 0), 0);
  return await waitUntil(systemClock, "a vector with all scores", wait_ms.vector, async () => {
    const response = await fetch(`${proxy}/v1/weights/latest`, { signal: AbortSignal.timeout(10_000) });
    if (!response.ok) throw new Error(`/v1/weights/latest answers ${response.status}`);
    const vector = (await response.json()) as Vector;
    const agrees = miners.every(({ address }, index) => {
      const share = (scored[index]?.score ?? 0) / total;
      return Math.abs((vector.hotkey_weights[address] ?? 0) - share) < 1e-9;
    });
    return agrees ? vector : null;
  });
}

async function waitForChain(
  chain: Chain,
  netuid: number,
  vector: Vector,
): Promise<readonly (readonly [number, number])[]> {
  const { uids, values } = quantiseWeights(vector.uids, vector.weights);
  const wanted = JSON.stringify(upscaleValues([...values]).map((value, index) => [uids[index], value]));
  return await waitUntil(systemClock, "the vector on the chain", wait_ms.chain, async () => {
    const stored = await chain.readWeights(netuid, validatorUid);
    return JSON.stringify(stored) === wanted ? stored : null;
  });
}
