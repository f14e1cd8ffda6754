import type { Chain } from "#shared/chain/chain.ts";
import type { Hotkey } from "#shared/chain/hotkey.ts";
import { isSameEpoch } from "#shared/chain/schedule.ts";
import { type ChainVector, quantiseWeights } from "#shared/chain/weights-vector.ts";
import type { Logger } from "#shared/observability/logger.ts";
import type { Clock } from "#shared/time/clock.ts";
import { pause } from "#shared/time/pause.ts";
import { refusalByName } from "./chain/chain-errors.ts";
import { checkReveal } from "./chain/reveal-check.ts";
import { settlePending, submitOnce, vectorDigest } from "./chain/submit-once.ts";
import type { WeightsChain } from "./chain/weights-chain.ts";
import type { Journal, Settlement } from "./journal.ts";
import type { SubmitterMetrics, SubmitterStatus } from "./status.ts";
import { type Vector, VectorError } from "./verify-vector.ts";

export interface SubmitLoopOptions {
  readonly chain: WeightsChain;
  readonly journal: Journal;
  readonly clock: Clock;
  readonly log: Logger;
  readonly hotkey: Hotkey;
  readonly netuid: number;
  readonly mechanism: number;
  readonly version_key: bigint;
  readonly beacon_public_key: string;
  readonly interval_ms: number;
  readonly refresh_blocks: number;
  readonly status: SubmitterStatus;
  readonly metrics: SubmitterMetrics;
  fetchVector(): Promise<Vector>;
}

/** Keeps the newest vector on the chain: settles the pending submission, fetches the vector, sends it if needed, and repeats. */
export class SubmitLoop {
  readonly #options: SubmitLoopOptions;
  #epoch_seen = -1;

  constructor(options: SubmitLoopOptions) {
    this.#options = options;
  }

  /** Runs until `signal` is aborted. A round that fails is logged, and the next one follows. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, interval_ms, status, log } = this.#options;
    while (!signal.aborted) {
      try {
        await this.look();
      } catch (error) {
        if (signal.aborted) return;
        status.activity = "chain_unreachable";
        status.reason = (error as Error).message;
        log.warn({ err: error }, "the chain could not be read; it is tried again");
      }
      await pause(clock, interval_ms, signal);
    }
  }

  /** One round: settles the pending submission, then sends a new vector. */
  async look(): Promise<void> {
    const { chain, journal, status } = this.#options;
    if (journal.pending !== null) {
      const settled = await settlePending(chain, journal);
      if (settled === null) {
        this.#note("pending", "an earlier submission is not settled yet");
        return;
      }
      this.#settled(settled);
    }
    const vector = await this.#nextVector();
    status.endpoint = chain.endpoint;
    if (vector === undefined) return;
    if (await this.#isStanding(vector, chain)) {
      this.#note("idle", null);
      return;
    }
    if (await this.#isHeld(vector)) {
      this.#note("held", `${journal.last?.error ?? "refused"}: not sent again within this epoch`);
      return;
    }
    await this.#send(vector);
  }

  async #send(vector: ChainVector): Promise<void> {
    const { status, log } = this.#options;
    const result = await submitOnce({
      ...this.#options,
      vector,
      included: (block_hash) => {
        status.included_block_hash = block_hash;
        log.info({ block_hash }, "the weights are in a block");
      },
    });
    switch (result.kind) {
      case "waiting":
        this.#note("waiting", `the next possible block is ${result.until_block}`);
        break;
      case "pending":
        this.#note("pending", result.reason);
        log.warn({ reason: result.reason }, "the weights were sent, and their outcome is not known yet");
        break;
      case "refused":
        this.#note("refused", result.refusal.name);
        if (result.refusal.isPermanent) this.#alert(result.refusal.name);
        break;
      case "settled":
        this.#settled(result.settlement);
        break;
    }
  }

  #settled({ outcome, block, error, entry }: Settlement): void {
    const { status, log, metrics } = this.#options;
    metrics.count(outcome);
    if (outcome === "landed") {
      status.finalized_block = block;
      status.is_revealed = entry.commit === undefined ? null : false;
      if (status.alert !== "CommitNotRevealed") status.alert = null;
      this.#note("landed", null);
      log.info({ block, kind: entry.kind, uids: entry.uids.length }, "the weights are final");
      return;
    }
    this.#note("failed", error);
    log.warn({ outcome, block, reason: error }, "the weights were not set");
    if (error !== null && (outcome === "failed" || outcome === "refused") && refusalByName(error).isPermanent)
      this.#alert(error);
  }

  #alert(name: string): void {
    const { status, log } = this.#options;
    if (status.alert !== name)
      log.error({ alert: name }, "the chain refuses the weights of this hotkey until somebody acts");
    status.alert = name;
  }

  async #nextVector(): Promise<ChainVector | undefined> {
    const { status, log } = this.#options;
    try {
      const vector = await this.#options.fetchVector();
      if (vector.epoch < this.#epoch_seen)
        throw new VectorError("older_epoch", `epoch ${vector.epoch} is older than ${this.#epoch_seen}, seen before`);
      const on_chain = quantiseWeights(vector.uids, vector.weights);
      this.#epoch_seen = vector.epoch;
      status.vector_epoch = vector.epoch;
      return on_chain;
    } catch (error) {
      this.#note("no_vector", (error as Error).message);
      log.warn({ err: error }, "no valid vector could be fetched; it is tried again");
      return undefined;
    }
  }

  /** Whether we set this same vector less than `refresh_blocks` ago. */
  async #isStanding(vector: ChainVector, chain: Chain): Promise<boolean> {
    const { journal, refresh_blocks } = this.#options;
    const { last } = journal;
    if (last === null || last.outcome !== "landed" || !this.#isOurs(last, vector)) return false;
    const { block } = await chain.head();
    this.#options.status.finalized_block ??= last.block;
    if (last.entry.commit !== undefined && (await this.#isRevealMissed(last))) return false;
    return last.block !== null && block >= last.block && block - last.block < refresh_blocks;
  }

  /** Whether the chain dropped our commit without revealing it. Then the vector is sent again, with an alert. */
  async #isRevealMissed({ entry }: Settlement): Promise<boolean> {
    const { chain, hotkey, netuid, mechanism, status, metrics, log } = this.#options;
    if (status.is_revealed === true) return false;
    const { uid } = await chain.readSubnet({ netuid, mechanism, hotkey: hotkey.address });
    const outcome = uid === null ? "missed" : await checkReveal(chain, entry, uid);
    status.is_revealed = outcome === "revealed";
    if (outcome === "revealed") {
      status.alert = null;
      log.info({ reveal_round: entry.commit?.reveal_round }, "the committed weights are revealed");
    }
    if (outcome !== "missed") return false;
    metrics.count("not_revealed");
    this.#alert("CommitNotRevealed");
    return true;
  }

  /** Whether the chain refused this same vector for good in the present epoch. */
  async #isHeld(vector: ChainVector): Promise<boolean> {
    const { chain, journal, hotkey, netuid, mechanism } = this.#options;
    const { last } = journal;
    if (last === null || (last.outcome !== "failed" && last.outcome !== "refused") || !this.#isOurs(last, vector))
      return false;
    if (last.error === null || !refusalByName(last.error).isPermanent) return false;
    const state = await chain.readSubnet({ netuid, mechanism, hotkey: hotkey.address });
    return isSameEpoch(state.epoch, last.block ?? last.entry.era_birth, state.block);
  }

  #isOurs({ entry }: Settlement, vector: ChainVector): boolean {
    const { hotkey, netuid, mechanism } = this.#options;
    return (
      entry.hotkey === hotkey.address &&
      entry.netuid === netuid &&
      entry.mechanism === mechanism &&
      entry.vector_digest === vectorDigest(vector)
    );
  }

  #note(activity: SubmitterStatus["activity"], reason: string | null): void {
    this.#options.status.activity = activity;
    this.#options.status.reason = reason;
  }
}
