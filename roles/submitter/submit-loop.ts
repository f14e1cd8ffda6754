import type { Chain } from "#shared/chain/chain.ts";
import type { Hotkey } from "#shared/chain/hotkey.ts";
import { isSameEpoch } from "#shared/chain/schedule.ts";
import { type ChainVector, quantiseWeights } from "#shared/chain/weights-vector.ts";
import type { Logger } from "#shared/observability/logger.ts";
import type { Clock } from "#shared/time/clock.ts";
import { pause } from "#shared/time/pause.ts";
import { refusalByName } from "./chain/chain-errors.ts";
import type { Journal, Settlement } from "./chain/journal.ts";
import { checkReveal } from "./chain/reveal-check.ts";
import { settlePending, submitOnce, vectorDigest } from "./chain/submit-once.ts";
import type { WeightsChain } from "./chain/weights-chain.ts";
import { type Vector, VectorError } from "./fetch-vector.ts";
import type { SubmitterMetrics, SubmitterStatus } from "./status.ts";

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

/** Looks at vector and chain, over and over, and keeps the one on the other. */
export class SubmitLoop {
  readonly #options: SubmitLoopOptions;
  #epoch_seen = -1;

  constructor(options: SubmitLoopOptions) {
    this.#options = options;
  }

  /** Runs until `signal` is aborted. A look that fails is logged and followed by the next. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, interval_ms, status, log } = this.#options;
    while (!signal.aborted) {
      try {
        await this.look();
      } catch (error) {
        if (signal.aborted) return;
        status.activity = "chain_unreachable";
        status.reason = (error as Error).message;
        log.warn({ err: error }, "the chain could not be read");
      }
      await pause(clock, interval_ms, signal);
    }
  }

  /** One look: settle what is open, then send what is new. */
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
        this.#note("waiting", `the next chance is block ${result.until_block}`);
        break;
      case "pending":
        this.#note("pending", result.reason);
        log.warn({ reason: result.reason }, "sent, and not known yet what became of it");
        break;
      case "refused":
        this.#note("refused", result.refusal.name);
        if (result.refusal.is_permanent) this.#alert(result.refusal.name);
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
    if (error !== null && (outcome === "failed" || outcome === "refused") && refusalByName(error).is_permanent)
      this.#alert(error);
  }

  #alert(name: string): void {
    const { status, log } = this.#options;
    if (status.alert !== name)
      log.error({ alert: name }, "the chain will not take weights of this hotkey until somebody acts");
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
      log.warn({ err: error }, "there is no vector to set");
      return undefined;
    }
  }

  /** True when the very vector was set, by us, less than `refresh_blocks` ago. */
  async #isStanding(vector: ChainVector, chain: Chain): Promise<boolean> {
    const { journal, refresh_blocks } = this.#options;
    const { last } = journal;
    if (last === null || last.outcome !== "landed" || !this.#isOurs(last, vector)) return false;
    const { block } = await chain.head();
    this.#options.status.finalized_block ??= last.block;
    if (last.entry.commit !== undefined && (await this.#isRevealMissed(last))) return false;
    return last.block !== null && block >= last.block && block - last.block < refresh_blocks;
  }

  /** True when the chain dropped our commit without revealing it: the vector must be sent again, and somebody should know. */
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

  /** True when the chain refused the very vector for good, in the epoch that still runs. */
  async #isHeld(vector: ChainVector): Promise<boolean> {
    const { chain, journal, hotkey, netuid, mechanism } = this.#options;
    const { last } = journal;
    if (last === null || (last.outcome !== "failed" && last.outcome !== "refused") || !this.#isOurs(last, vector))
      return false;
    if (last.error === null || !refusalByName(last.error).is_permanent) return false;
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
