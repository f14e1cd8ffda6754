/** A subnet's position in its cycle of epochs. Runtimes from spec 407 on keep it in storage; older ones compute it. */
export type EpochState =
  | {
      readonly kind: "stateful";
      readonly tempo: number;
      readonly last_epoch_block: number;
      /** 0: no epoch was triggered by hand. */
      readonly pending_epoch_at: number;
      readonly epoch_index: number;
      readonly blocks_since_last_step: number;
    }
  | { readonly kind: "computed"; readonly tempo: number; readonly netuid: number };

/** The subnet never runs an epoch (tempo 0), so nothing can be scheduled. */
export class NoScheduleError extends Error {
  override readonly name = "NoScheduleError";
}

/** A step is forced when none ran for this many blocks (`MAX_BLOCKS_SINCE_LAST_STEP`). */
const blocks_without_step_max = 50_400;
/** Drand quicknet's first round, seconds since 1970. */
const quicknet_genesis_s = 1_692_803_367;
const quicknet_period_s = 3;
/** The beacon's signature reaches the chain after its time: a commit names a round this many blocks into the reveal epoch. */
const reveal_margin_blocks = 3;

/** Whether weights may be set in block `block`: they never were, or the rate window is over (chain §4). */
export function isWindowOpen(block: number, last_update: number, rate_limit_blocks: number): boolean {
  return last_update === 0 || block - last_update >= rate_limit_blocks;
}

/** The first block in which weights may be set again; 0 when they never were. */
export function windowOpensAt(last_update: number, rate_limit_blocks: number): number {
  return last_update === 0 ? 0 : last_update + rate_limit_blocks;
}

/** The first block after `head` in which an epoch fires. @throws NoScheduleError when tempo is 0 */
export function nextEpochBlock(state: EpochState, head: number): number {
  if (state.tempo === 0) throw new NoScheduleError("tempo is 0: this subnet runs no epochs");
  if (state.kind === "computed") {
    const period = state.tempo + 1;
    return (Math.floor((head + state.netuid + 1) / period) + 1) * period - state.netuid - 1;
  }
  const by_tempo = state.last_epoch_block + state.tempo;
  const by_trigger = state.pending_epoch_at > 0 ? state.pending_epoch_at : Number.POSITIVE_INFINITY;
  const by_force = head - state.blocks_since_last_step + blocks_without_step_max + 1;
  return Math.max(head + 1, Math.min(by_tempo, by_trigger, by_force));
}

/**
 * The first block of the epoch in which a commit sent now is revealed, for an extrinsic that lands at `head + 1`
 * (chain §5).
 *
 * @throws NoScheduleError when tempo is 0
 */
export function revealBlock(state: EpochState, head: number, reveal_period_epochs: number): number {
  const landing = head + 1;
  let fires_at = nextEpochBlock(state, head);
  // A commit that lands in an epoch's block belongs to that epoch: counting begins after it.
  let epochs_to_go = reveal_period_epochs + (fires_at === landing ? 1 : 0);
  let walking = state;
  while (epochs_to_go > 1) {
    walking = afterEpoch(walking, fires_at);
    fires_at = nextEpochBlock(walking, fires_at);
    epochs_to_go -= 1;
  }
  return fires_at;
}

/** Whether no epoch fired between `block` and the head at which `state` was read. */
export function isSameEpoch(state: EpochState, block: number, head: number): boolean {
  if (state.kind === "stateful") return state.last_epoch_block <= block;
  const epochOf = (number: number) => Math.floor((number + state.netuid + 1) / (state.tempo + 1));
  return epochOf(block) === epochOf(head);
}

/** The state behind an epoch that fired in `block`. */
export function afterEpoch(state: EpochState, block: number): EpochState {
  if (state.kind === "computed") return state;
  return {
    ...state,
    last_epoch_block: block,
    pending_epoch_at: state.pending_epoch_at > 0 && block >= state.pending_epoch_at ? 0 : state.pending_epoch_at,
    epoch_index: state.epoch_index + 1,
    blocks_since_last_step: 0,
  };
}

/** The Drand quicknet round whose signature is public by `time_ms`; at least 1. */
export function roundAt(time_ms: number): number {
  return Math.max(1, Math.floor((time_ms / 1000 - quicknet_genesis_s) / quicknet_period_s));
}

/** When round `round` is published, milliseconds since 1970. */
export function roundTime(round: number): number {
  return (quicknet_genesis_s + round * quicknet_period_s) * 1000;
}

/** The round a commit sent at `head` must name, from the wall clock and the chain's block time. */
export function revealRound(input: {
  readonly state: EpochState;
  readonly head: number;
  readonly reveal_period_epochs: number;
  readonly now_ms: number;
  readonly block_time_ms: number;
}): number {
  const target = revealBlock(input.state, input.head, input.reveal_period_epochs) + reveal_margin_blocks;
  return roundAt(input.now_ms + (target - input.head) * input.block_time_ms);
}
