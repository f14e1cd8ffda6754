import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { UploadSigner } from "#shared/auth/upload-signature.ts";
import type { Chain } from "#shared/chain/chain.ts";
import { connectChain } from "#shared/chain/metagraph.ts";
import { quantiseWeights, upscaleValues } from "#shared/chain/weights-vector.ts";
import { ProblemError } from "#shared/http/problem.ts";
import { systemClock } from "#shared/time/clock.ts";
import { connectAdmin } from "../clients/admin.ts";
import { packProgram, readSubmission, type Submission, upload } from "../clients/submissions.ts";
import { secretPath } from "../install/host-files.ts";
import { createProgress } from "../progress.ts";
import { waitUntil } from "../wait-until.ts";
import { demoChallenge } from "./challenge.ts";
import { demoMiners, registerOnDevelopmentChain, samples } from "./miners.ts";

export interface DemoOptions {
  readonly samples: string;
  readonly proxyPort: number;
  readonly adminPort: number;
  readonly chainPort: number;
  readonly netuid: number;
  readonly startedSecondsAgo: number;
}

export interface DemoReport {
  readonly urls: { readonly proxy: string; readonly admin: string; readonly docs: string };
  readonly admin_token_file: string;
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
  readonly seconds: number;
}

interface Vector {
  readonly epoch: number;
  readonly uids: readonly number[];
  readonly weights: readonly number[];
  readonly hotkey_weights: Readonly<Record<string, number>>;
}

const wait_ms = { ready: 120_000, accepted: 90_000, scored: 180_000, vector: 120_000, chain: 120_000 } as const;
/** The uid of //Bob, the development chain's validator. */
const validatorUid = 1;

/** Shows the whole path: three miners upload, jobs run, scores become a vector, the vector stands on the chain. */
export async function demo(options: DemoOptions): Promise<DemoReport> {
  const { step } = createProgress();
  const proxy = `http://127.0.0.1:${options.proxyPort}`;
  const endpoint = `ws://127.0.0.1:${options.chainPort}`;
  const chain = connectChain({ endpoints: [endpoint] });
  try {
    await step("The demonstration challenge is active and ready", () => activateDemo(options.adminPort));
    const miners = await step("Three miners are registered on the chain", () => registerMiners(options));
    const accepted = await step("Their submissions are signed and accepted", () => uploadAll(miners, options, proxy));
    const scored = await step("Every submission ran in a job and has its score", () => waitForScores(proxy, accepted));
    const vector = await step("An epoch has sealed the vector", () => waitForVector(proxy, miners, scored));
    const weights = await step("The vector stands on the chain", () => waitForChain(chain, options.netuid, vector));
    const { neurons } = await chain.readMetagraph(options.netuid);
    return {
      urls: {
        proxy,
        admin: `http://127.0.0.1:${options.adminPort}`,
        docs: `http://127.0.0.1:${options.adminPort}/docs`,
      },
      admin_token_file: secretPath("admin_token"),
      miners: miners.map(({ address }, index) => ({
        hotkey: address,
        uid: neurons.find(({ hotkey }) => hotkey === address)?.uid ?? -1,
        submission_id: scored[index]?.id ?? "",
        score: scored[index]?.score ?? 0,
      })),
      epoch: vector.epoch,
      chain: { endpoint, netuid: options.netuid, weights },
      seconds: Math.round(performance.now() / 1_000) + options.startedSecondsAgo,
    };
  } finally {
    await chain.close();
  }
}

async function activateDemo(adminPort: number): Promise<void> {
  const admin = connectAdmin(adminPort);
  const record = demoChallenge();
  const path = `/v1/admin/challenges/${record.slug}`;
  try {
    await admin.call("POST", "/v1/admin/challenges", record);
  } catch (error) {
    if (!(error instanceof ProblemError && error.status === 409)) throw error;
    await admin.call("PUT", path, record);
  }
  await admin.call("POST", `${path}/activate`);
  await waitUntil(systemClock, "readiness of the demonstration challenge", wait_ms.ready, async () => {
    const { readiness } = await admin.call<{ readiness: { ready: boolean; reason: string | null } | null }>(
      "GET",
      path,
    );
    if (readiness?.ready) return true;
    throw new Error(readiness?.reason ?? "it was not probed yet");
  });
}

async function registerMiners({ chainPort, netuid }: DemoOptions): Promise<readonly UploadSigner[]> {
  const miners = await demoMiners(secretPath("demo-miners.json"));
  const chain = connectChain({ endpoints: [`ws://127.0.0.1:${chainPort}`] });
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

/** A miner registered a moment ago is unknown until the aggregator has read the chain again: then the upload is tried again. */
async function uploadAll(
  miners: readonly UploadSigner[],
  options: DemoOptions,
  proxy_url: string,
): Promise<Submission[]> {
  return await Promise.all(
    miners.map(async (signer, index) => {
      const body = await packProgram(
        "predict.awk",
        readFileSync(join(options.samples, samples[index] ?? "", "predict.awk")),
      );
      return await waitUntil(systemClock, `acceptance of ${signer.address}'s submission`, wait_ms.accepted, () =>
        upload({
          proxy_url,
          netuid: options.netuid,
          slug: "demo",
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
        const seen = await readSubmission(proxy, "demo", id);
        if (seen.status === "scored") return seen;
        if (seen.status === "failed") throw new Error(`it failed: ${seen.failure?.code}, ${seen.failure?.detail}`);
        throw new Error(`it is ${seen.status}`);
      }),
    ),
  );
}

/** The first vector whose proportions between the miners are those of their scores. */
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
