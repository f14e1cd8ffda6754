import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { deriveHotkey, type Hotkey } from "#shared/chain/hotkey.ts";
import { systemClock } from "#shared/time/clock.ts";
import { type Submission, submitOnce } from "../../roles/submitter/chain/submit-once.ts";
import { connectWeightsChain, type WeightsChain } from "../../roles/submitter/chain/weights-chain.ts";
import { Journal } from "../../roles/submitter/journal.ts";
import { type DevchainProcess, startDevchain } from "./devchain.ts";

export const rao_per_tao = 1_000_000_000;

/** Hotkeys of the tests: seeds anybody may know. */
export async function hotkeyOf(name: string): Promise<Hotkey> {
  return await deriveHotkey(seedOf(name));
}

export function seedOf(name: string): string {
  return `0x${new Bun.CryptoHasher("sha256").update(`test hotkey ${name}`).digest("hex")}`;
}

/** A chain with a validator at uid 0 and `neuron_count - 1` miners, and what it takes to set weights on it. */
export interface World {
  readonly devchain: DevchainProcess;
  readonly chain: WeightsChain;
  readonly validator: Hotkey;
  journal: Journal;
  readonly journal_directory: string;
  /** `submitOnce` with this world's parts. */
  submit(part: Partial<Submission> & Pick<Submission, "vector">): ReturnType<typeof submitOnce>;
  dispose(): Promise<void>;
}

export async function buildWorld(
  options: {
    readonly parameters?: Readonly<Record<string, unknown>>;
    readonly neuron_count?: number;
    readonly env?: Readonly<Record<string, string>>;
    readonly block_ms?: number;
    readonly endpoints?: (endpoint: string) => string[];
  } = {},
): Promise<World> {
  const validator = await hotkeyOf("validator");
  const miners = await Promise.all(
    Array.from({ length: (options.neuron_count ?? 6) - 1 }, (_, index) => hotkeyOf(`miner ${index}`)),
  );
  const genesis = {
    stake_threshold_rao: 1_000 * rao_per_tao,
    subnets: [
      {
        netuid: 1,
        parameters: { tempo: 0, weights_rate_limit_blocks: 0, is_commit_reveal_enabled: false, ...options.parameters },
        neurons: [
          { hotkey: validator.address, stake_rao: 5_000 * rao_per_tao, validator_permit: true },
          ...miners.map(({ address }) => ({ hotkey: address, stake_rao: 2_000 * rao_per_tao })),
        ],
      },
    ],
  };
  const devchain = await startDevchain({ genesis, block_ms: options.block_ms ?? 100, env: options.env ?? {} });
  const endpoints = options.endpoints?.(devchain.endpoint) ?? [devchain.endpoint];
  const chain = connectWeightsChain({ endpoints });
  const journal_directory = await mkdtemp(join(tmpdir(), "journal-"));
  const world: World = {
    devchain,
    chain,
    validator,
    journal: await Journal.open(journal_directory),
    journal_directory,
    submit: async (part) =>
      await submitOnce({
        chain,
        journal: world.journal,
        clock: systemClock,
        hotkey: validator,
        netuid: 1,
        mechanism: 0,
        version_key: 0n,
        beacon_public_key: await devchain.rpc<string>("dev_beaconPublicKey"),
        ...part,
      }),
    async dispose() {
      await chain.close();
      await devchain.dispose();
      await rm(journal_directory, { recursive: true });
    },
  };
  return world;
}
